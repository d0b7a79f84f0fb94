"""What is paid for of an answer that did not come to its end."""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import Any

import pytest

from tests.server.serving import ask
from tests.upstream.fault import chat, sse
from tests.upstream.script import Answer

SAID = "word " * 400
PRICED = [{"id": "m", "max_tokens": 4096, "cost": {"input": 1, "output": 1}}]
PATHS = ["/messages", "/chat/completions", "/responses"]


def claude(*, ends: bool, reported: int = 1) -> Answer:
    """A stream as Anthropic's begin: with a placeholder for the tokens of the answer."""
    usage = {"input_tokens": 9, "output_tokens": reported}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
    block = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": SAID},
        },
    ]
    if ends:
        told = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
        events.append({**told, "usage": {"output_tokens": 3}})
        events.append({"type": "message_stop"})
    return sse(events, done=False)


def asked(path: str) -> bytes:
    said: dict[str, Any] = {"model": "a/m", "stream": True}
    if path == "/responses":
        return json.dumps({**said, "input": "hi"}).encode()
    said["messages"] = [{"role": "user", "content": "hi"}]
    return json.dumps({**said, "max_tokens": 4096}).encode()


def provider(server: Any) -> dict[str, Any]:
    return {
        "base_url": server.base_url,
        "api": "anthropic-messages",
        "models": PRICED,
        "retries": 0,
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("leaves", [True, False], ids=["left", "cut off"])
def test_what_was_said_is_paid_for_and_not_the_placeholder(
    serve: Any, upstream: Any, path: str, leaves: bool
) -> None:
    answer = claude(ends=False)
    gateway = serve(
        {"a": provider(upstream(answer.hold(threading.Event(), at=None) if leaves else answer))}
    )
    url, body = f"{gateway.base_url}{path}", asked(path)
    if leaves:
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as stream:
            while b"word" not in stream.readline():
                pass
    else:
        ask(url, body)
    exchange = gateway.seen.wait()
    assert exchange.outcome == ("client_closed" if leaves else "truncated")
    usage = exchange.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (9, 500, True)
    assert (exchange.cost_nanousd, exchange.cost_source) == (509_000, "estimated")


@pytest.mark.parametrize("path", PATHS)
def test_what_a_whole_answer_reports_is_taken_as_it_is(
    serve: Any, upstream: Any, path: str
) -> None:
    gateway = serve({"a": provider(upstream(claude(ends=True)))})
    ask(f"{gateway.base_url}{path}", asked(path))
    usage = gateway.seen.wait().usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (9, 3, False)


def test_more_that_was_reported_than_said_stays(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": provider(upstream(claude(ends=False, reported=900)))})
    ask(f"{gateway.base_url}/messages", asked("/messages"))
    exchange = gateway.seen.wait()
    assert exchange.outcome == "truncated"
    assert (exchange.usage.completion_tokens, exchange.usage.estimated) == (900, True)


def test_the_slower_one_of_a_race_makes_the_sum_a_guess(serve: Any, upstream: Any) -> None:
    slow = upstream(chat("late").hold(threading.Event(), at=0))
    quick = upstream(chat("ok"))
    gateway = serve(
        {
            "a": {"base_url": slow.base_url, "models": PRICED},
            "b": {"base_url": quick.base_url, "models": PRICED},
        },
        routes={"r": {"models": ["a/m", "b/m"], "hedge_after": 0.05}},
    )
    body = json.dumps({"model": "r", "messages": [{"role": "user", "content": "hi"}]}).encode()
    _, headers, _ = ask(f"{gateway.base_url}/chat/completions", body)
    exchange = gateway.seen.wait()
    sources = [(one.outcome, one.cost_source) for one in exchange.attempts]
    assert sources == [("interrupted", "estimated"), ("ok", "config")]
    assert exchange.cost_nanousd == sum(one.cost_nanousd for one in exchange.attempts)
    assert exchange.cost_source == headers["x-dragoman-cost-source"] == "estimated"
    assert not exchange.usage.estimated


def test_who_leaves_while_waiting_for_a_place_has_asked_nobody(serve: Any, upstream: Any) -> None:
    done = threading.Event()
    server = upstream(chat("late").hold(done, at=0))
    narrow = {"base_url": server.base_url, "models": PRICED, "limits": {"concurrency": 1}}
    gateway = serve({"a": narrow})
    url = f"{gateway.base_url}/chat/completions"
    body = asked("/chat/completions")
    inside = threading.Thread(target=ask, args=(url, body))
    inside.start()
    server.wait_requests(1)
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(request, timeout=0.7)
    exchange = gateway.seen.wait()
    assert (exchange.outcome, exchange.attempts) == ("client_closed", [])
    done.set()
    inside.join()
    assert len(server.requests) == 1
