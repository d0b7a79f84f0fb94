"""Load on a gateway, and an upstream behind it, in one event loop: both remember what they saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(rb"\r\nx-request-id: *(\w+)", re.IGNORECASE)
USAGE = {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42}


def _answer() -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "yes"},
        "finish_reason": "stop",
    }
    told = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE}
    body = json.dumps({**told, "choices": [choice]}).encode()
    head = f"content-type: application/json\r\ncontent-length: {len(body)}"
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body


def _stream() -> bytes:
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [
        {"index": 0, "delta": {"role": "assistant", "content": "yes"}, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "stop"},
    ]
    chunks = [{**told, "choices": [choice]} for choice in choices]
    chunks.append({**told, "choices": [], "usage": USAGE})
    frames = [json.dumps(chunk) for chunk in chunks] + ["[DONE]"]
    body = "".join(f"data: {frame}\n\n" for frame in frames).encode()
    head = f"content-type: text/event-stream\r\ncontent-length: {len(body)}"
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body


WHOLE, STREAMED = _answer(), _stream()


class Upstream(asyncio.Protocol):
    """One connection to the upstream: every request is answered at once, and counted."""

    def __init__(self, seen: Counter[str]) -> None:
        self._seen = seen
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._data[:end])
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self._data) < size:
                return
            body, self._data = self._data[end + 4 : size], self._data[size:]
            self._seen["upstream"] += 1
            self._transport.write(STREAMED if b'"stream":true' in body else WHOLE)


class Load:
    """Clients that ask one request after the other, as a context that starts the upstream.

    `completed` are the names of those whose answers came whole. `counts` has `upstream`: what it
    saw; `asked`; `refused` by status; `broken`: connections that ended in the middle.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.completed: list[str] = []
        self.stopping = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Upstream(self.counts), "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        self._clients: list[asyncio.Task[None]] = []
        return self

    def start(self, port: int, clients: int, key: str | None = None) -> None:
        """Begin to ask at this port; every second client wants streams."""
        self._clients += [
            asyncio.create_task(self._ask(port, number % 2 == 1, key)) for number in range(clients)
        ]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait, while the clients go on."""
        while not holds():
            for client in self._clients:
                if client.done():
                    client.result()
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Let every client come to the end of its request."""
        self.stopping = True
        await asyncio.gather(*self._clients)

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._server.close()

    async def _ask(self, port: int, stream: bool, key: str | None) -> None:
        asked = {"model": "mine/m", "messages": [{"role": "user", "content": "hi"}]}
        body = json.dumps({**asked, "max_tokens": 10, "stream": stream}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        head += f"authorization: Bearer {key}\r\n" if key else ""
        request = f"{head}\r\n".encode() + body
        while not self.stopping:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            with contextlib.closing(writer):
                try:
                    while not self.stopping:
                        writer.write(request)
                        self.counts["asked"] += 1
                        await self._read(reader)
                except (OSError, EOFError):
                    self.counts["broken"] += 1

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Read one answer. Raises: EOFError, OSError when it does not come whole."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is not None:
            await reader.readexactly(int(length[1]))
        else:
            while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        status, name = head[9:12].decode(), _NAME.search(head)
        if status != "200":
            self.counts[f"refused {status}"] += 1
            await asyncio.sleep(0.01)
        elif name is not None:
            self.completed.append(name[1].decode())
