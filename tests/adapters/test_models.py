"""What an adapter lists, and how a provider with one passes its test and its examination."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dragoman.adapters import Adapter, Ask, AuthFlow, HttpRequest
from dragoman.config import Secrets
from dragoman.errors import Unsupported
from dragoman.probe.conformance import Conformance
from dragoman.probe.discover import discover_models
from dragoman.probe.ladder import Ladder
from dragoman.transport.sync import SyncTransport
from dragoman.types.provider import Provider
from tests.adapters.acme import serve
from tests.adapters.conftest import KEY
from tests.library.asking import configure
from tests.upstream.fault import FaultUpstream, Request, models

Start = Callable[..., FaultUpstream]
ENV = {"KEY": KEY}


def provider(server: FaultUpstream, adapter: str) -> Provider:
    table = {"base_url": server.url, "adapter": adapter, "api_key": "env:KEY"}
    return configure({"a": table}, env=ENV).providers["a"]


def test_a_provider_with_an_adapter_climbs_the_ladder(upstream: Start) -> None:
    ladder = Ladder(provider(upstream(serve), "tests.adapters.acme:Acme"), env=ENV)
    steps = {step.name: step for step in ladder.climb()}
    assert ladder.models == ("small", "large")
    assert ladder.error is None
    assert {name for name, step in steps.items() if step.verdict == "ok"} >= {
        "reach", "auth", "models", "chat", "stream", "usage",
    }  # fmt: skip


def test_a_provider_with_an_adapter_is_examined(upstream: Start) -> None:
    with Conformance(provider(upstream(serve), "tests.adapters.acme:Acme"), env=ENV) as examined:
        results = list(examined.run())
    assert [one.name for one in results if one.verdict == "failed"] == []
    passed = {one.name for one in results if one.verdict == "ok"}
    assert passed >= {"chat", "stream", "stream_same", "usage", "stream_usage", "cancel"}


def test_an_adapter_that_lists_nothing_says_so(upstream: Start) -> None:
    server = upstream(serve)
    with SyncTransport() as transport, pytest.raises(Unsupported, match="lists no models"):
        discover_models(
            provider(server, "tests.adapters.test_contract:Job"), Secrets(ENV), transport
        )
    assert server.requests == []


class Stamped(Adapter):
    """Signs every request."""

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        headers = {**request.headers, "x-stamp": f"{request.method} {request.url.target}"}
        yield HttpRequest(
            url=request.url,
            method=request.method,
            headers=headers,
            body=request.body,
            options=request.options,
        )


def test_the_question_for_models_is_signed_as_all_others(upstream: Start) -> None:
    server = upstream(lambda _: models("one", "two"))
    with SyncTransport() as transport:
        found = discover_models(provider(server, f"{__name__}:Stamped"), Secrets(ENV), transport)
    assert [info.id for info in found] == ["one", "two"]
    request: Request = server.requests[0]
    assert (request.method, request.header("x-stamp")) == ("GET", "GET /v1/models")
