"""Texts as vectors, through the same engine."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dragoman import AsyncClient, Client
from dragoman.errors import NotFound, ProtocolError, Unsupported
from tests.library.asking import configure, trail
from tests.upstream.fault import Answer, FaultUpstream, error

StartUpstream = Callable[..., FaultUpstream]


def vectors(*rows: Any, **fields: Any) -> Answer:
    """Answer with embeddings."""
    data = [
        {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)
    ]
    value = {
        "object": "list",
        "data": data,
        "model": "e",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
        **fields,
    }
    return Answer(headers=(("content-type", "application/json"),), body=json.dumps(value).encode())


def test_each_text_gets_its_vector(upstream: StartUpstream) -> None:
    server = upstream(vectors([1, 0.5], [0, -1]))
    model = {"id": "e", "cost": {"input": 0.1, "output": 0}}
    config = configure({"a": {"base_url": server.base_url, "models": [model]}})
    with Client(config) as client:
        answer = client.embed("a/e", ["one", "two"], dimensions=2)
    assert answer.vectors == ((1.0, 0.5), (0.0, -1.0))
    assert answer.cost == Decimal("0.0000008")
    request = server.requests[0]
    assert request.path == "/v1/embeddings"
    assert request.json() == {"model": "e", "input": ["one", "two"], "dimensions": 2}


def test_one_text_is_a_list_of_one(upstream: StartUpstream) -> None:
    server = upstream(vectors([1.0]))

    async def ask() -> Any:
        async with AsyncClient(configure({"a": {"base_url": server.base_url}})) as client:
            return await client.embed("a/e", "one")

    assert asyncio.run(ask()).vectors == ((1.0,),)
    assert server.requests[0].json()["input"] == ["one"]


def test_vectors_may_come_out_of_order_and_in_base64(upstream: StartUpstream) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, 0.25)).decode()
    rows = [{"index": 1, "embedding": [9]}, {"index": 0, "embedding": packed}]
    server = upstream(vectors(data=rows))
    with Client(configure({"a": {"base_url": server.base_url}})) as client:
        assert client.embed("a/e", ["one", "two"]).vectors == ((0.5, 0.25), (9.0,))


def test_embeddings_fall_back_like_everything_else(upstream: StartUpstream) -> None:
    config = configure(
        {
            "a": {"base_url": upstream(error(500)).base_url, "retries": 0},
            "b": {"base_url": upstream(vectors([1.0])).base_url, "timeouts": {"first_token": 5}},
        }
    )
    with Client(config) as client:
        answer = client.embed(["a/e", "b/e"], "one")
    assert trail(answer.exchange) == ["first a/e error 500 upstream_error", "fallback b/e ok 200"]


@pytest.mark.parametrize(
    "answer",
    [
        vectors(),
        vectors([1.0], [2.0]),
        vectors("no base64!"),
        vectors(["a"]),
        vectors(data=None),
        Answer(body=b"<html>"),
    ],
)
def test_an_answer_that_is_none_is_a_protocol_error(
    upstream: StartUpstream, answer: Answer
) -> None:
    config = configure({"a": {"base_url": upstream(answer).base_url, "retries": 0}})
    with Client(config) as client, pytest.raises(ProtocolError):
        client.embed("a/e", "one")


def test_a_format_without_embeddings_says_so(upstream: StartUpstream) -> None:
    table = {"base_url": upstream([]).base_url, "api": "anthropic-messages"}
    with Client(configure({"a": table})) as client, pytest.raises(Unsupported, match="embeddings"):
        client.embed("a/e", "one")


def test_a_server_without_embeddings_is_told_apart(upstream: StartUpstream) -> None:
    config = configure({"a": {"base_url": upstream([error(404)]).base_url}})
    with Client(config) as client, pytest.raises(NotFound):
        client.embed("a/e", "one")
