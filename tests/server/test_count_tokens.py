"""Counts of tokens, asked of who counts, estimated elsewhere."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from dragoman.wire.seal import MARK
from tests.upstream.fault import Answer, chat, error

PROMPT = [{"role": "user", "content": "hi there, how are you?"}]


def count(tokens: Any) -> Answer:
    body = json.dumps({"input_tokens": tokens}).encode()
    return Answer(headers=(("content-type", "application/json"),), body=body)


def ask_count(gateway: Any, **more: Any) -> Any:
    return gateway.anthropic().messages.with_raw_response.count_tokens(
        model="a/x", messages=PROMPT, **more
    )


def test_anthropics_own_count_is_relayed(serve: Any, upstream: Any) -> None:
    server = upstream(count(17))
    gateway = serve({"a": {"base_url": server.url, "api": "anthropic-messages", "api_key": "k"}})
    answer = ask_count(gateway, system="be brief")
    assert answer.parse().input_tokens == 17
    assert "x-dragoman-estimated" not in answer.headers
    request = server.requests[0]
    assert request.path == "/v1/messages/count_tokens"
    assert request.json() == {"model": "x", "messages": PROMPT, "system": "be brief"}
    exchange = gateway.seen.wait()
    assert (exchange.endpoint, exchange.usage) == ("/messages/count_tokens", None)


@pytest.mark.parametrize("cost", [None, {"input": 1, "output": 1, "request": 1}])
def test_a_count_is_free_whatever_the_model_costs(serve: Any, upstream: Any, cost: Any) -> None:
    server = upstream(count(17))
    model = {"id": "x"} if cost is None else {"id": "x", "cost": cost}
    provider = {"base_url": server.url, "api": "anthropic-messages", "models": [model]}
    gateway = serve({"a": provider})
    ask_count(gateway)
    exchange = gateway.seen.wait()
    assert (exchange.cost_nanousd, exchange.cost_source) == (0, "free")


@pytest.mark.parametrize("api", ["openai-completions", "openai-responses"])
def test_elsewhere_it_is_an_estimate_and_says_so(serve: Any, upstream: Any, api: str) -> None:
    server = upstream([])
    answer = ask_count(serve({"a": {"base_url": server.base_url, "api": api}}))
    assert 5 <= answer.parse().input_tokens <= 20
    assert answer.headers["x-dragoman-estimated"] == "true"
    assert server.requests == []


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_a_count_is_estimated_for(serve: Any, upstream: Any, status: int) -> None:
    server = upstream(error(status))
    gateway = serve({"a": {"base_url": server.url, "api": "anthropic-messages", "retries": 0}})
    answer = ask_count(gateway)
    assert answer.headers["x-dragoman-estimated"] == "true"
    assert answer.parse().input_tokens > 0


def test_another_refusal_is_told(serve: Any, upstream: Any) -> None:
    server = upstream(error(429))
    gateway = serve({"a": {"base_url": server.url, "api": "anthropic-messages", "retries": 0}})
    with pytest.raises(anthropic.RateLimitError):
        ask_count(gateway)


@pytest.mark.parametrize("tokens", [None, -1, "7", 1.5, True])
def test_a_count_that_is_none_is_a_502(serve: Any, upstream: Any, tokens: Any) -> None:
    server = upstream(count(tokens))
    gateway = serve({"a": {"base_url": server.url, "api": "anthropic-messages", "retries": 0}})
    with pytest.raises(anthropic.InternalServerError) as caught:
        ask_count(gateway)
    assert caught.value.status_code == 502


def test_thoughts_that_we_sealed_are_not_sent_to_be_counted(serve: Any, upstream: Any) -> None:
    thinking = upstream(chat("ok", reasoning_content="hmm"))
    counting = upstream(count(17))
    gateway = serve(
        {
            "a": {"base_url": counting.url, "api": "anthropic-messages"},
            "b": {"base_url": thinking.base_url},
        }
    )
    client = gateway.anthropic()
    said = client.messages.create(model="b/x", max_tokens=50, messages=PROMPT).content
    assert MARK in str(said)
    history = [*PROMPT, {"role": "assistant", "content": said}, *PROMPT]
    answer = client.messages.count_tokens(model="a/x", messages=history)
    assert answer.input_tokens == 17
    sent = counting.requests[0].json()
    assert MARK not in str(sent)
    assert sent.keys() == {"model", "messages"}
