"""Usage that cannot be: clamped, told, and paid for no further than it may be true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.engine.overstated import hold_to_limit
from dragoman.types.usage import Usage
from dragoman.wire.envelope import LENGTHS
from tests.server.serving import ask
from tests.upstream.fault import Answer, chat, chat_stream

DOUBT = "the provider reported impossible token counts; they have been clamped"
PATHS = ["/chat/completions", "/messages", "/responses"]


def asked(path: str, limit: int, **more: Any) -> bytes:
    said: dict[str, Any] = {"model": "a/m", **more}
    if path == "/responses":
        return json.dumps({**said, "input": "hi", "max_output_tokens": limit}).encode()
    messages = [{"role": "user", "content": "hi"}]
    return json.dumps({**said, "messages": messages, "max_tokens": limit}).encode()


def told(prompt: int, completion: int) -> dict[str, int]:
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


def as_json(value: Any) -> Answer:
    headers = (("content-type", "application/json"),)
    return Answer(headers=headers, body=json.dumps(value).encode())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_more_than_the_request_allowed_is_clamped_and_told(
    serve: Any, upstream: Any, path: str, stream: bool
) -> None:
    usage = told(4, 5000)
    answer = chat_stream(["Hello"], usage=usage) if stream else chat("Hello", usage=usage)
    gateway = serve({"a": {"base_url": upstream(answer).base_url}})
    ask(f"{gateway.base_url}{path}", asked(path, 10, stream=stream))
    exchange = gateway.seen.wait()
    assert (exchange.usage.completion_tokens, exchange.usage.suspect) == (10, True)
    assert exchange.warnings.count(DOUBT) == 1


def test_a_relayed_answer_tells_doubts_too(serve: Any, upstream: Any) -> None:
    answer = chat("Hello", usage=told(-4, 2))
    gateway = serve({"a": {"base_url": upstream(answer).base_url}})
    ask(f"{gateway.base_url}/chat/completions", asked("/chat/completions", 10))
    exchange = gateway.seen.wait()
    assert exchange.usage.suspect
    assert DOUBT in exchange.warnings


def test_who_really_says_more_is_paid_for_it(serve: Any, upstream: Any) -> None:
    answer = chat("word " * 100, usage=told(4, 101))
    gateway = serve({"a": {"base_url": upstream(answer).base_url}})
    ask(f"{gateway.base_url}/chat/completions", asked("/chat/completions", 10))
    exchange = gateway.seen.wait()
    assert (exchange.usage.completion_tokens, exchange.usage.suspect) == (101, False)
    assert DOUBT not in exchange.warnings


USED = {"input_tokens": 4, "output_tokens": 5000, "total_tokens": 5004}
REASONED = {**told(4, 5000), "completion_tokens_details": {"reasoning_tokens": 4999}}
RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed",
    "output": [], "usage": {**USED, "output_tokens_details": {"reasoning_tokens": 4999}},
}  # fmt: skip
PICTURE = {"created": 1, "data": [{"b64_json": "aGk="}], "usage": USED}
COSTLY = {"model_defaults": False, "models": [{"id": "m", "cost": {"input": 1, "output": 1}}]}


@pytest.mark.parametrize(
    ("path", "limit", "answer"),
    [
        ("/chat/completions", "max_output_tokens", chat("Hello", usage=REASONED)),
        ("/responses", "max_tokens", as_json(RESPONSE)),
        ("/responses", "max_completion_tokens", as_json(RESPONSE)),
        ("/images/generations", "max_tokens", as_json(PICTURE)),
        ("/images/edits", "max_tokens", as_json(PICTURE)),
    ],
)
def test_what_limits_nothing_at_an_endpoint_makes_nothing_cheaper(
    serve: Any, upstream: Any, path: str, limit: str, answer: Any
) -> None:
    api = "openai-responses" if path == "/responses" else "openai-completions"
    gateway = serve({"a": {"base_url": upstream(answer).base_url, "api": api, **COSTLY}})
    said = {"messages": [{"role": "user", "content": "hi"}], "input": "hi", "prompt": "hi"}
    body = json.dumps({"model": "a/m", **said, limit: 10}).encode()
    assert ask(f"{gateway.base_url}{path}", body)[0] == 200
    exchange = gateway.seen.wait()
    assert (exchange.usage.completion_tokens, exchange.usage.suspect) == (5000, False)
    assert exchange.cost_nanousd == 5_004_000


@pytest.mark.parametrize(
    ("sent", "completion", "reasoning", "held"),
    [
        ({"max_tokens": 100}, 110, None, None),
        ({"max_tokens": 100}, 111, None, 100),
        ({"max_tokens": 100, "n": 3}, 330, None, None),
        ({"max_tokens": 100, "n": 3}, 331, None, 300),
        ({"max_tokens": 100}, 1100, 1000, None),
        ({"max_tokens": 100}, 1200, 1000, 1100),
        ({"max_completion_tokens": 100}, 1100, 1000, 100),
        ({"max_output_tokens": 100}, 111, 5, 100),
        ({"max_tokens": 100, "prompt": ["a", "b"]}, 220, None, None),
        ({"max_tokens": None}, 9999, None, None),
        ({"max_tokens": True}, 9999, None, None),
        ({"max_tokens": 0}, 9999, None, None),
        ({"max_tokens": "10"}, 9999, None, None),
        ({}, 9999, None, None),
    ],
)
def test_a_limit_holds_with_a_tenth_on_top(
    sent: Mapping[str, Any], completion: int, reasoning: int | None, held: int | None
) -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=completion, reasoning_tokens=reasoning)
    found = hold_to_limit(usage, json.dumps(sent).encode(), lambda: 0, LENGTHS)
    assert found.completion_tokens == (completion if held is None else held)
    assert found.suspect == (held is not None)
    assert (found.reasoning_tokens or 0) <= (found.completion_tokens or 0)


def test_what_is_no_json_has_no_limit() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=999)
    assert hold_to_limit(usage, b"--form\r\n", lambda: 0, LENGTHS) is usage
