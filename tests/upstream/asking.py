"""Ask an upstream as others would: with the official client, and with a bare socket."""

from __future__ import annotations

import socket
from typing import Any

import openai

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
HELLO: list[Any] = [{"role": "user", "content": "hi"}]


def client(upstream: Any, **options: Any) -> openai.OpenAI:
    """Make an official client that does not retry."""
    given = {"base_url": upstream.base_url, "api_key": "k", "max_retries": 0, **options}
    return openai.OpenAI(**given)


def ask(upstream: Any, **options: Any) -> Any:
    """Complete once with the official client."""
    with client(upstream, **options) as api:
        return api.chat.completions.create(model="m", messages=HELLO)


def stream(upstream: Any, texts: list[str] | None = None) -> list[str]:
    """Stream with the official client; the texts go into the list given, even when it fails."""
    texts = [] if texts is None else texts
    with client(upstream) as api:
        for piece in api.chat.completions.create(model="m", messages=HELLO, stream=True):
            texts += [choice.delta.content for choice in piece.choices if choice.delta.content]
    return texts


def raw(upstream: Any, request: bytes = POST, *, host: str = "127.0.0.1") -> bytes:
    """Send these bytes and read until the end of the connection."""
    with socket.create_connection((host, upstream.port), timeout=60) as sock:
        sock.sendall(request)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    """Read until the end of the connection; a reset raises."""
    received = b""
    while data := sock.recv(65536):
        received += data
    return received
