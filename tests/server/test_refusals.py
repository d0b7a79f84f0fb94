"""What every refusal carries, on whatever path: a name, a shape, and what would be right."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import FaultUpstream, error

CASES = tomllib.loads(Path(__file__).with_name("cases").joinpath("refusals.toml").read_text())


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with Served({"a": {"base_url": "http://127.0.0.1:9/v1"}}) as served:
        yield served


def by_name(case: Mapping[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", CASES["refused"], ids=by_name)
def test_a_refusal_has_its_shape_a_name_and_a_remedy(
    gateway: Served, case: Mapping[str, Any]
) -> None:
    body = case["body"].encode() if "body" in case else None
    headers = case.get("headers", {})
    status, told, answer = ask(
        f"{gateway.url}{case['path']}", body, method=case["method"], **headers
    )
    assert status == case["status"], answer
    assert told["x-request-id"] == told["request-id"]
    assert told["x-request-id"].startswith("req_")
    assert told["x-should-retry"] == "false"
    assert told.get("allow") == case.get("allow")
    said = json.loads(answer)
    if case.get("family") == "anthropic":
        assert said["request_id"] == told["request-id"]
    else:
        assert said["error"]["code"] == case["code"]
    assert case.get("says", "") in said["error"]["message"]


@pytest.mark.parametrize("path", CASES["looked_at"])
def test_a_head_is_what_a_get_would_have_told(gateway: Served, path: str) -> None:
    status, told, _ = ask(f"{gateway.url}{path}", method="GET")
    found, head, nothing = ask(f"{gateway.url}{path}", method="HEAD")
    assert (found, nothing) == (status, b"")
    assert head["content-length"] == told["content-length"]


@pytest.mark.parametrize("said", CASES["waits"], ids=by_name)
def test_a_providers_word_on_when_to_ask_again_is_bounded(said: Mapping[str, Any]) -> None:
    busy = error(429, retry_after=said["after"])
    with (
        FaultUpstream(lambda _: busy) as upstream,
        Served({"a": {"base_url": upstream.base_url, "retries": 0}}) as gateway,
    ):
        body = json.dumps({"model": "a/m", "messages": [{"role": "user", "content": "hi"}]})
        status, headers, _ = ask(f"{gateway.base_url}/chat/completions", body.encode())
    assert (status, headers["retry-after"]) == (429, said["told"])
