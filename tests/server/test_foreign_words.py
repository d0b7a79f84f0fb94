"""At an address that an organisation wrote anybody may answer: only LLM APIs are repeated."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.transport import tls
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.transport.dial import Network
from dragoman.types.grant import parse_grant
from tests.server.serving import ask
from tests.server.tenancy import Team
from tests.upstream.fault import Answer, sse
from tests.upstream.tls import Authority

Start = Callable[..., Any]
SAY = {"messages": [{"role": "user", "content": "hi"}], "input": "hi", "max_tokens": 5}
CHATS = ("/chat/completions", "/messages", "/responses")
PATHS = (*CHATS, "/embeddings", "/moderations")


def said(status: int, body: Any, kind: str = "application/json") -> Answer:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=(("content-type", kind),), body=written)


FOREIGN = {
    "a word": said(500, {"error": {"message": "canary"}}),
    "a string": said(404, {"error": "canary"}),
    "a list": said(403, {"errors": ["canary"]}),
    "a status": said(403, {"kind": "Status", "message": "canary", "reason": "canary", "code": 403}),
    "a root cause": said(400, {"error": {"type": "canary", "reason": "canary"}, "status": 400}),
    "a detail": said(422, {"detail": "canary", "request_id": "canary"}),
    "text": said(500, b"-ERR canary", "text/plain"),
    "a header": Answer(status=500, headers=(("x-request-id", "canary"),), body=b"no"),
    "a page": said(502, b"<html><title>canary</title>", "text/html"),
    "a page with 200": said(200, b"<html><title>canary</title>", "text/html"),
    "an error with 200": said(200, {"error": {"message": "canary"}}),
}
NONSENSE = {
    "text with 200": said(200, b"canary", "text/plain"),
    "a stream of text": sse(["canary"]),
}
"""Elsewhere than in a conversation that may well be the answer."""
KNOWN = {
    "OpenAI's": said(400, {"error": {"message": "too long", "type": "invalid_request_error"}}),
    "Anthropic's": said(
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}},
    ),
    "vLLM's": said(400, {"object": "error", "message": "too long", "type": "BadRequestError"}),
    "Gemini's": said(400, [{"error": {"code": 400, "message": "too long", "status": "INVALID"}}]),
    "with 200": said(200, {"error": {"message": "too long", "code": "bad_request"}}),
}


@pytest.fixture
def asked(
    tmp_path: Path, upstream: Start, serve: Start, authority: Authority, monkeypatch: Any
) -> Iterator[Callable[..., Any]]:
    """Ask what answers so, at an address that an organisation wrote, or an operator for it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    tls._make_context.cache_clear()  # whoever asked first has read what is trusted
    with Team(tmp_path / "dragoman.db") as team:
        red = team.organisation("red")
        network = Network(env={}, allow=(parse_grant("127.0.0.1"),))
        served = serve({}, team=team, transport=AsyncDefaultTransport(network=network))

        def give(answer: Answer, path: str, *, egress: str = "organisation", **more: Any) -> Any:
            server = upstream(answer, tls=authority.server())
            team.provider(red, "acme", server.base_url, token="t", retries=0)
            team.break_row(f"UPDATE provider SET egress = '{egress}'")
            known = team.key(red, f"key-{egress}")[1]  # seen with what was set before
            body = json.dumps({"model": "acme/m", **SAY, **more}).encode()
            answered = ask(f"{served.base_url}{path}", body, x_api_key=known)
            assert len(server.requests) == 1
            return *answered, served.seen.wait(len(served.seen.exchanges) or 1)

        yield give
    tls._make_context.cache_clear()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        *itertools.product(FOREIGN, PATHS),
        *itertools.product(NONSENSE, CHATS),
    ],
)
def test_what_is_no_api_s_error_is_not_repeated(
    asked: Any, name: str, path: str, stream: bool
) -> None:
    _, headers, told, exchange = asked({**FOREIGN, **NONSENSE}[name], path, stream=stream)
    assert b"canary" not in told
    assert "canary" not in str(headers)
    assert "canary" not in repr(exchange)
    assert exchange.outcome != "ok"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", KNOWN)
def test_an_api_s_error_is_told_in_its_words(
    asked: Any, name: str, path: str, stream: bool
) -> None:
    _, _, told, exchange = asked(KNOWN[name], path, stream=stream)
    assert b"too long" in told
    assert "too long" in exchange.attempts[0].reason


def test_an_operators_address_is_told_of_as_it_was(asked: Any) -> None:
    _, _, told, _ = asked(FOREIGN["a detail"], PATHS[0], egress="operator")
    assert b"canary" in told
