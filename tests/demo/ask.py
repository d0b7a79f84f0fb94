"""Asking the demo without a client: requests to make, bodies to read, time that stands still."""

from __future__ import annotations

import json
from typing import Any

from dragoman.transport.demo import DemoTransport
from dragoman.types import HttpRequest, parse_url

CHAT = "demo:/v1/chat/completions"


class Sleeper:
    """Notes how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def awaited(self, seconds: float) -> None:
        self.slept.append(seconds)


def make_request(model: str, content: Any = "Hello", **fields: Any) -> HttpRequest:
    """Make a chat request; `messages` among the fields replaces the one message."""
    body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
    return HttpRequest(url=parse_url(CHAT), headers={}, body=json.dumps(body).encode())


def read_all(
    transport: DemoTransport, request: HttpRequest, timeout_s: float = 60.0
) -> tuple[int, list[bytes]]:
    """Send a request; return the status and what each read gave."""
    answer = transport.send(request, connect_timeout_s=1.0, head_timeout_s=timeout_s)
    pieces = []
    while piece := answer.read(timeout_s):
        pieces.append(piece)
    return answer.status, pieces


def ask(transport: DemoTransport, model: str, content: Any = "Hello", **fields: Any) -> Any:
    """Ask for a whole answer; return its JSON."""
    _, pieces = read_all(transport, make_request(model, content, **fields))
    return json.loads(b"".join(pieces))


def ask_text(transport: DemoTransport, model: str, content: Any = "Hello", **fields: Any) -> str:
    """Ask for a whole answer; return its text."""
    return str(ask(transport, model, content, **fields)["choices"][0]["message"]["content"])


def ask_stream(
    transport: DemoTransport, model: str, content: Any = "Hello", **fields: Any
) -> list[Any]:
    """Ask for a stream; return its frames, `[DONE]` as that word."""
    _, pieces = read_all(transport, make_request(model, content, stream=True, **fields))
    lines = [line for line in b"".join(pieces).decode().split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    data = [line.removeprefix("data: ") for line in lines]
    return [each if each == "[DONE]" else json.loads(each) for each in data]
