"""What operators have not enabled for an organisation is not there: neither asked, nor told of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from dragoman.errors import UnknownModel
from tests.server.serving import Served
from tests.server.tenancy import Team
from tests.upstream.fault import chat

Start = Callable[..., Any]
SAY: Any = [{"role": "user", "content": "hi"}]
ROUTES: dict[str, Any] = {
    "house": {"models": ["ours/m"], "shadow": {"model": "theirs/m"}, "image_model": "theirs/m"},
    "mixed": {"models": ["theirs/m", "ours/m", "alone"]},
    "hidden": {"models": ["theirs/m", "alone"]},
    "nested": {"models": ["hidden", "away/x"]},
    "around": {"models": ["around", "hidden"]},
    "away/*": {"models": ["theirs/*"]},
    "best": {"models": ["theirs/*", "ours/*"], "auto": "price"},
}
HIDDEN = ("theirs/m", "theirs:m", "theirs", "alone", "hidden", "nested", "around", "away/m")
"""What leads to the provider that is not enabled, and nowhere else."""
NONE = ("ours/m", "ours", "house", "mixed", "best", "m", *HIDDEN, "demo/echo", "demo", "openai/x")
UNKNOWN = (
    "Error code: 404 - unknown model '{0}': no route or alias is called '{0}',"
    " no provider is called '{1}', no provider declares '{0}';"
    " name a provider and a model, as in PROVIDER/MODEL"
)


@pytest.fixture
def world(tmp_path: Path, upstream: Start, serve: Start) -> Iterator[Any]:
    """Make organisations that may use: nothing, `ours`, what is called like it, all there is."""
    with Team(tmp_path / "dragoman.db") as team:
        ups = {name: upstream(lambda _, name=name: chat(name)) for name in ("ours", "theirs")}
        opened = {"none": None, "some": ("ours",), "like": ("ou*",), "all": ("*",)}
        keys = {}
        for name, names in opened.items():
            organisation = team.organisation(name, operator_providers=names)
            keys[name] = team.key(organisation)[1]
        served = serve(
            {
                "ours": {"base_url": ups["ours"].base_url, "models": ["m"], "default_model": "m"},
                "theirs": {
                    "base_url": ups["theirs"].base_url,
                    "models": ["m", "alone"],
                    "default_model": "m",
                },
            },
            team=team,
            routes=ROUTES,
        )
        yield served, keys, ups


def told(served: Served, key: str, model: str) -> str:
    """Ask in two languages for what is not there; give what is said."""
    with pytest.raises(openai.NotFoundError) as caught:
        served.openai(api_key=key).chat.completions.create(model=model, messages=SAY)
    with pytest.raises(anthropic.NotFoundError):
        served.anthropic(api_key=key).messages.create(model=model, max_tokens=9, messages=SAY)
    with pytest.raises(openai.NotFoundError):
        served.openai(api_key=key).models.retrieve(model)
    return str(caught.value)


def offered(served: Served, key: str) -> set[str]:
    return {model.id for model in served.openai(api_key=key).models.list()}


def answered(served: Served, key: str, model: str) -> str | None:
    made = served.openai(api_key=key).chat.completions.create(model=model, messages=SAY)
    return made.choices[0].message.content


def test_what_is_not_enabled_is_unknown_as_anything_is(world: Any) -> None:
    served, keys, ups = world
    for name, refs in (("none", NONE), ("some", HIDDEN), ("like", HIDDEN)):
        for ref in (*refs, "nobody/x"):
            assert told(served, keys[name], ref) == UNKNOWN.format(ref, re.split("[/:]", ref)[0])
    assert ups["theirs"].requests == []
    assert ups["ours"].requests == []


def test_only_what_is_enabled_is_offered(world: Any) -> None:
    served, keys, _ = world
    assert offered(served, keys["none"]) == set()
    some = {"house", "mixed", "best", "ours/m"}
    assert offered(served, keys["some"]) == offered(served, keys["like"]) == some
    assert {*some, "theirs/m", "theirs/alone", "hidden", "demo/echo"} <= offered(
        served, keys["all"]
    )


def test_the_operators_routes_are_as_long_as_they_are_open(world: Any) -> None:
    served, keys, ups = world
    for name in ("some", "like"):
        for ref in ("ours/m", "ours", "house", "mixed", "best", "m"):
            assert answered(served, keys[name], ref) == "ours"
    assert ups["theirs"].requests == []  # nor has it seen a copy
    assert answered(served, keys["all"], "mixed") == "theirs"
    assert answered(served, keys["all"], "away/m") == "theirs"


def test_an_organisation_that_was_made_a_moment_ago_is_shown_nothing(world: Any) -> None:
    served, _, _ = world
    tenants, snapshot = served.gateway.reception.tenants, served.gateway.snapshot
    registry = tenants.registry_of("org_of_which_nobody_has_read_yet", snapshot)
    assert list(registry.models(catalog=False)) == []
    for ref in NONE:
        with pytest.raises(UnknownModel):
            registry.resolve(ref)


def test_what_is_enabled_or_taken_back_holds_at_once(tmp_path: Path, serve: Start) -> None:
    from dragoman.organisations.actor import SYSTEM
    from dragoman.organisations.organisations import resolve_organisation, update_organisation
    from dragoman.types.organisation import QuotasChange

    with Team(tmp_path / "dragoman.db") as team:
        red = team.organisation("red", operator_providers=None)
        key = team.key(red)[1]
        served = serve({}, team=team)
        for names, there in (((), False), (("demo",), True), ((), False), (("d*",), True)):
            with team.desk.read() as connection:
                organisation = resolve_organisation(connection, "red")
            quotas = QuotasChange(operator_providers=names)
            update_organisation(team.desk, SYSTEM, organisation, quotas=quotas)
            key = team.key(red, f"key{len(names)}{there}{organisation.version}")[1]  # seen with it
            assert ("demo/echo" in offered(served, key)) is there
            assert there or told(served, key, "demo/echo")
