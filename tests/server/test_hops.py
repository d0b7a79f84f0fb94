"""A request says through how many gateways it has come, whatever its provider's settings say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.types.http import HOPS
from tests.server.serving import Served, ask
from tests.upstream.answers import error
from tests.upstream.fault import FaultUpstream

ADAPTER = """
from dragoman.adapters import Adapter, Aside
from dragoman.types.http import HttpRequest


class Talkative(Adapter):
    def auth_flow(self, request, ask):
        yield Aside(HttpRequest(url=request.url, headers={"x-dragoman-hops": "0"}))
        yield request
"""

PROVIDERS: Mapping[str, Mapping[str, Any]] = {
    "completions": {"api": "openai-completions"},
    "responses": {"api": "openai-responses"},
    "messages": {"api": "anthropic-messages"},
    **{name: {"adapter": name} for name in ("cohere", "ollama", "gemini", "replicate")},
}


def hops_after(
    serve: Callable[..., Served],
    upstream: Callable[..., FaultUpstream],
    settings: Mapping[str, Any],
    path: str = "chat/completions",
    **added: str,
) -> list[list[str]]:
    server = upstream(error(400, "no"))
    said = {"base_url": server.base_url, "headers": {"X-Dragoman-Hops": "0"}, **settings}
    gateway = serve({"a": {"key": "k", **said}})
    messages = [{"role": "user", "content": "x"}]
    body = json.dumps({"model": "a/some/model", "messages": messages, "input": "x"}).encode()
    told = ask(f"{gateway.base_url}/{path}", body, **added)
    assert server.requests, told
    return [[v for n, v in one.headers if n.lower() == HOPS] for one in server.requests]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_providers_headers_do_not_hide_how_far_a_request_has_come(
    serve: Any, upstream: Any, provider: str
) -> None:
    settings = PROVIDERS[provider]
    assert hops_after(serve, upstream, settings) == [["1"]]
    assert hops_after(serve, upstream, settings, x_dragoman_hops="2") == [["3"]]


def test_nor_do_they_beside_a_format(serve: Any, upstream: Any) -> None:
    assert hops_after(serve, upstream, {}, "moderations", x_dragoman_hops="1") == [["2"]]


def test_nor_does_what_an_adapter_asks_on_the_way(
    serve: Any, upstream: Any, tmp_path: Path
) -> None:
    file = tmp_path / "talkative.py"
    file.write_text(ADAPTER)
    said = hops_after(serve, upstream, {"adapter": str(file)}, x_dragoman_hops="1")
    assert said == [["2"], ["2"]]
