"""What is paid for of an answer that did not come to its end."""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import Any

import pytest

from tests.server.serving import ask
from tests.upstream.answers import JSON, chat_stream, chunk, tokens
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


TOLD = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
FAILED = {"id": "r", "object": "response", "status": "failed", "output": [], "usage": TOLD}
FAILED |= {"error": {"code": "server_error", "message": "It broke."}}
BEGUN = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}}
BEGUN["message"] |= {"usage": {"input_tokens": 9, "output_tokens": 1}}  # type: ignore[operator]
BROKE = {"type": "error", "error": {"type": "api_error", "message": "It broke."}}
ONLY_USAGE = {**chunk(None), "usage": tokens(9, 3)}
CHARGED = {"error": {"type": "server_error", "message": "It broke."}, "usage": tokens(9, 3)}
IN_CHOICE = {"index": 0, "delta": {}, "error": {"code": 502, "message": "It broke."}}
RESPONSE_CHARGED = {"type": "error", "error": {"message": "It broke."}, "usage": TOLD}
RESPONSE_LOST = {"type": "response.error", "response": {"usage": TOLD}, "message": "It broke."}
CLAUDE_CHARGED = {**BROKE, "usage": {"input_tokens": 9, "output_tokens": 3}}


def whole(value: dict[str, Any]) -> Answer:
    return Answer(headers=(JSON,), body=json.dumps(value).encode())


UNANSWERED = {
    "a usage frame": ("openai-completions", sse([ONLY_USAGE])),
    "a usage frame, and no end": ("openai-completions", sse([ONLY_USAGE], done=False)),
    "no choices": ("openai-completions", whole(ONLY_USAGE)),
    "an error that is charged": ("openai-completions", sse([CHARGED], done=False)),
    "an error that is charged, named": (
        "openai-completions",
        sse([f"event: error\ndata: {json.dumps(CHARGED)}\n\n".encode()], done=False),
    ),
    "an error in a choice": (
        "openai-completions",
        sse([{**chunk(None), "choices": [IN_CHOICE], "usage": tokens(9, 3)}]),
    ),
    "an error that is charged in its choice": (
        "openai-completions",
        whole({"choices": [{**IN_CHOICE, "usage": tokens(9, 3)}]}),
    ),
    "an error that is charged, whole": ("openai-completions", whole(CHARGED)),
    "a failed response": (
        "openai-responses",
        sse([{"type": "response.failed", "response": FAILED}], done=False),
    ),
    "a failed response, whole": ("openai-responses", whole(FAILED)),
    "an error event that is charged": ("openai-responses", sse([RESPONSE_CHARGED], done=False)),
    "an error event with a response": ("openai-responses", sse([RESPONSE_LOST], done=False)),
    "an error without output": ("openai-responses", whole(CHARGED | {"usage": TOLD})),
    "an error behind the last usage": (
        "anthropic-messages",
        sse([BEGUN, {"type": "message_delta", "usage": {"output_tokens": 3}}, BROKE], done=False),
    ),
    "an error with usage": ("anthropic-messages", sse([CLAUDE_CHARGED], done=False)),
    "an error with the last of usage": (
        "anthropic-messages",
        sse([BEGUN, {**BROKE, "usage": {"output_tokens": 3}}], done=False),
    ),
    "an error with usage, whole": ("anthropic-messages", whole(CLAUDE_CHARGED)),
}


@pytest.mark.parametrize(
    ("path", "stream"), [*((path, True) for path in PATHS), ("/chat/completions", False)]
)
@pytest.mark.parametrize("answer", UNANSWERED)
def test_usage_that_is_told_is_paid_for_though_there_is_no_answer(
    serve: Any, upstream: Any, path: str, stream: bool, answer: str
) -> None:
    api, script = UNANSWERED[answer]
    bad = {**provider(upstream(script)), "api": api}
    good = {**provider(upstream(chat_stream(["Hello"]) if stream else chat("Hello")))}
    gateway = serve(
        {"a": bad, "b": {**good, "api": "openai-completions"}},
        routes={"r": {"models": ["a/m", "b/m"]}},
    )
    body = json.loads(asked(path)) | {"model": "r", "stream": stream}
    ask(f"{gateway.base_url}{path}", json.dumps(body).encode())
    exchange = gateway.seen.wait()
    first, second = exchange.attempts
    assert (first.outcome, second.outcome) == ("error", "ok")
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (9, 3)
    assert (first.cost_nanousd, first.cost_source) == (12_000, "config")
    assert exchange.cost_nanousd == 12_000 + second.cost_nanousd


SPOKEN = {"type": "response.output_text.delta", "delta": "Hello"}
BEHIND_WORDS = {
    "openai-completions": sse([chunk({"content": "Hello"}), CHARGED], done=False),
    "openai-responses": sse([SPOKEN, RESPONSE_CHARGED], done=False),
    "anthropic-messages": sse(
        [
            BEGUN,
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello"}},
            CLAUDE_CHARGED,
        ],
        done=False,
    ),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("api", BEHIND_WORDS)
def test_usage_that_an_error_tells_behind_words_counts(
    serve: Any, upstream: Any, path: str, api: str
) -> None:
    gateway = serve({"a": {**provider(upstream(BEHIND_WORDS[api])), "api": api}})
    ask(f"{gateway.base_url}{path}", asked(path))
    (attempt,) = gateway.seen.wait().attempts
    assert attempt.outcome == "truncated"
    assert (attempt.usage.prompt_tokens, attempt.usage.completion_tokens) == (9, 3)


@pytest.mark.parametrize(
    ("api", "script"),
    [
        ("anthropic-messages", sse([BEGUN, BROKE], done=False)),
        ("openai-completions", sse([], done=True)),
    ],
    ids=["a placeholder", "nothing"],
)
def test_what_nobody_says_was_made_costs_nothing(
    serve: Any, upstream: Any, api: str, script: Answer
) -> None:
    gateway = serve({"a": {**provider(upstream(script)), "api": api}})
    ask(f"{gateway.base_url}/messages", asked("/messages"))
    (attempt,) = gateway.seen.wait().attempts
    assert (attempt.outcome, attempt.usage, attempt.cost_nanousd) == ("error", None, None)
    assert not attempt.is_paid


def test_more_than_can_have_been_made_is_not_paid_for_without_an_answer_either(
    serve: Any, upstream: Any
) -> None:
    script = sse([{**chunk(None), "usage": tokens(9, 1_000_000)}])
    gateway = serve({"a": {**provider(upstream(script)), "api": "openai-completions"}})
    ask(f"{gateway.base_url}/chat/completions", asked("/chat/completions"))
    (attempt,) = gateway.seen.wait().attempts
    assert (attempt.usage.completion_tokens, attempt.usage.suspect) == (4096, True)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("finish", "usage"),
    [("content_filter", tokens(9, 0)), ("length", tokens(9, 30, reasoning=30))],
    ids=["filtered", "thought alone"],
)
def test_an_answer_without_words_costs_what_it_tells(
    serve: Any, upstream: Any, path: str, finish: str, usage: dict[str, Any]
) -> None:
    script = chat_stream([], usage=usage, finish=finish)
    gateway = serve({"a": {**provider(upstream(script)), "api": "openai-completions"}})
    ask(f"{gateway.base_url}{path}", asked(path))
    exchange = gateway.seen.wait()
    assert exchange.outcome == "ok"
    assert exchange.usage.completion_tokens == usage["completion_tokens"]
    assert exchange.cost_nanousd == usage["total_tokens"] * 1000
