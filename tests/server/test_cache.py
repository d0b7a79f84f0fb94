"""Answers that are kept and given again: to whom, when, and byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.serving import Served, ask
from tests.upstream.answers import embeddings
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, tool_calls

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "hi"}]
ON = {"cache": {"enabled": True}}
CACHE = "x-dragoman-cache"


def told(answer: Any) -> str | None:
    found: str | None = answer.headers.get(CACHE)
    return found


def serve_cached(serve: Any, server: FaultUpstream, **settings: Any) -> Served:
    gateway: Served = serve({"a": {"base_url": server.base_url}}, server=ON, **settings)
    return gateway


def post(
    gateway: Served, body: dict[str, Any], path: str = "/chat/completions", **head: str
) -> Any:
    return ask(f"{gateway.base_url}{path}", json.dumps(body).encode(), **head)


BODY = {"model": "a/x", "messages": PROMPT}


def test_nothing_is_kept_unless_it_is_switched_on(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    client = serve({"a": {"base_url": server.base_url}}).openai()
    for _ in range(2):
        raw = client.chat.completions.with_raw_response.create(model="a/x", messages=PROMPT)
        assert told(raw) is None
    assert len(server.requests) == 2


def test_the_same_request_is_answered_once_in_any_order_of_its_fields(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_cached(serve, server)
    first = post(gateway, {**BODY, "temperature": 0.5})
    again = post(gateway, {"temperature": 0.5, "messages": PROMPT, "model": "a/x"})
    other = post(gateway, {**BODY, "temperature": 0.6})
    assert (first[1][CACHE], again[1][CACHE], other[1][CACHE]) == ("miss", "hit", "miss")
    assert again[2] == first[2]
    assert first[1]["x-request-id"] != again[1]["x-request-id"]
    assert (again[1]["x-dragoman-attempts"], again[1]["x-dragoman-cost-usd"]) == (
        "0",
        "0.000000000",
    )
    assert again[1]["x-dragoman-provider"] == "a"
    assert len(server.requests) == 2


def test_a_hit_is_an_exchange_without_attempts_that_costs_nothing(
    serve: Any, upstream: StartUpstream
) -> None:
    gateway = serve_cached(serve, upstream(chat("ok")))
    post(gateway, BODY)
    post(gateway, BODY)
    seen = gateway.seen.wait(2)
    assert (seen.replayed, seen.outcome, seen.status, seen.attempts) == ("cache", "ok", 200, [])
    assert (seen.cost_nanousd, seen.cost_source) == (0, "cached")


@pytest.mark.parametrize("language", ["chat", "messages", "responses"])
def test_a_stream_is_given_again_as_the_stream_that_it_was(
    serve: Any, upstream: StartUpstream, language: str
) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))
    gateway = serve_cached(serve, server)
    path, body = {
        "chat": ("/chat/completions", BODY),
        "messages": ("/messages", {**BODY, "max_tokens": 5}),
        "responses": ("/responses", {"model": "a/x", "input": "hi", "store": False}),
    }[language]
    first = post(gateway, {**body, "stream": True}, path)
    again = post(gateway, {**body, "stream": True}, path)
    assert (told_of(first), told_of(again)) == ("miss", "hit")
    assert again[2] == first[2]
    assert again[1]["content-type"] == first[1]["content-type"]
    assert len(server.requests) == 1


def told_of(answer: Any) -> str | None:
    found: str | None = answer[1].get(CACHE)
    return found


def test_the_sdks_read_a_stream_from_the_cache(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))
    gateway = serve_cached(serve, server)
    for _ in range(2):
        chunks = gateway.openai().chat.completions.create(model="a/x", messages=PROMPT, stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    for _ in range(2):
        with gateway.anthropic().messages.stream(
            model="a/x", max_tokens=50, messages=PROMPT
        ) as stream:
            assert stream.get_final_text() == "Hello"
    assert len(server.requests) == 2


def test_a_stream_and_a_whole_answer_are_kept_apart(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat_stream(["ok"]), chat("ok")])
    gateway = serve_cached(serve, server)
    post(gateway, {**BODY, "stream": True})
    status, head, body = post(gateway, BODY)
    assert (status, head[CACHE], json.loads(body)["object"]) == (200, "miss", "chat.completion")


CUT = chat_stream(["Hel", "lo"], finish=None, usage=None, done=False)
UNFIT = {
    "an error": error(500),
    "a refusal": error(400),
    "a cut stream": CUT,
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_whole_success_is_never_kept(
    serve: Any, upstream: StartUpstream, name: str
) -> None:
    stream = name == "a cut stream"
    server = upstream([UNFIT[name], chat_stream(["fine"]) if stream else chat("fine")])
    gateway = serve({"a": {"base_url": server.base_url, "retries": 0}}, server=ON)
    gateway.forgive()
    post(gateway, {**BODY, "stream": stream})
    assert b"fine" in post(gateway, {**BODY, "stream": stream})[2]


def test_an_answer_that_ran_into_its_limit_is_not_kept(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat("Hel", finish="length"), chat("Hello")])
    gateway = serve_cached(serve, server)
    post(gateway, BODY)
    assert b"Hello" in post(gateway, BODY)[2]


def test_tool_calls_are_kept(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(tool_calls(("look", {"at": 1})))
    gateway = serve_cached(serve, server)
    assert post(gateway, BODY)[2] == post(gateway, BODY)[2]
    assert len(server.requests) == 1


def test_a_request_may_forbid_to_look_or_to_keep(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat(f"answer {number}") for number in range(4)])
    gateway = serve_cached(serve, server)
    assert told_of(post(gateway, BODY, cache_control="no-store")) is None
    assert told_of(post(gateway, BODY)) == "miss"
    fresh = post(gateway, BODY, cache_control="no-cache")
    assert (told_of(fresh), b"answer 2" in fresh[2]) == ("miss", True)
    assert b"answer 2" in post(gateway, BODY)[2]
    assert len(server.requests) == 3


def test_an_answer_that_is_too_large_or_too_old_is_asked_for_again(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("x" * 500))
    small = {"cache": {"enabled": True, "entry_size": 300}}
    gateway = serve({"a": {"base_url": server.base_url}}, server=small)
    post(gateway, BODY)
    assert told_of(post(gateway, BODY)) == "miss"


def test_another_provider_behind_the_same_name_is_another_question(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve(
        {"a": {"base_url": server.base_url}, "b": {"base_url": server.base_url}},
        server=ON,
        routes={"smart": {"models": ["a/x"]}, "other": {"models": ["b/x"]}},
    )
    post(gateway, {**BODY, "model": "smart"})
    assert told_of(post(gateway, {**BODY, "model": "other"})) == "miss"
    assert told_of(post(gateway, {**BODY, "model": "smart"})) == "hit"


def test_embeddings_are_kept_too(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(embeddings(1))
    client = serve_cached(serve, server).openai()
    for _ in range(2):
        found = client.embeddings.create(model="a/x", input="hi", encoding_format="float")
        assert found.data[0].embedding == [0.5, 0.25, 0]
    assert len(server.requests) == 1


def test_responses_that_somebody_keeps_are_not_kept_here(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_cached(serve, server)
    for _ in range(2):
        assert told_of(post(gateway, {"model": "a/x", "input": "hi"}, "/responses")) is None
