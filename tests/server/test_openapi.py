"""The document of the data plane says what is served, and nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonschema
import pytest

from dragoman.config import Secrets
from dragoman.engine.call import Surroundings
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.endpoints.openapi import OPERATIONS, describe_plane
from dragoman.server.gateway import Gateway
from dragoman.server.health import health
from tests.library.asking import configure
from tests.server.serving import ask


async def metrics(request: Any, reply: Any, admission: Any) -> None:
    await health(reply)


def test_every_path_is_described_and_every_description_served() -> None:
    async def served() -> set[tuple[str, str]]:
        around = Surroundings(secrets=Secrets({}))
        snapshot = take_snapshot(configure({}), around, discovered={}, listening="127.0.0.1")
        gateway = Gateway(snapshot, metrics=metrics)
        found = set(gateway.served)
        await gateway.close()
        return found

    assert asyncio.run(served()) == set(OPERATIONS)


def test_the_document_is_served_and_whole(serve: Any) -> None:
    status, headers, body = ask(f"{serve({}).url}/openapi.json", method="GET")
    assert (status, headers["content-type"]) == (200, "application/json")
    document = json.loads(body)
    assert document == json.loads(json.dumps(describe_plane(OPERATIONS)))
    assert {"/v1/chat/completions", "/v1/responses/{id}", "/openapi.json"} < document[
        "paths"
    ].keys()
    ids = [op["operationId"] for ops in document["paths"].values() for op in ops.values()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


@pytest.mark.parametrize(
    ("path", "name"), [("/messages", "AnthropicError"), ("/embeddings", "OpenAIError")]
)
def test_errors_are_as_described(serve: Any, path: str, name: str) -> None:
    _, _, body = ask(f"{serve({}).base_url}{path}", b"{}")
    schema = describe_plane(OPERATIONS)["components"]["schemas"][name]
    jsonschema.validate(json.loads(body), schema)
