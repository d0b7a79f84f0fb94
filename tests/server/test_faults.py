"""Every fault of an upstream, told to clients of every language, streaming and not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.chaos.asking import ENDINGS, ask
from tests.chaos.streams import LANGUAGES
from tests.upstream.fault import (
    FaultUpstream,
    chat,
    chat_stream,
    empty,
    endless_headers,
    error,
    gzip_bomb,
    html,
    pings,
    redirect,
    sse,
    stall,
)

Upstream = Callable[..., FaultUpstream]
QUICK = {"connect": 0.5, "first_token": 0.3, "idle": 0.3, "total": 3.0}


class Fault(NamedTuple):
    """What an upstream does, the status that clients are told, and how often it is tried."""

    script: Any
    status: int
    tries: int


BEFORE_CONTENT = {
    "bad request": Fault(error(400, message="nonsense"), 400, 1),
    "wrong key": Fault(error(401), 502, 1),
    "no money": Fault(error(402), 502, 1),
    "forbidden": Fault(error(403), 502, 1),
    "unknown model": Fault(error(404), 502, 1),
    "too large": Fault(error(413), 413, 1),
    "unprocessable": Fault(error(422), 422, 1),
    "rate limited": Fault(error(429), 429, 3),
    "rate limited for an hour": Fault(error(429, retry_after=3600), 429, 1),
    "failing": Fault(error(500), 502, 3),
    "bad gateway": Fault(error(502), 502, 3),
    "unavailable": Fault(error(503), 502, 3),
    "overloaded": Fault(error(529), 503, 3),
    "redirecting": Fault(redirect("http://127.0.0.1:1/"), 502, 1),
    "a web page": Fault(html(), 502, 3),
    "an empty answer": Fault(empty(), 502, 3),
    "an error with 200": Fault(sse([{"error": {"message": "no"}}]), 502, 3),
    "cut in the head": Fault(chat("x").cut(at=0), 502, 3),
    "reset": Fault(chat("x").reset(at=0), 502, 3),
    "too long a head": Fault(endless_headers(), 502, 3),
    "a bomb": Fault(gzip_bomb(), 502, 3),
    "broken compression": Fault(chat("x").with_headers({"content-encoding": "gzip"}), 502, 3),
}
"""What goes wrong before there is content. `tries` counts the first and at most two more."""

SILENT = {
    "silent": Fault(stall(), 504, 3),
    "only pings": Fault(pings(), 504, 3),
}
"""What takes time: once a timer runs out, the same is asked again."""

_CONTENT = chat_stream(["Hel", "lo"])
_AT = _CONTENT.body.index(b"lo")
_FELL_OVER = sse(
    [
        {"choices": [{"index": 0, "delta": {"content": "Hel"}}]},
        {"error": {"message": "the model fell over", "type": "server_error"}},
    ]
)
# What comes in one piece with the first content may still be tried elsewhere: nothing has gone out.
AFTER_CONTENT = {
    "cut": _CONTENT.cut(at=_AT),
    "reset": _CONTENT.reset(at=_AT),
    "silent": _CONTENT.stall(at=_AT),
    "without an end": chat_stream(["Hel", "lo"], finish=None, usage=None, done=False),
    "an error": _FELL_OVER.stall(0.05, at=_FELL_OVER.body.index(b'{"error"')),
}
NONSENSE = sse([{"choices": [{"index": 0, "delta": {"content": "Hel"}}]}, "{{{"])


def shape(language: str, body: bytes) -> dict[str, Any]:
    """Look at an error body as its family's clients do; give the error."""
    value = json.loads(body)
    if language == "anthropic-messages":
        assert value["type"] == "error"
        assert isinstance(value["error"]["type"], str)
    else:
        assert set(value) == {"error"}
        assert {"message", "type", "param", "code"} <= set(value["error"])
    assert value["error"]["message"]
    found: dict[str, Any] = value["error"]
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", BEFORE_CONTENT)
def test_a_fault_before_content_is_a_status_in_every_language(
    serve: Any, upstream: Upstream, name: str, stream: bool
) -> None:
    fault = BEFORE_CONTENT[name]
    server = upstream(fault.script)
    gateway = serve({"a": {"base_url": server.base_url}})
    gateway.forgive()
    for number, language in enumerate(LANGUAGES, 1):
        status, body = ask(gateway.url, language, "a/x", stream=stream)
        said = shape(language, body)
        expected = fault.status
        if language == "anthropic-messages" and expected == 503:
            expected = 529
        assert status == expected, (language, said)
        exchange = gateway.seen.wait(number)
        assert len(exchange.attempts) == fault.tries, said
        assert {attempt.outcome for attempt in exchange.attempts} == {"error"}
        assert (exchange.outcome, exchange.status) == ("error", status)
    assert server.received == 3 * fault.tries


@pytest.mark.parametrize("name", SILENT)
def test_silence_is_a_timeout_in_every_language(serve: Any, upstream: Upstream, name: str) -> None:
    fault = SILENT[name]
    gateway = serve({"a": {"base_url": upstream(fault.script).base_url, "timeouts": QUICK}})
    gateway.forgive()
    for number, language in enumerate(LANGUAGES, 1):
        status, body = ask(gateway.url, language, "a/x", stream=True)
        assert status == fault.status, shape(language, body)
        assert len(gateway.seen.wait(number).attempts) == fault.tries


def test_nobody_listening_is_told_in_every_language(serve: Any, upstream: Upstream) -> None:
    down = upstream(chat("x"), down=True)
    gateway = serve({"a": {"base_url": down.base_url, "retries": 0}})
    gateway.forgive()
    for language in LANGUAGES:
        status, body = ask(gateway.url, language, "a/x", stream=False)
        assert status == 502, shape(language, body)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", AFTER_CONTENT)
def test_a_fault_after_content_is_one_event_and_no_ending(
    serve: Any, upstream: Upstream, name: str, language: str
) -> None:
    first, second = upstream(AFTER_CONTENT[name]), upstream(chat_stream(["other"]))
    gateway = serve(
        {
            "a": {"base_url": first.base_url, "timeouts": {**QUICK, "first_token": 3.0}},
            "b": {"base_url": second.base_url},
        },
        routes={"smart": {"models": ["a/x", "b/y"]}},
    )
    status, out = ask(gateway.url, language, "smart", stream=True)
    assert status == 200
    assert b"Hel" in out
    assert ENDINGS[language] not in out
    frames = [f for f in re.split(rb"\n\n", out) if f.strip()]
    assert b'"error"' in frames[-1]
    assert not any(b'"error":{' in frame for frame in frames[:-1])
    exchange = gateway.seen.wait(1)
    assert [attempt.outcome for attempt in exchange.attempts] == ["truncated"]
    assert exchange.outcome == "truncated"
    assert (first.received, second.received) == (1, 0)
    assert exchange.usage is not None


def test_nonsense_after_content_ends_a_translation_and_passes_a_relay(
    serve: Any, upstream: Upstream
) -> None:
    gateway = serve({"a": {"base_url": upstream(NONSENSE).base_url}})
    for number, language in enumerate(LANGUAGES, 1):
        _, out = ask(gateway.url, language, "a/x", stream=True)
        relayed = language == "openai-completions"
        assert (ENDINGS[language] in out) == relayed
        assert (b'"error":{' in out) != relayed
        outcome = gateway.seen.wait(number).outcome
        assert outcome == ("ok" if relayed else "truncated")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_outage_in_the_middle_of_a_route_is_no_error(
    serve: Any, upstream: Upstream, language: str, stream: bool
) -> None:
    for name, fault in BEFORE_CONTENT.items():
        if fault.status in (400, 413, 422):
            continue  # the request is wrong: another provider would say so too
        answer = chat_stream(["fine"]) if stream else chat("fine")
        gateway = serve(
            {
                "a": {"base_url": upstream(fault.script).base_url, "timeouts": QUICK, "retries": 0},
                "b": {"base_url": upstream(answer).base_url},
            },
            routes={"smart": {"models": ["a/x", "b/y"]}},
        )
        status, out = ask(gateway.url, language, "smart", stream=stream)
        assert (status, b"fine" in out) == (200, True), name
        outcomes = [attempt.outcome for attempt in gateway.seen.wait(1).attempts]
        assert outcomes == ["error", "ok"], name
