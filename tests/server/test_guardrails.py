"""Guardrails through the gateway: requests and answers in three languages, streamed or not."""

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
from tests.server.serving import Served, ask
from tests.server.tenancy import Team
from tests.upstream.fault import FaultUpstream, chat, chat_stream, tool_calls

StartUpstream = Callable[..., FaultUpstream]
SECRET = "sk-abcdefghijklmnopqrstuvwxyz"
WARNINGS = "x-dragoman-warnings"
LANGUAGES = ("chat", "messages", "responses")
SPLIT = ["the key is s", "k-abcdefghij", "klmnopqrstuvwxyz", " and that is all"]
SAID = "the key is [secret removed] and that is all"


def rule(kind: str = "secrets", **settings: Any) -> dict[str, Any]:
    return {"name": "g", "kind": kind, **settings}


def serve_with(serve: Any, up: FaultUpstream, *rules: dict[str, Any], **more: Any) -> Served:
    gateway: Served = serve({"a": {"base_url": up.base_url}}, guardrails=list(rules), **more)
    return gateway


def say(gateway: Served, language: str, text: str, *, stream: bool = False) -> str:
    """Ask with an official client; give the text that it reads."""
    prompt: Any = [{"role": "user", "content": text}]
    if language == "messages":
        client = gateway.anthropic()
        if not stream:
            found = client.messages.create(model="a/x", max_tokens=99, messages=prompt)
            return "".join(block.text for block in found.content if block.type == "text")
        with client.messages.stream(model="a/x", max_tokens=99, messages=prompt) as events:
            return events.get_final_text()
    if language == "responses":
        if not stream:
            return gateway.openai().responses.create(model="a/x", input=text).output_text
        with gateway.openai().responses.stream(model="a/x", input=text) as events:
            return events.get_final_response().output_text
    chats = gateway.openai().chat.completions
    if not stream:
        return chats.create(model="a/x", messages=prompt).choices[0].message.content or ""
    chunks = chats.create(model="a/x", messages=prompt, stream=True)
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_secret_never_reaches_the_provider(
    serve: Any, upstream: StartUpstream, language: str
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_with(serve, server, rule())
    say(gateway, language, f"my key is {SECRET}")
    assert SECRET.encode() not in server.requests[0].body
    assert b"my key is [secret removed]" in server.requests[0].body
    exchange = gateway.seen.wait()
    assert exchange.warnings[0] == "guardrail g: redacted, in the request: secret (1)"


@pytest.mark.parametrize("more", [{}, {"stream": True}])
def test_no_choices_are_asked_and_paid_for_that_nobody_gets(
    serve: Any, upstream: StartUpstream, more: dict[str, Any]
) -> None:
    server = upstream(chat_stream(["ok"]) if more else chat("ok"))
    gateway = serve_with(serve, server, rule())
    prompt = {"model": "a/x", "messages": [{"role": "user", "content": "hi"}], "n": 2}
    status, headers, _ = ask(
        f"{gateway.url}/chat/completions", json.dumps({**prompt, **more}).encode()
    )
    assert status == 200
    assert headers[WARNINGS].startswith("n is not sent: ")
    assert "n" not in json.loads(server.requests[0].body)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_secret_never_comes_out_though_it_is_cut(
    serve: Any, upstream: StartUpstream, language: str, stream: bool
) -> None:
    server = upstream(chat_stream(SPLIT) if stream else chat("".join(SPLIT)))
    gateway = serve_with(serve, server, rule())
    assert say(gateway, language, "hi", stream=stream) == SAID
    exchange = gateway.seen.wait()
    assert [(f.where, f.what, f.count) for f in exchange.findings] == [("out", "secret", 1)]
    assert (exchange.outcome, exchange.usage and exchange.usage.completion_tokens) == ("ok", 3)


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_events_of_a_stream_hold_it_nowhere(
    serve: Any, upstream: StartUpstream, language: str, size: int
) -> None:
    server = upstream(chat_stream(SPLIT).paced(size))
    gateway = serve_with(serve, server, rule())
    path, body = {
        "chat": ("/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
        "messages": (
            "/messages",
            {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
        ),
        "responses": ("/responses", {"input": "hi"}),
    }[language]
    data = json.dumps({"model": "a/x", "stream": True, **body}).encode()
    told = ask(f"{gateway.base_url}{path}", data)[2]
    assert b"sk-" not in told
    assert b"klmnop" not in told


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("language", ["chat", "messages"])
def test_arguments_of_tool_calls_are_looked_at(
    serve: Any, upstream: StartUpstream, language: str, stream: bool
) -> None:
    server = upstream(tool_calls(("save", {"key": SECRET}), stream=stream))
    gateway = serve_with(serve, server, rule())
    prompt: Any = [{"role": "user", "content": "hi"}]
    if language == "messages":
        with gateway.anthropic().messages.stream(
            model="a/x", max_tokens=9, messages=prompt
        ) as events:
            block = events.get_final_message().content[0]
        assert block.type == "tool_use"
        assert block.input == {"key": "[secret removed]"}
        return
    answer = gateway.openai().chat.completions.create(model="a/x", messages=prompt, stream=stream)
    if stream:
        calls = [c.choices[0].delta.tool_calls for c in answer if c.choices]
        said = "".join(
            call.function.arguments or ""
            for each in calls
            if each
            for call in each
            if call.function
        )
    else:
        said = answer.choices[0].message.tool_calls[0].function.arguments
    assert json.loads(said) == {"key": "[secret removed]"}


DENY = rule("words", words=["falcon"], action="deny")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_is_refused_in_the_clients_language(
    serve: Any, upstream: StartUpstream, language: str
) -> None:
    server = upstream(chat("never"))
    gateway = serve_with(serve, server, DENY)
    kind = anthropic.BadRequestError if language == "messages" else openai.BadRequestError
    with pytest.raises(kind, match="guardrail 'g' refused the request"):
        say(gateway, language, "tell me of the Falcon")
    assert server.requests == []
    exchange = gateway.seen.wait()
    assert (exchange.outcome, exchange.status, exchange.attempts) == ("error", 400, [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_is_refused_and_paid_for(
    serve: Any, upstream: StartUpstream, language: str
) -> None:
    server = upstream(chat("the falcon flies"))
    gateway = serve_with(serve, server, DENY)
    kind = anthropic.BadRequestError if language == "messages" else openai.BadRequestError
    with pytest.raises(kind, match="guardrail 'g' refused the answer"):
        say(gateway, language, "hi")
    exchange = gateway.seen.wait()
    assert (exchange.outcome, exchange.status) == ("error", 400)
    assert exchange.attempts[0].usage is not None
    assert len(server.requests) == 1


def test_a_stream_that_is_refused_at_once_is_a_plain_error(
    serve: Any, upstream: StartUpstream
) -> None:
    gateway = serve_with(serve, upstream(chat_stream(["fal", "con", " flies"])), DENY)
    with pytest.raises(openai.BadRequestError) as caught:
        say(gateway, "chat", "hi", stream=True)
    assert caught.value.code == "guardrail_blocked"
    told = caught.value.response.headers[WARNINGS]
    assert "guardrail g: refused, in the answer: word (1)" in told
    exchange = gateway.seen.wait()
    assert "; ".join(exchange.warnings) == told
    assert exchange.attempts[0].usage is not None
    assert exchange.attempts[0].cost_source is not None


def texts_of(gateway: Served, language: str) -> Iterator[str]:
    """Stream an answer with an official client, piece by piece."""
    prompt: Any = [{"role": "user", "content": "hi"}]
    if language == "messages":
        with gateway.anthropic().messages.stream(
            model="a/x", max_tokens=9, messages=prompt
        ) as events:
            yield from events.text_stream
    else:
        for chunk in gateway.openai().chat.completions.create(
            model="a/x", messages=prompt, stream=True
        ):
            yield chunk.choices[0].delta.content or "" if chunk.choices else ""


@pytest.mark.parametrize("language", ["chat", "messages"])
def test_a_stream_that_is_refused_later_ends_with_an_error(
    serve: Any, upstream: StartUpstream, language: str
) -> None:
    texts = ["It was a fine morning in the hills. ", "Then the fal", "con came, and", " more"]
    gateway = serve_with(serve, upstream(chat_stream(texts)), DENY)
    kind = anthropic.APIError if language == "messages" else openai.APIError
    seen: list[str] = []
    with pytest.raises(kind, match="guardrail 'g' refused the answer"):
        seen.extend(texts_of(gateway, language))
    assert "".join(seen) == "It was a fine morning in the hills. Then the "
    assert gateway.seen.wait().outcome == "truncated"


def test_shadow_mode_only_tells(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat(f"it is {SECRET}", model="x"))
    gateway = serve_with(serve, server, rule(mode="shadow", action="deny"))
    raw = gateway.openai().chat.completions.with_raw_response.create(
        model="a/x", messages=[{"role": "user", "content": SECRET}]
    )
    assert raw.parse().choices[0].message.content == f"it is {SECRET}"
    assert SECRET.encode() in server.requests[0].body
    assert raw.headers[WARNINGS] == (
        "guardrail g: would have refused, in the request: secret (1);"
        " guardrail g: would have refused, in the answer: secret (1)"
    )


def test_guardrails_work_in_their_order(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    first = {"name": "one", "kind": "words", "words": ["falcon"], "replacement": "bird"}
    second = {"name": "two", "kind": "words", "words": ["bird"], "replacement": "thing"}
    say(serve_with(serve, server, first, second), "chat", "a falcon")
    assert server.requests[0].json()["messages"][0]["content"] == "a thing"


def test_an_organisations_own_guardrails_come_behind_the_operators(
    serve: Any, upstream: StartUpstream, tmp_path: Path
) -> None:
    server = upstream(chat("ok"))
    with Team(tmp_path / "dragoman.db") as team:
        keys = {name: team.key(team.organisation(name))[1] for name in ("red", "blue")}
        draft = GuardrailDraft(definition={"kind": "words", "words": ["bird"]})
        put_guardrail(team.desk, SYSTEM, team.id_of("red"), "birds", draft, operators=())
        first = {"name": "one", "kind": "words", "words": ["falcon"], "replacement": "bird"}
        gateway = serve_with(serve, server, first, team=team)
        for name in ("red", "blue"):
            client = gateway.openai(api_key=keys[name])
            prompt: Any = [{"role": "user", "content": "a falcon"}]
            client.chat.completions.create(model="a/x", messages=prompt)
    said = [request.json()["messages"][0]["content"] for request in server.requests]
    assert said == ["a [word removed]", "a bird"]


def test_a_guardrail_that_cannot_be_read_lets_nothing_pass(
    serve: Any, upstream: StartUpstream, tmp_path: Path
) -> None:
    server = upstream(chat("never"))
    with Team(tmp_path / "dragoman.db") as team:
        organisation = team.organisation("red")
        draft = GuardrailDraft(definition={"kind": "secrets"})
        put_guardrail(team.desk, SYSTEM, organisation, "secret", draft, operators=())
        team.break_row("UPDATE guardrail SET definition = '{', version = version + 1")
        gateway = serve_with(serve, server, team=team)
        client = gateway.openai(api_key=team.key(organisation)[1])
        with pytest.raises(openai.APIStatusError):
            client.chat.completions.create(model="a/x", messages=[])
    assert server.requests == []


def test_too_large_a_request_is_refused(serve: Any, upstream: StartUpstream) -> None:
    gateway = serve_with(serve, upstream(chat("ok")), rule("size", max_tokens=10, where=["in"]))
    assert say(gateway, "chat", "x" * 40) == "ok"
    with pytest.raises(openai.BadRequestError, match="longer than 40 bytes"):
        say(gateway, "chat", "x" * 41)


def test_texts_of_embeddings_are_looked_at(serve: Any, upstream: StartUpstream) -> None:
    gateway = serve_with(serve, upstream(chat("never")), DENY)
    with pytest.raises(openai.BadRequestError, match="guardrail 'g'"):
        gateway.openai().embeddings.create(model="a/x", input=["fine", "the falcon"])


def test_what_is_not_looked_at_is_relayed_byte_for_byte(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_with(serve, server, rule(where=["in"]))
    body = b'{"model": "a/x", "temperature":0.70, "messages":[{"role":"user","content":"hi"}]}'
    answer = ask(f"{gateway.base_url}/chat/completions", body)[2]
    assert server.requests[0].body == body.replace(b"a/x", b"x")
    assert answer == chat("ok").body


def test_the_cache_keeps_what_may_be_told(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat(f"it is {SECRET}"))
    gateway = serve_with(serve, server, rule(), server={"cache": {"enabled": True}})
    assert [say(gateway, "chat", "hi") for _ in range(2)] == ["it is [secret removed]"] * 2
    assert len(server.requests) == 1
