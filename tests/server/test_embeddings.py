"""Embeddings through the gateway, with OpenAI's client."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import openai
import pytest

from tests.server.serving import ask
from tests.upstream.fault import Answer, error

PRICE = {"id": "e", "cost": {"input": 1.0, "output": 0}}


def vectors(*rows: Any, usage: Any = None, **more: Any) -> Answer:
    data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
    body: dict[str, Any] = {"object": "list", "data": data, "model": "e", **more}
    if usage is not None:
        body["usage"] = usage
    return Answer(headers=(("content-type", "application/json"),), body=json.dumps(body).encode())


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


USAGE = {"prompt_tokens": 4, "total_tokens": 4}


@pytest.mark.parametrize("api", ["openai-completions", "openai-responses"])
def test_a_text_becomes_a_vector(serve: Any, upstream: Any, api: str) -> None:
    server = upstream(vectors([0.5, -1.0], usage=USAGE))
    gateway = serve({"a": {"base_url": server.base_url, "api": api, "models": [PRICE]}})
    client = gateway.openai()
    answer = client.embeddings.create(model="a/e", input="hi", encoding_format="float")
    assert answer.data[0].embedding == [0.5, -1.0]
    assert server.requests[0].path == "/v1/embeddings"
    assert server.requests[0].json() == {"model": "e", "input": "hi", "encoding_format": "float"}
    exchange = gateway.seen.wait()
    assert (exchange.endpoint, exchange.outcome, exchange.status) == ("/embeddings", "ok", 200)
    assert (exchange.usage.prompt_tokens, exchange.usage.completion_tokens) == (4, 0)
    assert exchange.cost_nanousd == 4000


@pytest.mark.parametrize(
    ("given", "count"),
    [("hi", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)],
)
def test_texts_and_tokens_are_sent_as_they_came(
    serve: Any, upstream: Any, given: Any, count: int
) -> None:
    server = upstream(vectors(*[[1.0]] * count, usage=USAGE))
    gateway = serve({"a": {"base_url": server.base_url}})
    answer = gateway.openai().embeddings.create(model="a/e", input=given, dimensions=1)
    assert len(answer.data) == count
    sent = server.requests[0].json()
    assert (sent["input"], sent["dimensions"]) == (given, 1)


@pytest.mark.parametrize("row", [[0.5, 2.0], packed(0.5, 2.0)])
@pytest.mark.parametrize(("asked", "kind"), [("base64", str), ("float", list), (None, list)])
def test_vectors_come_in_the_encoding_that_was_asked_for(
    serve: Any, upstream: Any, row: Any, asked: str | None, kind: type
) -> None:
    gateway = serve({"a": {"base_url": upstream(vectors(row, usage=USAGE)).base_url}})
    body = {"model": "a/e", "input": "hi", **({"encoding_format": asked} if asked else {})}
    status, _, answer = ask(f"{gateway.base_url}/embeddings", json.dumps(body).encode())
    vector = json.loads(answer)["data"][0]["embedding"]
    assert (status, type(vector)) == (200, kind)
    assert vector == (packed(0.5, 2.0) if kind is str else [0.5, 2.0])


def test_an_answer_as_asked_for_is_handed_on_byte_for_byte(serve: Any, upstream: Any) -> None:
    told = vectors([0.10, 1e-3], usage=USAGE, extra={"b": 1e5})
    gateway = serve({"a": {"base_url": upstream(told).base_url}})
    body = b'{"model": "a/e", "input": "hi"}'
    assert ask(f"{gateway.base_url}/embeddings", body)[2] == told.body


def test_a_provider_whose_language_has_none_is_passed_over(serve: Any, upstream: Any) -> None:
    server = upstream(vectors([1.0], usage=USAGE))
    gateway = serve(
        {
            "claude": {"base_url": "http://127.0.0.1:9", "api": "anthropic-messages"},
            "a": {"base_url": server.base_url},
        },
        routes={"e": {"models": ["claude/x", "a/e"]}},
    )
    assert gateway.openai().embeddings.create(model="e", input="hi").data[0].embedding == [1.0]
    assert len(gateway.seen.wait().attempts) == 1
    with pytest.raises(openai.BadRequestError) as caught:
        gateway.openai().embeddings.create(model="claude/x", input="hi")
    assert (caught.value.code, caught.value.param) == ("unsupported", "model")
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_another_provider_answers_in_an_outage(serve: Any, upstream: Any) -> None:
    down, up = upstream(error(503)), upstream(vectors([1.0], usage=USAGE))
    gateway = serve(
        {"a": {"base_url": down.base_url, "retries": 0}, "b": {"base_url": up.base_url}},
        routes={"e": {"models": ["a/e", "b/e"]}},
    )
    answer = gateway.openai().embeddings.with_raw_response.create(model="e", input="hi")
    assert answer.headers["x-dragoman-provider"] == "b"
    assert answer.headers["x-dragoman-attempts"] == "2"


def test_usage_that_nobody_reports_is_estimated_and_said_to_be(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": {"base_url": upstream(vectors([1.0])).base_url}})
    gateway.openai().embeddings.create(model="a/e", input=[1, 2, 3])
    usage = gateway.seen.wait().usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (3, 0, True)


@pytest.mark.parametrize("wrong", [vectors(), vectors([1.0], [2.0]), vectors("no base64!")])
def test_an_answer_that_does_not_fit_is_a_502(serve: Any, upstream: Any, wrong: Answer) -> None:
    gateway = serve({"a": {"base_url": upstream(wrong).base_url, "retries": 0}})
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.openai().embeddings.create(model="a/e", input="hi")
    assert caught.value.status_code == 502
