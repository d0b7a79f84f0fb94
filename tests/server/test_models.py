"""The list of models, in two shapes, and one of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import openai
import pytest

from dragoman.server.endpoints.models import AT_ONCE, in_turns
from tests.server.serving import ask
from tests.upstream.fault import models

HERE = {"base_url": "http://127.0.0.1:9/v1"}
DECLARED = {
    "id": "org/m:8b",
    "name": "The M",
    "context_window": 8192,
    "max_tokens": 1000,
    "input": ["text", "image"],
    "tools": False,
    "cost": {"input": 0.15, "output": 2, "cache_read": 0.075},
}


def test_what_is_declared_is_listed_with_openrouters_extras(serve: Any) -> None:
    gateway = serve({"mine": {**HERE, "models": [DECLARED]}})
    row = next(m for m in gateway.openai().models.list() if m.id == "mine/org/m:8b")
    assert (row.object, row.created, row.owned_by) == ("model", 0, "mine")
    extra = row.model_extra
    assert extra["name"] == "The M"
    assert extra["context_length"] == 8192
    assert extra["architecture"] == {"input_modalities": ["image", "text"]}
    assert extra["pricing"] == {
        "prompt": "0.00000015",
        "completion": "0.000002",
        "input_cache_read": "0.000000075",
    }
    assert "tools" not in extra["supported_parameters"]
    assert "response_format" in extra["supported_parameters"]


def test_others_have_their_turn_while_many_models_are_listed() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def listing() -> list[int]:
        beside = asyncio.create_task(other())
        listed = [row async for row in in_turns(range(100 * AT_ONCE))]
        beside.cancel()
        return listed

    assert asyncio.run(listing()) == list(range(100 * AT_ONCE))
    assert turns >= 90


def test_a_long_list_of_models_is_whole(serve: Any) -> None:
    names = [f"m{number}" for number in range(3 * AT_ONCE + 1)]
    gateway = serve({"mine": {**HERE, "models": names}})
    listed = [row.id for row in gateway.openai().models.list()]
    assert [ref for ref in listed if ref.startswith("mine/")] == [f"mine/{one}" for one in names]


def test_of_the_catalog_nothing_is_listed_by_itself(serve: Any) -> None:
    gateway = serve({"openai": {"api_key": "sk-of-nobody"}})
    ids = [row.id for row in gateway.openai().models.list()]
    assert len([ref for ref in ids if ref.startswith("openai/")]) == 1
    assert not any(ref.startswith("anthropic/") for ref in ids)


@pytest.mark.parametrize(
    "unusable",
    [
        {**HERE, "api_key": "env:A_VARIABLE_THAT_IS_NOT_SET"},
        {**HERE, "enabled": False},
        {"base_url": "not a url"},
    ],
)
def test_providers_that_cannot_be_used_are_left_out(serve: Any, unusable: Any) -> None:
    gateway = serve({"off": {**unusable, "models": [{"id": "m"}]}})
    assert "off/m" not in {row.id for row in gateway.openai().models.list()}
    with pytest.raises(openai.NotFoundError) as caught:
        gateway.openai().models.retrieve("off/m")
    assert caught.value.code == "model_not_found"


def test_routes_and_aliases_are_models(serve: Any) -> None:
    gateway = serve(
        {"mine": {**HERE, "models": [DECLARED]}},
        routes={"smart": {"models": ["mine/org/m:8b", "demo/echo"]}, "w/*": {"models": ["mine/*"]}},
        aliases={"m": "mine/org/m:8b"},
    )
    rows = {row.id: row for row in gateway.openai().models.list()}
    assert {"smart", "m"} < rows.keys()
    assert "w/*" not in rows
    assert rows["smart"].owned_by == "mine"
    assert gateway.openai().models.retrieve("smart").model_extra["context_length"] == 8192


@pytest.mark.parametrize(
    "path", ["mine/org/m:8b", "mine%2Forg%2Fm%3A8b", "mine/org%2fm:8b", "mine/an/undeclared/one"]
)
def test_ids_with_slashes_are_found_however_they_are_encoded(serve: Any, path: str) -> None:
    gateway = serve({"mine": {**HERE, "models": [DECLARED]}})
    status, _, body = ask(f"{gateway.base_url}/models/{path}", method="GET")
    assert status == 200
    assert json.loads(body)["id"] in ("mine/org/m:8b", "mine/an/undeclared/one")


def test_the_anthropic_sdk_reads_the_list_page_by_page(serve: Any) -> None:
    gateway = serve({"mine": {**HERE, "models": [DECLARED, *({"id": f"m{n}"} for n in range(5))]}})
    client = gateway.anthropic()
    everything = [row.id for row in client.models.list(limit=1000)]
    first = client.models.list(limit=2)
    assert (len(first.data), first.has_more) == (2, True)
    assert (first.first_id, first.last_id) == (everything[0], everything[1])
    assert [row.id for row in client.models.list(limit=2)] == everything
    assert len(everything) == len(set(everything)) >= 6
    before = client.models.list(limit=2, before_id=everything[4])
    assert [row.id for row in before.data] == everything[2:4]


def test_the_anthropic_sdk_reads_a_model(serve: Any) -> None:
    gateway = serve({"mine": {**HERE, "models": [DECLARED]}})
    row = gateway.anthropic().models.retrieve("mine/org/m:8b")
    assert (row.id, row.display_name, row.type) == ("mine/org/m:8b", "The M", "model")
    assert (row.max_input_tokens, row.max_tokens) == (8192, 1000)
    assert (row.lifecycle, row.created_at.timestamp()) == ("active", 0)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=9999", "after_id=nobody"])
def test_a_wrong_page_is_refused_in_shape(serve: Any, query: str) -> None:
    url = f"{serve({}).base_url}/models?{query}"
    status, headers, body = ask(url, method="GET", anthropic_version="2023-06-01")
    assert (status, headers["x-should-retry"]) == (400, "false")
    error = json.loads(body)
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert query.partition("=")[0] in error["error"]["message"]


def test_an_unknown_model_is_a_404_in_either_shape(serve: Any) -> None:
    gateway = serve({})
    with pytest.raises(openai.NotFoundError):
        gateway.openai().models.retrieve("nobody/knows")
    with pytest.raises(anthropic.NotFoundError):
        gateway.anthropic().models.retrieve("nobody/knows")


def test_listing_asks_no_provider(serve: Any, upstream: Any) -> None:
    server = upstream(models("a", "b"))
    gateway = serve({"mine": {"base_url": server.base_url, "models": [{"id": "m"}]}})
    assert "mine/m" in {row.id for row in gateway.openai().models.list()}
    assert server.requests == []
