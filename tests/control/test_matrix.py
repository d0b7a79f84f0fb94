"""Who may do what: every operation, by eight actors, on objects of their own, others', and none.

The operations are those of the OpenAPI document, what is expected stands in cases/matrix.toml.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.control.plane import Answer, Plane

CASES = tomllib.loads((Path(__file__).parent / "cases" / "matrix.toml").read_text())
OBJECTS: Mapping[str, Any] = CASES.pop("objects")
PREFIX = "/api/v1"
OWN, OTHER, NOWHERE = "acme", "globex", "nowhere"
ROLES = ("viewer", "member", "admin", "owner")
ACTORS = ("anonymous", "key", "stranger", *ROLES, "operator")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MISSING = "missing-thing"
DEFAULT_OK = (200, 201, 204)
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Call(NamedTuple):
    """One question: by whom, of which organisation, about which object."""

    actor: str
    organisation: str
    which: str


class World:
    """Two organisations with everything in them, and somebody of each kind."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self._numbers = itertools.count()
        for name in (OWN, OTHER):
            plane.organisation(name)
        operator = plane.account("operator@example.com", operator=True)
        accounts = {role: plane.account(f"{role}@example.com", acme=role) for role in ROLES}
        accounts["stranger"] = plane.account("stranger@example.com", globex="owner")
        self._spare = {name: plane.account(f"spare-{name}@example.com") for name in (OWN, OTHER)}
        self.headers = {actor: plane.session(made) for actor, made in accounts.items()}
        self.headers |= {"operator": plane.session(operator), "anonymous": {}}
        key = self.ask("operator", "POST", f"organisations/{OWN}/keys", {"name": "opens"}).json
        self.headers["key"] = {"authorization": f"Bearer {key['key']}"}
        self._made: dict[tuple[str, str], str] = {}

    def ask(
        self, actor: str, method: str, path: str, body: Any = None, query: Any = NOTHING
    ) -> Answer:
        return self.plane.ask(method, path, body, headers=self.headers[actor], query=query)

    def number(self) -> int:
        """Give another number each time."""
        return next(self._numbers)

    def fill(self, said: Any, **names: str) -> Any:
        """Put numbers and names into what is to be sent."""
        if said is None:
            return None
        text = json.dumps(said).replace("{n}", str(self.number()))
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", value)
        return json.loads(text)

    def object_in(self, kind: str, organisation: str, *, new: bool) -> str:
        """Find an object of a kind in an organisation; a `new` one where it may be gone."""
        rule = OBJECTS[kind]
        if not new and (kind, organisation) in self._made:
            return self._made[kind, organisation]
        found: str = rule.get("own" if organisation == OWN else "foreign", "")
        if rule.get("account"):
            found = self._spare[organisation]
        if "make" in rule:
            path = rule["path"].replace("{org}", organisation).replace("{id}", found)
            answer = self.ask("operator", rule["make"], path, self.fill(rule["body"], id=found))
            assert answer.status in DEFAULT_OK, (kind, answer)
            if "take" in rule:
                found = answer.json[rule["take"]]
        self._made[kind, organisation] = found
        return found


def operations(world: World) -> dict[str, str | None]:
    """List the operations of the document, with the kind of object that their path names."""
    document = world.ask("operator", "GET", "/openapi.json").json
    found = {}
    for path, methods in document["paths"].items():
        if path.startswith(f"{PREFIX}/"):
            parts = path.removeprefix(PREFIX).strip("/").split("/")
            kinds = [
                before
                for before, part in itertools.pairwise(parts)
                if part.startswith("{") and part != "{org}"
            ]
            for method in methods:
                name = f"{method.upper()} {path.removeprefix(PREFIX)}"
                found[name] = kinds[0] if kinds else None
    # What takes things away comes last.
    return dict(sorted(found.items(), key=lambda one: METHODS.index(one[0].split(" ")[0])))


def calls(name: str, kind: str | None) -> Iterator[Call]:
    """List what is to be asked of an operation."""
    organisations = (OWN, OTHER, NOWHERE) if "{org}" in name else ("",)
    for actor, organisation in itertools.product(ACTORS, organisations):
        yield Call(actor, organisation, "own")
        if kind in OBJECTS and organisation != NOWHERE and actor not in ("anonymous", "key"):
            if organisation == OWN and "take" in OBJECTS[kind or ""]:
                yield Call(actor, organisation, "foreign")
            yield Call(actor, organisation, "missing")


def expected(case: Mapping[str, Any], call: Call) -> tuple[int, ...]:
    """Say what is to be answered."""
    who, actor = case["who"], call.actor
    ok = tuple(case.get("only", {}).get(actor, case.get("ok", DEFAULT_OK)))
    none = tuple(case.get("only_none", {}).get(actor, case.get("none", (404,))))
    may = ok if call.which == "own" else none
    if who == "open":
        return may
    if actor in ("anonymous", "key"):
        return (401,)
    if who == "signed_in":
        return may
    if who == "operator":
        return may if actor == "operator" else (403,)
    if call.organisation == NOWHERE:
        return (404,)
    home = OTHER if actor == "stranger" else OWN
    if actor == "operator":
        return may
    if call.organisation != home:
        return (404,)
    role = "owner" if actor == "stranger" else actor
    return may if ROLES.index(role) >= ROLES.index(who) else (403,)


def put_question(world: World, name: str, kind: str | None, call: Call) -> Answer:
    case = CASES[name]
    method, path = name.split(" ", 1)
    parts = path.strip("/").split("/")
    org = call.organisation
    names = {}
    if kind is not None:
        target = {"own": org or OWN, "foreign": OTHER, "missing": ""}[call.which]
        if not target or target == NOWHERE or kind not in OBJECTS:
            names["id"] = f"{MISSING}-{world.number()}"
        else:
            names["id"] = world.object_in(kind, target, new=method in ("DELETE", "POST"))
    filled = [
        org if part == "{org}" else names["id"] if part.startswith("{") else part for part in parts
    ]
    body = world.fill(case.get("body"), **names)
    query = world.fill(case.get("query", {}), **names)
    return world.ask(call.actor, method, "/".join(filled), body, query)


@pytest.fixture
def world(serve_plane: Any) -> World:
    return World(serve_plane())


def test_every_operation_is_in_the_matrix_and_nothing_else(world: World) -> None:
    served = set(operations(world))
    assert not served - set(CASES), "add them to cases/matrix.toml"
    assert not set(CASES) - served, "they are served no more"


def test_everybody_may_what_the_matrix_says_and_no_more(world: World) -> None:
    wrong: list[str] = []
    asked = 0
    for name, kind in operations(world).items():
        case = CASES.get(name)
        if case is None:  # another test says so
            continue
        for call in calls(name, kind):
            if "skip" in case and any(status < 300 for status in expected(case, call)):
                continue  # who is to be refused is refused there, too
            answer = put_question(world, name, kind, call)
            asked += 1
            if answer.status not in expected(case, call):
                wrong.append(f"{name} {call}: {answer.status} {answer.body[:200]!r}")
            elif answer.status >= 400:
                assert set(answer.json) == {"error"}, name
    assert not wrong, "\n".join(wrong)
    assert asked > 1000


def test_a_foreign_thing_and_none_are_told_in_the_same_words(world: World) -> None:
    for path in ("organisations/{}", "organisations/{}/projects", "organisations/{}/keys"):
        answers = {
            world.ask("owner", "GET", path.format(name)).body for name in (OTHER, NOWHERE, "x" * 99)
        }
        assert len(answers) == 1, answers
