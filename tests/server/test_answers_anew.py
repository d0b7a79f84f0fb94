"""Where answers are written anew requests are understood first, before anybody is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import FaultUpstream, chat, chat_stream

SAY = [{"role": "user", "content": "hi"}]
GUARDED: Mapping[str, Any] = {"guardrails": [{"name": "g", "kind": "secrets", "where": ["out"]}]}
TOLD: Mapping[str, Any] = {"routes": {"r": {"models": ["a/m"], "usage_cost": True}}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "field", [{"max_tokens": "1000000"}, {"max_tokens": -5}, {"temperature": "hot"}]
)
@pytest.mark.parametrize(("model", "settings"), [("a/m", GUARDED), ("r", TOLD)])
def test_what_is_wrong_with_a_request_is_said_before_anybody_is_asked(
    serve: Callable[..., Served],
    upstream: Callable[..., FaultUpstream],
    model: str,
    settings: Mapping[str, Any],
    field: Mapping[str, Any],
    stream: bool,
) -> None:
    server = upstream(chat_stream(["ok"]) if stream else chat("ok"))
    gateway = serve({"a": {"base_url": server.base_url}}, **settings)
    asked = {"model": model, "messages": SAY, "stream": stream}

    def post(**more: Any) -> tuple[int, Any]:
        body = json.dumps({**asked, **more}).encode()
        status, _, said = ask(f"{gateway.base_url}/chat/completions", body)
        return status, said

    status, said = post(**field)
    (name,) = field
    assert (status, json.loads(said)["error"]["param"]) == (400, name)
    assert not server.requests
    assert gateway.seen.wait().outcome == "error"
    assert post()[0] == 200
    assert len(server.requests) == 1
