"""Text completions through the gateway, with OpenAI's client."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.server.serving import ask
from tests.upstream.fault import Answer, error, sse

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
PRICE = {"id": "x", "cost": {"input": 1.0, "output": 10.0}}


def text(said: str, *, usage: Any = USAGE, finish: str | None = "stop") -> dict[str, Any]:
    choice = {"index": 0, "text": said, "finish_reason": finish, "logprobs": None}
    body = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "x"}
    return {**body, "choices": [choice], **({"usage": usage} if usage else {})}


def whole(*args: Any, **options: Any) -> Answer:
    body = json.dumps(text(*args, **options)).encode()
    return Answer(headers=(("content-type", "application/json"),), body=body)


def streamed(*pieces: str, usage: Any = USAGE, done: bool = True) -> Answer:
    events = [text(piece, usage=None, finish=None) for piece in pieces]
    if done:
        events.append(text("", usage=None, finish="length"))
    if usage:
        events.append({**text("", usage=usage), "choices": []})
    return sse(events, done=done)


def test_a_completion_is_handed_on_byte_for_byte_and_paid_for(serve: Any, upstream: Any) -> None:
    server = upstream(whole("Hello"))
    gateway = serve({"a": {"base_url": server.base_url, "models": [PRICE]}})
    answer = gateway.openai().completions.with_raw_response.create(
        model="a/x", prompt="Say", seed=7, extra_body={"top_k": 3}
    )
    assert answer.parse().choices[0].text == "Hello"
    assert answer.content == whole("Hello").body
    assert answer.headers["x-dragoman-cost-usd"] == "0.000025000"
    request = server.requests[0]
    assert request.path == "/v1/completions"
    assert request.json() == {"model": "x", "prompt": "Say", "seed": 7, "top_k": 3}
    exchange = gateway.seen.wait()
    assert (exchange.endpoint, exchange.cost_nanousd) == ("/completions", 25_000)
    assert exchange.final.finish_reason == "stop"


@pytest.mark.parametrize("wants", [True, False])
def test_a_stream_comes_as_it_is_made_and_usage_only_when_asked_for(
    serve: Any, upstream: Any, wants: bool
) -> None:
    server = upstream(streamed("Hel", "lo").paced(7))
    gateway = serve({"a": {"base_url": server.base_url, "models": [PRICE]}})
    options = {"stream_options": {"include_usage": True}} if wants else {}
    chunks = list(
        gateway.openai().completions.create(model="a/x", prompt="Say", stream=True, **options)
    )
    assert "".join(c.choices[0].text for c in chunks if c.choices) == "Hello"
    assert any(chunk.usage for chunk in chunks) == wants
    assert server.requests[0].json()["stream_options"] == {"include_usage": True}
    exchange = gateway.seen.wait()
    assert (exchange.stream, exchange.outcome, exchange.cost_nanousd) == (True, "ok", 25_000)
    assert exchange.final.finish_reason == "length"


def test_a_stream_without_usage_is_estimated(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": {"base_url": upstream(streamed("Hel", "lo", usage=None)).base_url}})
    list(gateway.openai().completions.create(model="a/x", prompt="Say it", stream=True))
    usage = gateway.seen.wait().usage
    assert usage.estimated
    assert usage.completion_tokens == 2


def test_a_stream_that_is_cut_has_no_invented_end(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": {"base_url": upstream(streamed("Hel", usage=None, done=False)).base_url}})
    body = b'{"model": "a/x", "prompt": "Say", "stream": true}'
    status, _, answer = ask(f"{gateway.base_url}/completions", body)
    assert status == 200
    assert b"[DONE]" not in answer
    assert b"stream_truncated" in answer
    assert gateway.seen.wait().outcome == "truncated"


def test_an_error_before_the_first_text_leads_to_the_next(serve: Any, upstream: Any) -> None:
    early = sse([{"error": {"message": "overloaded", "code": 529}}])
    down, up = upstream(early), upstream(streamed("ok"))
    gateway = serve(
        {"a": {"base_url": down.base_url, "retries": 0}, "b": {"base_url": up.base_url}},
        routes={"r": {"models": ["a/x", "b/x"]}},
    )
    chunks = gateway.openai().completions.create(model="r", prompt="Say", stream=True)
    assert "".join(c.choices[0].text for c in chunks if c.choices) == "ok"


def test_an_error_after_the_first_text_is_an_event(serve: Any, upstream: Any) -> None:
    late = sse([text("Hel", usage=None, finish=None), {"error": {"message": "broke"}}])
    gateway = serve({"a": {"base_url": upstream(late).base_url}})
    stream = gateway.openai().completions.create(model="a/x", prompt="Say", stream=True)
    assert next(iter(stream)).choices[0].text == "Hel"
    with pytest.raises(openai.APIError, match="broke"):
        list(stream)


@pytest.mark.parametrize("api", ["anthropic-messages", "openai-responses"])
def test_languages_without_it_are_refused(serve: Any, api: str) -> None:
    gateway = serve({"a": {"base_url": "http://127.0.0.1:9", "api": api}})
    with pytest.raises(openai.BadRequestError, match=r"has no /completions"):
        gateway.openai().completions.create(model="a/x", prompt="Say")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(400), openai.BadRequestError),
        (error(429), openai.RateLimitError),
        (error(500), openai.InternalServerError),
        (error(401), openai.InternalServerError),
    ],
)
def test_a_refusal_is_told_in_shape(serve: Any, upstream: Any, answer: Any, kind: Any) -> None:
    gateway = serve({"a": {"base_url": upstream(answer).base_url, "retries": 0}})
    with pytest.raises(kind):
        gateway.openai().completions.create(model="a/x", prompt="Say")
