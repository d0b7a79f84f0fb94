"""Organisations: each is answered by what is its own, and sees nobody else's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.guardrails import GuardrailDraft, put_guardrail
from tests.server.process import wait_until
from tests.server.serving import Served, ask
from tests.server.tenancy import Team
from tests.upstream.fault import chat, chat_stream, error, models

Start = Callable[..., Any]
SAY: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with Team(tmp_path / "dragoman.db") as team:
        yield team


def speak(text: str) -> Callable[[Any], Any]:
    """Answer with a text, streamed or not, as asked; and list models."""

    def answer(request: Any) -> Any:
        if request.method == "GET":
            return models("m")
        return chat_stream([text]) if request.json().get("stream") else chat(text)

    return answer


@pytest.fixture
def two(team: Team, upstream: Start, serve: Start) -> tuple[Served, dict[str, Any]]:
    """Two organisations, each with a provider `acme`; the operator has one that both may use."""
    ups = {name: upstream(speak(name)) for name in ("red", "blue", "ours")}
    keys = {}
    for name in ("red", "blue"):
        organisation = team.organisation(name)
        team.provider(organisation, "acme", ups[name].base_url, token=f"{name}-token")
        team.route(organisation, "smart", {"models": ["acme/m", "ours/m"]})
        keys[name] = team.key(organisation)[1]
    served = serve({"ours": {"base_url": ups["ours"].base_url}}, team=team)
    return served, {"ups": ups, "keys": keys}


def say(client: Any, model: str, language: str, *, stream: bool) -> Any:
    """Ask in a language with its SDK; gather what comes."""
    if language == "messages":
        if stream:
            with client.messages.stream(model=model, max_tokens=9, messages=SAY) as messages:
                return "".join(messages.text_stream)
        made = client.messages.create(model=model, max_tokens=9, messages=SAY)
        return "".join(block.text for block in made.content if block.type == "text")
    if language == "responses":
        if stream:
            with client.responses.stream(model=model, input="hi") as events:
                return events.get_final_response().output_text
        return client.responses.create(model=model, input="hi").output_text
    if stream:
        with client.chat.completions.create(model=model, messages=SAY, stream=True) as chunks:
            return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    return client.chat.completions.create(model=model, messages=SAY).choices[0].message.content


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("language", ["chat", "responses", "messages"])
def test_the_same_name_leads_each_organisation_to_its_own_provider(
    two: tuple[Served, dict[str, Any]], language: str, stream: bool
) -> None:
    served, world = two
    make = served.anthropic if language == "messages" else served.openai
    for name, key in world["keys"].items():
        assert say(make(api_key=key), "acme/m", language, stream=stream) == name
        assert say(make(api_key=key), "ours/m", language, stream=stream) == "ours"
    assert {request.header("authorization") for request in world["ups"]["red"].requests} == {
        "Bearer red-token"
    }


def test_a_route_of_an_organisation_falls_back_to_the_operator_s_provider(
    team: Team, upstream: Start, serve: Start
) -> None:
    broken, ours = upstream(error(500)), upstream(chat("ours"))
    organisation = team.organisation("red")
    team.provider(organisation, "acme", broken.base_url, token="t", retries=0)
    team.route(organisation, "smart", {"models": ["acme/m", "ours/m"]})
    key = team.key(organisation)[1]
    served = serve({"ours": {"base_url": ours.base_url}}, team=team)
    assert say(served.openai(api_key=key), "smart", "chat", stream=False) == "ours"
    exchange = served.seen.wait()
    assert [attempt.provider for attempt in exchange.attempts] == ["acme", "ours"]
    assert exchange.organisation_id == organisation
    assert ours.requests[0].header("authorization") is None


GONE = {
    "deleted": "gone/x",
    "closed again": "theirs/x",
    "not listed any more": "few/x",
    "a route with nothing left": "empty",
    "every model of what is gone": "gone/*",
}


@pytest.mark.parametrize("name", GONE)
@pytest.mark.parametrize("auto", [None, "price"])
def test_an_entry_of_an_organisation_s_route_that_is_gone_is_passed_over(
    team: Team, upstream: Start, serve: Start, name: str, auto: str | None
) -> None:
    red = team.organisation("red", operator_providers=("ours",))
    team.provider(red, "acme", upstream(speak("acme")).base_url, token="t", models=["big"])
    team.provider(red, "few", upstream(speak("few")).base_url, models=["y"], models_only=True)
    more = {} if auto is None else {"auto": auto}
    team.route(red, "empty", {"models": ["gone/x"]})
    team.route(red, "rd", {"models": [GONE[name], "acme/big"], **more})
    team.route(red, "lost", {"models": [GONE[name]], **more})
    key = team.key(red)[1]
    theirs = {"theirs": {"base_url": upstream(speak("theirs")).base_url}}
    client = serve(theirs, team=team).openai(api_key=key)
    assert say(client, "rd", "chat", stream=False) == "acme"
    with pytest.raises(openai.NotFoundError, match=r"'lost' leads nowhere: .*" + GONE[name][:3]):
        say(client, "lost", "chat", stream=False)


def test_an_image_model_that_is_gone_is_missed_by_nobody_who_sends_no_image(
    team: Team, upstream: Start, serve: Start
) -> None:
    red = team.organisation("red")
    team.provider(red, "acme", upstream(speak("acme")).base_url, token="t")
    team.route(red, "rd", {"models": ["acme/big"], "image_model": "gone/x"})
    client = serve({}, team=team).openai(api_key=team.key(red)[1])
    assert say(client, "rd", "chat", stream=False) == "acme"


def test_a_slip_in_a_route_of_the_configuration_is_told_to_all(
    team: Team, upstream: Start, serve: Start
) -> None:
    ours = {"ours": {"base_url": upstream(speak("ours")).base_url}}
    client = serve(ours, routes={"slip": {"models": ["oops/m", "ours/m"]}}).openai()
    with pytest.raises(openai.NotFoundError, match="unknown model 'oops/m', in route 'slip'"):
        say(client, "slip", "chat", stream=False)


ASKED: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": SAY},
    "responses": {"input": "hi"},
    "messages": {"messages": SAY, "max_tokens": 5},
    "embeddings": {"input": "hi"},
    "completions": {"prompt": "hi"},
    "messages/count_tokens": {"messages": SAY},
    "images/generations": {"prompt": "a cat"},
    "audio/speech": {"input": "hi", "voice": "v"},
    "rerank": {"query": "q", "documents": ["d"]},
    "moderations": {"input": "hi"},
}


@pytest.mark.parametrize("path", ASKED)
def test_every_endpoint_asks_the_provider_of_who_asks(
    team: Team, upstream: Start, serve: Start, path: str
) -> None:
    red, blue = upstream(error(418)), upstream(error(418))
    api = "anthropic-messages" if path.startswith("messages/") else "openai-completions"
    for name, up in (("red", red), ("blue", blue)):
        team.provider(team.organisation(name), "acme", up.base_url, api=api)
    key = team.key(team.id_of("blue"))[1]
    served = serve({}, team=team)
    body = json.dumps({"model": "acme/m", **ASKED[path]}).encode()
    ask(f"{served.base_url}/{path}", body, x_api_key=key)
    assert [request.path for request in blue.requests] != []
    assert red.requests == []


def test_models_are_listed_to_whom_they_belong(two: tuple[Served, dict[str, Any]]) -> None:
    served, world = two
    client = served.openai(api_key=world["keys"]["red"])
    assert "smart" in {model.id for model in client.models.list()}
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="blue-thing/m", messages=SAY)
    assert "blue" not in str(caught.value).replace("blue-thing", "")


def test_a_quota_says_which_of_the_operator_s_providers_are_open(
    team: Team, upstream: Start, serve: Start
) -> None:
    ours, theirs = upstream(chat("ours")), upstream(chat("theirs"))
    organisation = team.organisation("red", operator_providers=("ours",))
    key = team.key(organisation)[1]
    served = serve(
        {"ours": {"base_url": ours.base_url}, "theirs": {"base_url": theirs.base_url}},
        team=team,
        routes={"any": {"models": ["theirs/m", "ours/m"]}},
    )
    client = served.openai(api_key=key)
    assert say(client, "ours/m", "chat", stream=False) == "ours"
    assert say(client, "any", "chat", stream=False) == "ours"
    with pytest.raises(openai.NotFoundError, match="no provider is called 'theirs'"):
        say(client, "theirs/m", "chat", stream=False)
    assert theirs.requests == []


def test_a_broken_row_leaves_all_else_alone(two: tuple[Served, dict[str, Any]], team: Team) -> None:
    served, world = two
    red = team.id_of("red")
    team.provider(red, "good", world["ups"]["red"].base_url, token="t")
    team.break_row("UPDATE provider SET definition = '[1', version = 9 WHERE name = 'acme'"
                   f" AND organisation_id = '{red}'")  # fmt: skip
    team.break_row("UPDATE route SET definition = '{\"models\": 7}', version = 9"
                   f" WHERE organisation_id = '{red}'")  # fmt: skip
    clients = {name: served.openai(api_key=key) for name, key in world["keys"].items()}
    assert say(clients["blue"], "acme/m", "chat", stream=False) == "blue"
    assert say(clients["red"], "good/m", "chat", stream=False) == "red"
    for name in ("acme/m", "smart"):
        with pytest.raises(openai.APIStatusError):
            say(clients["red"], name, "chat", stream=False)


def test_what_is_nested_without_end_is_no_more_than_another_broken_row(
    two: tuple[Served, dict[str, Any]], team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    served, world = two
    red, deep = team.id_of("red"), "[" * 100_000
    clients = {name: served.openai(api_key=key) for name, key in world["keys"].items()}
    broken = {"route": "definition", "gateway_key": "rules", "guardrail": "definition"}
    draft = GuardrailDraft(definition={"kind": "secrets"}, mode="shadow")
    put_guardrail(team.desk, SYSTEM, red, "only-tells", draft, operators=())
    for table, column in broken.items():
        team.break_row(f"UPDATE {table} SET {column} = '{deep}', version = version + 1"
                       f" WHERE organisation_id = '{red}'")  # fmt: skip
    _, key = team.key(red, "other")
    other = served.openai(api_key=key)
    assert say(other, "acme/m", "chat", stream=False) == "red"  # what only tells is left out
    with pytest.raises(openai.AuthenticationError):
        say(clients["red"], "acme/m", "chat", stream=False)
    with pytest.raises(openai.APIStatusError):
        say(other, "smart", "chat", stream=False)
    for column in ("settings", "quotas"):
        team.break_row(f"UPDATE organisation SET {column} = '{deep}', version = version + 1"
                       f" WHERE id = '{red}'")  # fmt: skip
    told = ("settings of the", "quotas of the", "the key key_", "route 'smart'", "'only-tells'")
    wait_until(lambda: all(words in caplog.text for words in told))
    assert say(clients["blue"], "smart", "chat", stream=False) == "blue"


def test_a_token_goes_to_the_origin_that_it_was_given_for_and_nowhere_else(
    team: Team, upstream: Start, serve: Start
) -> None:
    before, after = upstream(chat("before")), upstream(chat("after"))
    organisation = team.organisation("red")
    team.provider(organisation, "acme", before.base_url, token="secret-token")
    said = json.dumps({"base_url": after.base_url})
    team.break_row(f"UPDATE provider SET definition = '{said}', version = 2")
    served = serve({}, team=team)
    with pytest.raises(openai.APIStatusError):
        say(served.openai(api_key=team.key(organisation)[1]), "acme/m", "chat", stream=False)
    assert after.requests == []


def test_what_is_kept_of_responses_is_the_key_s_alone(
    team: Team, upstream: Start, serve: Start, tmp_path: Path
) -> None:
    up = upstream(lambda _: chat("kept"))
    clients = {}
    served = serve({"ours": {"base_url": up.base_url}}, team=team, server={"store_responses": True})
    for name in ("red", "blue"):
        clients[name] = served.openai(api_key=team.key(team.organisation(name), "web")[1])
    made = clients["red"].responses.create(model="ours/m", input="hi", store=True)
    assert clients["red"].responses.retrieve(made.id).id == made.id
    with pytest.raises(openai.NotFoundError):
        clients["blue"].responses.retrieve(made.id)


def test_what_tells_of_everybody_is_for_the_operator(two: tuple[Served, dict[str, Any]]) -> None:
    served, world = two
    status, _, body = ask(f"{served.url}/metrics", method="GET", x_api_key=world["keys"]["red"])
    assert (status, b"blue" in body) == (403, False)


def test_errors_of_a_tenant_s_provider_tell_nothing_of_the_machine(
    team: Team, serve: Start
) -> None:
    organisation = team.organisation("red")
    team.provider(organisation, "acme", "https://acme.example/v1", token="t")
    said = json.dumps({"base_url": "https://127.0.0.1:9/v1"})
    team.break_row(
        f"UPDATE provider SET definition = '{said}', egress = 'organisation',"
        " origin = 'https://127.0.0.1:9', version = 2"
    )
    served = serve({}, team=team)
    with pytest.raises(openai.APIStatusError) as caught:
        say(served.openai(api_key=team.key(organisation)[1]), "acme/m", "chat", stream=False)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.code == "destination_not_allowed"


def test_ten_thousand_keys_are_found_as_one_is(team: Team) -> None:
    from dragoman.server.admission.census import read_census

    organisation = team.organisation("red")
    _, text = team.key(organisation)
    rows = [(f"key_{n}", organisation, f"n{n}", "p", f"{n:064x}", 0.0, 0.0) for n in range(10_000)]
    columns = ("id", "organisation_id", "name", "prefix", "digest", "created_at", "updated_at")
    with team.desk.read() as connection:
        with connection.transaction():
            connection.insert("gateway_key", columns, rows)
        first = read_census(connection, None)
        again = read_census(connection, first)
    assert len(first.keys) == 10_001
    digest = team.safe.digest(text)
    assert again.keys[digest] is first.keys[digest]


def test_anthropic_s_client_is_told_in_its_own_words(two: tuple[Served, dict[str, Any]]) -> None:
    served, _ = two
    with pytest.raises(anthropic.AuthenticationError, match="not valid"):
        say(served.anthropic(api_key="dk_wrong"), "acme/m", "messages", stream=False)
