"""An exchange is written down before its client has the last byte of the answer."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import openai
import pytest

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


@pytest.mark.parametrize("name", ANSWERS)
def test_it_is_written_down_before_the_answer_has_ended(
    serve: Any, upstream: Any, name: str
) -> None:
    answer, path, body, status, outcome = ANSWERS[name]
    gateway = serve({"a": {"base_url": upstream(answer).base_url}})
    told, _, _ = ask(gateway.base_url + path, json.dumps({"model": "a/m", **body}).encode())
    (exchange,) = gateway.seen.exchanges  # there by now, or too late
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
