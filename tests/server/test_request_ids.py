"""Whatever fails, an Anthropic client is told the name that its request has with us."""

from __future__ import annotations

import dataclasses
import json
import threading
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from tests.server.serving import ask
from tests.server.test_broken_off import claude
from tests.upstream.fault import chat_stream, error, sse
from tests.upstream.script import Answer

THEIRS = "req_theirs"
OVERLOADED = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": THEIRS,
}
CUT = chat_stream(["Hel"], usage=None, finish=None, done=False)
CLAUDE = claude(ends=False)


def ending(answer: Answer, said: Mapping[str, Any], event: str = "") -> Answer:
    """Let a stream end with an error of the provider's."""
    last = sse([said], done=False).body
    return dataclasses.replace(answer, body=answer.body + event.encode() + last)


BROKEN = {
    "relayed, the provider says so": (
        "anthropic-messages",
        ending(CLAUDE, OVERLOADED, "event: error\n"),
    ),
    "relayed, it is cut off": ("anthropic-messages", CLAUDE),
    "translated, the provider says so": (
        "openai-completions",
        ending(CUT, {"error": {"message": "no", "type": "server_error"}}),
    ),
    "translated, it is cut off": ("openai-completions", CUT),
}
ASKED = {"model": "a/m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}


def provider(server: Any, api: str) -> dict[str, Any]:
    return {"base_url": server.base_url, "api": api, "retries": 0}


def told(body: bytes) -> Mapping[str, Any]:
    """Read the error that a stream ends with."""
    name, _, data = body.strip().rpartition(b"\n\n")[2].partition(b"\n")
    assert name == b"event: error", body
    found: Mapping[str, Any] = json.loads(data.removeprefix(b"data: "))
    return found


@pytest.mark.parametrize(("api", "answer"), BROKEN.values(), ids=BROKEN)
def test_an_error_within_a_stream_has_the_name_that_its_head_has(
    serve: Any, upstream: Any, api: str, answer: Answer
) -> None:
    gateway = serve({"a": provider(upstream(answer), api)})
    body = json.dumps({**ASKED, "stream": True}).encode()
    status, headers, said = ask(f"{gateway.base_url}/messages", body)
    assert (status, told(said)["request_id"]) == (200, headers["request-id"])
    assert gateway.seen.wait().id == headers["request-id"]


def test_so_has_one_that_comes_after_pings_alone(serve: Any, upstream: Any) -> None:
    released = threading.Event()
    answer = error(529, OVERLOADED).hold(released)
    gateway = serve({"a": provider(upstream(answer), "anthropic-messages")}, hold_s=0.05)
    body = json.dumps({**ASKED, "stream": True}).encode()
    request = urllib.request.Request(
        f"{gateway.base_url}/messages", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as stream:
        assert stream.readline() == b"event: ping\n"
        released.set()
        assert told(stream.read())["request_id"] == stream.headers["request-id"]


def test_so_has_an_answer_of_an_error_and_what_the_provider_calls_it_is_in_the_record(
    serve: Any, upstream: Any
) -> None:
    gateway = serve({"a": provider(upstream(error(529, OVERLOADED)), "anthropic-messages")})
    status, headers, said = ask(f"{gateway.base_url}/messages", json.dumps(ASKED).encode())
    assert (status, json.loads(said)["request_id"]) == (529, headers["request-id"])
    (attempt,) = gateway.seen.wait().attempts
    assert attempt.request_id == THEIRS
