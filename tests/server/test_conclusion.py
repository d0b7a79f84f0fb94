"""An exchange is written down before its client has the last byte of the answer."""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import Any

import openai
import pytest

from dragoman.server.endpoints.headers import overhead_s
from dragoman.types.exchange import Attempt, Exchange
from tests.server.serving import ask
from tests.upstream.answers import embeddings
from tests.upstream.fault import chat, chat_stream, error, sse, stall

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"messages": MESSAGES}
STREAM = {**CHAT, "stream": True}
BROKEN = chat_stream(["one", "two"])

ANSWERS: dict[str, tuple[Any, str, dict[str, Any], int, str]] = {
    "whole": (chat("hello"), "/chat/completions", CHAT, 200, "ok"),
    "streamed": (chat_stream(["a", "b"]), "/chat/completions", STREAM, 200, "ok"),
    "translated": (chat_stream(["a"]), "/messages", {**STREAM, "max_tokens": 9}, 200, "ok"),
    "responses": (chat_stream(["a"]), "/responses", {"input": "hi", "stream": True}, 200, "ok"),
    "vectors": (embeddings(1), "/embeddings", {"input": "hi"}, 200, "ok"),
    "an estimated count": (chat("-"), "/messages/count_tokens", CHAT, 200, "ok"),
    "handed on": (chat("-"), "/moderations", {"input": "hi"}, 200, "ok"),
    "handed on as a stream": (
        sse([{"choices": [{"text": "hi", "finish_reason": "stop", "index": 0}]}]),
        "/completions",
        {"prompt": "hi", "stream": True},
        200,
        "ok",
    ),
    "refused": (error(400, message="no"), "/chat/completions", CHAT, 400, "error"),
    "broken off": (
        BROKEN.cut(at=BROKEN.body.index(b"two")),
        "/chat/completions",
        STREAM,
        200,
        "truncated",
    ),
}


def answered(serve: Any, upstream: Any, name: str) -> tuple[int, Any, Exchange]:
    """Ask what is answered so; give status, headers, and the record that is there by now."""
    answer, path, body, _, _ = ANSWERS[name]
    gateway = serve({"a": {"base_url": upstream(answer).base_url}})
    told, headers, _ = ask(gateway.base_url + path, json.dumps({"model": "a/m", **body}).encode())
    (exchange,) = gateway.seen.exchanges  # there by now, or too late
    return told, headers, exchange


@pytest.mark.parametrize("name", ANSWERS)
def test_it_is_written_down_before_the_answer_has_ended(
    serve: Any, upstream: Any, name: str
) -> None:
    _, _, _, status, outcome = ANSWERS[name]
    told, _, exchange = answered(serve, upstream, name)
    assert (told, exchange.status, exchange.outcome) == (status, status, outcome)
    assert exchange.duration_s > 0


def test_a_stream_is_over_with_its_last_frame_and_who_leaves_then_changes_nothing(
    serve: Any, upstream: Any
) -> None:
    answer = chat_stream(["a", "b"])
    server = upstream(answer.stall(None, at=len(answer.body)))  # its connection stays open
    gateway = serve({"a": {"base_url": server.base_url}})
    body = json.dumps({"model": "a/m", **STREAM}).encode()
    request = urllib.request.Request(
        f"{gateway.base_url}/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as stream:
        while b"[DONE]" not in stream.readline():
            continue
        (exchange,) = gateway.seen.exchanges
    assert exchange.outcome == "ok"
    assert ask(gateway.url + "/healthz", method="GET")[0] == 200
    assert (len(gateway.seen.exchanges), exchange.outcome) == (1, "ok")


@pytest.mark.parametrize(
    ("priced", "source"),
    [
        ({"models": [{"id": "m", "cost": {"input": 1, "output": 1}}]}, "estimated"),
        ({"cost_per_hour": 3600}, "machine_time"),
    ],
)
def test_who_leaves_before_the_answer_has_begun_has_been_asked_for(
    serve: Any, upstream: Any, priced: dict[str, Any], source: str
) -> None:
    gateway = serve({"a": {"base_url": upstream(lambda _: stall()).base_url, **priced}})
    with pytest.raises(openai.APITimeoutError):
        gateway.openai().with_options(timeout=0.5, max_retries=0).chat.completions.create(
            model="a/m", **CHAT
        )
    exchange = gateway.seen.wait()
    assert (exchange.outcome, exchange.status) == ("client_closed", None)
    (attempt,) = exchange.attempts
    assert attempt.cost_source == source
    assert attempt.cost_nanousd is not None
    assert attempt.cost_nanousd > 0


OVERHEADS: dict[str, tuple[list[dict[str, Any]], float, float]] = {
    "nobody was asked": ([], 0.3, 0.3),
    "a whole answer": ([{"at": 0.1, "took": 2.0, "first": 2.0}], 2.2, 0.2),
    "a stream that goes on": ([{"at": 0.1, "first": 0.5}], 0.7, 0.2),
    "a stream that was put together": ([{"at": 0.1, "took": 3.0, "first": 0.5}], 3.2, 0.2),
    "a stream that broke off before": ([{"at": 0.1, "took": 3.0}], 3.2, 0.2),
    "a fallback, after a pause": (
        [{"at": 0.1, "took": 1.0}, {"at": 2.2, "pause": 1.0, "took": 1.0, "kind": "fallback"}],
        3.3,
        0.3,
    ),
    "a hedge that won": (
        [{"at": 0.1, "took": 2.0}, {"at": 1.1, "first": 1.0, "kind": "hedge"}],
        2.2,
        0.2,
    ),
    "a hedge that lost": (
        [{"at": 0.1, "took": 2.0}, {"at": 1.1, "took": 1.0, "kind": "hedge"}],
        2.2,
        0.2,
    ),
    "a hedge that went on when the first had failed": (
        [{"at": 0.1, "took": 1.5}, {"at": 1.1, "took": 2.0, "kind": "hedge"}],
        3.2,
        0.2,
    ),
}


@pytest.mark.parametrize("name", OVERHEADS)
def test_our_own_time_is_when_no_provider_was_waited_for(name: str) -> None:
    tries, now, expected = OVERHEADS[name]
    began = 1_790_000_000.0
    tried = [
        Attempt(
            id=f"req_1-{number}", number=number, kind=one.get("kind", "first"), provider="a",
            model="m", started_at=began + one["at"], pause_s=one.get("pause", 0.0),
            duration_s=one.get("took", 0.0), first_token_s=one.get("first"),
        )
        for number, one in enumerate(tries, 1)
    ]  # fmt: skip
    exchange = Exchange(id="req_1", asked="a/m", started_at=began, attempts=tried)
    assert overhead_s(exchange, began + now) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "an estimated count"])
def test_the_ledger_has_the_overhead_that_the_head_told(
    serve: Any, upstream: Any, name: str
) -> None:
    _, headers, exchange = answered(serve, upstream, name)
    assert headers["x-dragoman-overhead-ms"] == f"{exchange.overhead_s * 1000:.3f}"


@pytest.mark.parametrize("leaves", [False, True], ids=["is heard to its end", "is left"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/chat/completions", STREAM), ("/completions", {"prompt": "hi", "stream": True})],
)
def test_what_comes_after_a_streams_beginning_is_no_overhead(
    serve: Any, upstream: Any, path: str, asked: dict[str, Any], leaves: bool
) -> None:
    released = threading.Event()
    answer = chat_stream(["one", "two"])
    held = answer.hold(released, at=answer.body.index(b"two"))
    gateway = serve({"a": {"base_url": upstream(held).base_url}})
    body = json.dumps({"model": "a/m", **asked}).encode()
    request = urllib.request.Request(
        f"{gateway.base_url}{path}", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as stream:
        told = stream.headers["x-dragoman-overhead-ms"]
        if not leaves:
            released.set()
            stream.read()
    exchange = gateway.seen.wait()
    released.set()
    assert exchange.outcome == ("client_closed" if leaves else "ok")
    assert f"{exchange.overhead_s * 1000:.3f}" == told


def test_waiting_for_a_streams_first_content_is_no_overhead_though_its_head_is_out(
    serve: Any, upstream: Any
) -> None:
    released = threading.Event()
    answer = chat_stream(["one", "two"])
    held = answer.hold(released).stall(0.5, at=answer.body.index(b"two"))
    gateway = serve({"a": {"base_url": upstream(held).base_url}}, hold_s=0.05)
    body = json.dumps({"model": "a/m", **STREAM}).encode()
    request = urllib.request.Request(
        f"{gateway.base_url}/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as stream:
        assert "x-dragoman-overhead-ms" not in stream.headers
        released.set()
        stream.read()
    exchange = gateway.seen.wait()
    assert 0 < exchange.overhead_s < exchange.first_token_s
