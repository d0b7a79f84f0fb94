"""What is said is kept where that is wanted: as it was, without secrets, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from openai import BadRequestError

from dragoman.ledger.content import ContentLog, Heard
from dragoman.ledger.redaction import redact
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.organisations import find_organisation, update_organisation
from dragoman.store import Place
from dragoman.store.database import open_database
from dragoman.types.content import ContentMode
from dragoman.types.organisation import SettingsChange
from tests.server.serving import Served
from tests.server.tenancy import Team
from tests.upstream.fault import FaultUpstream, chat, chat_stream

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "mail ada@example.com with sk-proj-abcdefghijklmnopqrstuvwx"}]
MODES: tuple[ContentMode, ...] = ("off", "redacted", "full")
NARROW = {"providers": ("mycorp",)}
ANSWERS = {False: chat("Hi"), True: chat_stream(["Hi"])}


@pytest.fixture
def content(place: Place) -> Iterator[ContentLog]:
    open_database(place).close()
    kept = ContentLog(place)
    yield kept
    kept.close()


def rows(place: Place) -> list[Any]:
    with closing(open_database(place)) as connection:
        return connection.rows("SELECT * FROM content ORDER BY at")


def serve_with(
    kept: ContentLog, server: FaultUpstream, team: Team | None = None, **ledger: Any
) -> Served:
    providers = {"mycorp": {"base_url": server.base_url, "api_key": "secret"}}
    return Served(providers, content=kept, team=team, server={"ledger": ledger})


def say(team: Team, name: str, mode: ContentMode | None) -> None:
    """Have an organisation say what is kept of what is said in it."""
    with team.desk.read() as connection:
        found = find_organisation(connection, name)
    assert found is not None
    update_organisation(team.desk, SYSTEM, found, settings=SettingsChange(content=mode))


@pytest.mark.parametrize("mode", ["off", "redacted", "full"])
def test_what_is_said_is_kept_as_far_as_it_is_wanted(
    place: Place, content: ContentLog, upstream: StartUpstream, mode: str
) -> None:
    server = upstream([chat("Hello"), chat_stream(["4111 1111 ", "1111 1111"])])
    with serve_with(content, server, content=mode) as gateway:
        client = gateway.openai()
        client.chat.completions.create(model="mycorp/m", messages=PROMPT)
        list(client.chat.completions.create(model="mycorp/m", messages=PROMPT, stream=True))
        exchanges = [gateway.seen.wait(1), gateway.seen.wait(2)]
    content.close()
    found = rows(place)
    if mode == "off":
        assert found == []
        return
    assert [row["exchange_id"] for row in found] == [one.id for one in exchanges]
    assert {(row["mode"], row["organisation_id"]) for row in found} == {(mode, "default")}
    answers = [json.loads(row["response"])["choices"][0]["message"]["content"] for row in found]
    asked = [json.loads(row["request"])["messages"][0]["content"] for row in found]
    if mode == "full":
        assert answers == ["Hello", "4111 1111 1111 1111"]
        assert asked == [PROMPT[0]["content"]] * 2
    else:
        assert answers == ["Hello", "[card]"]
        assert asked == ["mail [email] with [secret]"] * 2


@pytest.mark.parametrize("name", ["acme", "default"])
@pytest.mark.parametrize("of_organisation", [None, *MODES])
def test_what_a_key_says_of_what_is_kept_holds_over_its_organisation(
    place: Place,
    content: ContentLog,
    upstream: StartUpstream,
    name: str,
    of_organisation: ContentMode | None,
) -> None:
    server = upstream(lambda request: ANSWERS[b'"stream":true' in request.body])
    with Team(place) as team:
        if name != "default":
            team.organisation(name)
        say(team, name, of_organisation)
        # Of one that may use less, and of one that says nothing else.
        rules = [{"content": mode, **more} for mode in (None, *MODES) for more in ({}, NARROW)]
        whose = team.id_of(name)
        keys = [team.key(whose, f"key {n}", **rule)[1] for n, rule in enumerate(rules)]
        with serve_with(content, server, team=team, content="redacted") as gateway:
            for key in keys:
                create = gateway.openai(api_key=key).chat.completions.create
                create(model="mycorp/m", messages=PROMPT)
                list(create(model="mycorp/m", messages=PROMPT, stream=True))
            names = {one.id: one.key for one in map(gateway.seen.wait, range(1, 17))}
    content.close()
    found = [(names[row["exchange_id"]], row["mode"]) for row in rows(place)]
    wanted = [rule["content"] or of_organisation or "redacted" for rule in rules]
    expected = [(f"key {n}", mode) for n, mode in enumerate(wanted) if mode != "off"]
    assert sorted(found) == [one for one in expected for _ in range(2)]
    for row in rows(place):
        assert ("ada@example.com" in row["request"]) == (row["mode"] == "full")


def test_all_three_languages_are_put_together_from_their_streams(
    place: Place, content: ContentLog, upstream: StartUpstream
) -> None:
    server = upstream(chat_stream(["So it", " is."]))
    with serve_with(content, server, content="full") as gateway:
        given: dict[str, Any] = {"model": "mycorp/m", "stream": True}
        list(gateway.openai().chat.completions.create(messages=PROMPT, **given))
        list(gateway.openai().responses.create(input="Why?", **given))
        list(gateway.anthropic().messages.create(messages=PROMPT, max_tokens=9, **given))
        gateway.seen.wait(3)
    content.close()
    answers = [json.loads(row["response"]) for row in rows(place)]
    assert all("So it is." in json.dumps(answer) for answer in answers)
    kinds = [answer.get("object") or answer["type"] for answer in answers]
    assert kinds == ["chat.completion", "response", "message"]


def test_long_texts_are_cut_and_say_so(
    place: Place, content: ContentLog, upstream: StartUpstream
) -> None:
    server = upstream(chat("x" * 5000))
    with serve_with(content, server, content="full", content_limit=100) as gateway:
        long = [{"role": "user", "content": "y" * 5000}]
        answer = gateway.openai().chat.completions.create(model="mycorp/m", messages=long)
        assert answer.choices[0].message.content == "x" * 5000
        gateway.seen.wait(1)
    content.close()
    (row,) = rows(place)
    assert (len(row["request"]), len(row["response"])) == (106, 106)
    assert row["request"].endswith("\n[cut]")


def test_what_guardrails_take_out_or_refuse_is_not_kept(
    place: Place, content: ContentLog, upstream: StartUpstream
) -> None:
    server = upstream([chat("the code is 4711"), *[chat_stream(["the code", " is 4711"])] * 2])
    rules = [
        {"name": "keys", "kind": "secrets", "where": ["in"]},
        {"name": "codes", "kind": "pattern", "patterns": ["4711"], "where": ["out"]},
        {"name": "never", "kind": "words", "words": ["forbidden"], "action": "deny"},
    ]
    providers = {"mycorp": {"base_url": server.base_url, "api_key": "secret"}}
    settings = {"ledger": {"content": "full"}}
    with Served(providers, content=content, server=settings, guardrails=rules) as gateway:
        client = gateway.openai()
        given: dict[str, Any] = {"model": "mycorp/m"}
        client.chat.completions.create(messages=PROMPT, **given)
        list(client.chat.completions.create(messages=PROMPT, stream=True, **given))
        list(client.responses.create(input=PROMPT[0]["content"], stream=True, **given))
        refused = [{"role": "user", "content": f"forbidden {PROMPT[0]['content']}"}]
        with pytest.raises(BadRequestError):
            client.chat.completions.create(messages=refused, **given)
        exchanges = [gateway.seen.wait(number) for number in range(1, 5)]
    content.close()
    found = rows(place)
    assert [row["exchange_id"] for row in found] == [one.id for one in exchanges[:3]]
    assert all("ada@example.com" in row["request"] for row in found)
    assert "sk-proj" not in "".join(row["request"] for row in found)
    assert "4711" not in "".join(row["response"] for row in found)


def test_what_nobody_can_read_or_write_is_dropped_alone(place: Place, content: ContentLog) -> None:
    def heard(name: str, text: str | None) -> Heard:
        def read() -> tuple[str, str]:
            if text is None:
                raise ValueError("broken")
            return text, text

        return Heard(name, "default", 1.0, "full", 10, read)

    content.keep(heard("a", "ok"))
    content.keep(heard("b", None))
    content.keep(heard("c", "lone \ud800 surrogate"))
    content.keep(heard("d", "nul \0"))
    content.close()
    found = {row["exchange_id"]: row["request"] for row in rows(place)}
    assert set(found) == {"a", "c", "d"}
    assert found["c"] == "lone ? surrogate"
    assert content.dropped == 1


def test_more_than_can_wait_drops_the_oldest(place: Place) -> None:
    content = ContentLog(place, limit_bytes=100)
    for number in range(50):
        content.keep(Heard(f"{number:02}", "default", 1.0, "full", 40, lambda: ("", "")))
    content.close()
    found = [row["exchange_id"] for row in rows(place)]
    assert "49" in found
    assert len(found) + content.dropped == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer [secret]"),
        ('{"api_key": "x1", "a": 1}', '{"api_key": "[secret]", "a": 1}'),
        ("write to a.b+c@example.co.uk!", "write to [email]!"),
        ("pay with 4111-1111-1111-1111 now", "pay with [card] now"),
        ("order 1234567890123456", "order 1234567890123456"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key [secret]."),
        ("call +49 30 1234567", "call [phone]"),
    ],
)
def test_secrets_and_what_names_people_are_taken_out(text: str, expected: str) -> None:
    assert redact(text) == expected
