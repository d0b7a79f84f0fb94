"""Which headers of a client reach a provider: those that its language knows, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import Answer, chat

SENT = {
    "anthropic_version": "2099-01-01",
    "anthropic_beta": "context-1m-2025-08-07, other-beta",
    "openai_organization": "org-1",
    "openai_project": "proj-1",
    "x_private": "mine",
    "cookie": "a=b",
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "x",
    "content": [{"type": "text", "text": "ok"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ANSWERS = {
    "anthropic-messages": Answer(
        headers=(("content-type", "application/json"),), body=json.dumps(MESSAGE).encode()
    ),
    "openai-completions": chat("ok"),
}
BODY = json.dumps(
    {"model": "a/x", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
).encode()


def send(gateway: Served, path: str, **headers: str) -> None:
    status, _, answer = ask(f"{gateway.base_url}{path}", BODY, **headers)
    assert status == 200, answer


def test_anthropics_headers_reach_anthropics_api_unchanged(serve: Any, upstream: Any) -> None:
    server = upstream(ANSWERS["anthropic-messages"])
    gateway = serve({"a": {"base_url": server.url, "api": "anthropic-messages", "api_key": "k"}})
    send(gateway, "/messages", **SENT, x_api_key="the client's")
    request = server.requests[0]
    assert request.header("anthropic-beta") == SENT["anthropic_beta"]
    assert request.header("anthropic-version") == SENT["anthropic_version"]
    assert request.header("x-api-key") == "k"
    for name in ("openai-organization", "openai-project", "x-private", "cookie"):
        assert request.header(name) is None


def test_openais_headers_reach_openais_api_and_anthropics_never(serve: Any, upstream: Any) -> None:
    server = upstream(ANSWERS["openai-completions"])
    gateway = serve({"a": {"base_url": server.base_url}})
    send(gateway, "/chat/completions", **SENT)
    request = server.requests[0]
    assert request.header("openai-organization") == "org-1"
    assert request.header("openai-project") == "proj-1"
    for name in ("anthropic-beta", "anthropic-version", "x-private", "cookie"):
        assert request.header(name) is None


@pytest.mark.parametrize(
    ("path", "api"),
    [("/messages", "openai-completions"), ("/chat/completions", "anthropic-messages")],
)
def test_nothing_crosses_languages(serve: Any, upstream: Any, path: str, api: str) -> None:
    server = upstream(ANSWERS[api])
    base = server.url if api == "anthropic-messages" else server.base_url
    gateway = serve({"a": {"base_url": base, "api": api}})
    send(gateway, path, **SENT)
    request = server.requests[0]
    assert request.header("anthropic-beta") is None
    assert request.header("openai-organization") is None
    if api == "anthropic-messages":
        assert request.header("anthropic-version") == "2023-06-01"


def test_what_the_provider_is_configured_with_wins(serve: Any, upstream: Any) -> None:
    server = upstream(ANSWERS["anthropic-messages"])
    settings = {"api": "anthropic-messages", "headers": {"Anthropic-Beta": "ours"}}
    gateway = serve({"a": {"base_url": server.url, **settings}})
    send(gateway, "/messages", **SENT)
    assert server.requests[0].header("anthropic-beta") == "ours"
    assert server.requests[0].header("anthropic-version") == SENT["anthropic_version"]


def test_media_endpoints_send_them_on_too(serve: Any, upstream: Any) -> None:
    answer = Answer(headers=(("content-type", "application/json"),), body=b'{"results": []}')
    server = upstream(answer)
    gateway = serve({"a": {"base_url": server.base_url}})
    send(gateway, "/moderations", **SENT)
    assert server.requests[0].header("openai-project") == "proj-1"
    assert server.requests[0].header("anthropic-beta") is None
