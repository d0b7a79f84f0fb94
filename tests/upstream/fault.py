"""The scripted upstream: an HTTP server that does exactly what a test says, wrong or right.

    from tests.upstream.fault import FaultUpstream, chat, chat_stream, error

    with FaultUpstream([error(429, retry_after=2), chat("Hello")]) as upstream:
        client = OpenAI(base_url=upstream.base_url, api_key="k", max_retries=1)
        assert client.chat.completions.create(...).choices[0].message.content == "Hello"
    assert [request.path for request in upstream.requests] == ["/v1/chat/completions"] * 2
    assert upstream.requests[0].header("authorization") == "Bearer k"

    cut = chat_stream(["Hel", "lo"]).cut(at=200)       # FIN when 200 bytes of the body are out
    slow = chat_stream(["Hel", "lo"]).paced(1)         # one byte a write
    hung = chat("late").stall(at=0)                    # headers, then nothing until client leaves
    FaultUpstream(lambda request: chat(request.json()["model"]))          # or decide by request

A script is an `Answer`, or a tuple of actions (`Send`, `Stall`, `Repeat`, `Close`, `Reset`) for
what HTTP has no word for. One script answers every request; a list is consumed in order, and a
request past its end gets a 500 and fails the test when the context ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.upstream.answers import (
    chat,
    chat_stream,
    chunk,
    delta_stream,
    empty,
    endless_body,
    endless_event,
    endless_headers,
    error,
    gzip_bomb,
    html,
    models,
    pings,
    redirect,
    retry_at,
    sse,
    stall,
    tokens,
    tool_calls,
)
from tests.upstream.listener import IP, LINGER_NONE, LONG_S, Connection, Listener
from tests.upstream.script import Action, Answer, Close, Hold, Repeat, Reset, Script, Send, Stall

__all__ = [
    "Answer",
    "Close",
    "FaultUpstream",
    "Repeat",
    "Request",
    "Reset",
    "Script",
    "Send",
    "Stall",
    "Unreachable",
    "chat",
    "chat_stream",
    "chunk",
    "delta_stream",
    "empty",
    "endless_body",
    "endless_event",
    "endless_headers",
    "error",
    "gzip_bomb",
    "html",
    "models",
    "pings",
    "redirect",
    "retry_at",
    "sse",
    "stall",
    "tokens",
    "tool_calls",
]

FOR_EVER_S = 86_400.0
HELD_S = 0.01
"""How often one that is held looks whether it was released."""


@dataclass(eq=False, slots=True)
class Request:
    """A request as it came: nothing is folded, decoded (but chunked framing) or reordered.

    Times are of `time.monotonic()`. `answered_at` is None unless the script ran to its end.
    """

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    at: float
    server_name: str | None = None
    client_subject: str | None = None
    answered_at: float | None = None
    _peer: Connection = field(kw_only=True, repr=False)
    _answered: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def closed_at(self) -> float | None:
        """When the client closed this request's connection, or None."""
        return self._peer.closed_at

    def header(self, name: str) -> str | None:
        """The first value of this header, whatever the case of its name."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)

    def wait_answered(self, timeout_s: float = LONG_S) -> float:
        """Wait until this request's script ran to its end; return when that was."""
        if not self._answered.wait(timeout_s):
            raise AssertionError(f"the script did not end within {timeout_s} s")
        assert self.answered_at is not None
        return self.answered_at

    def wait_closed(self, timeout_s: float = LONG_S) -> float:
        """Wait for the client to close this request's connection; return when it did."""
        if not self._peer.closed.wait(timeout_s):
            raise AssertionError(f"the client did not close within {timeout_s} s")
        assert self._peer.closed_at is not None
        return self._peer.closed_at


class FaultUpstream(Listener):
    """Serve scripts on a free loopback port, as a context manager.

    `script`: one script for all requests, a list of scripts in order, or a function of the
    request. `greet`: actions for the first connections, one sequence each, done before TLS and
    before anything is read. `down`: refuse until `come_back()`. `ip`: v4, v6 or both.
    `record=False` only counts requests (`received`), so that long loads use no memory here.
    `garbage` keeps what arrived and was no HTTP request.
    """

    def __init__(
        self,
        script: Script | list[Script] | Callable[[Request], Script],
        *,
        greet: Iterable[Sequence[Action]] = (),
        tls: ssl.SSLContext | None = None,
        ip: IP = "v4",
        down: bool = False,
        record: bool = True,
    ) -> None:
        super().__init__(tls=tls, ip=ip, down=down)
        self.requests: list[Request] = []
        self.received = 0
        self.garbage: list[bytes] = []
        self._script = script
        self._record = record
        self._rest = iter(script if isinstance(script, list) else ())
        self._greetings = iter(greet)

    @property
    def base_url(self) -> str:
        """The URL under which OpenAI-style clients put `/chat/completions`."""
        return f"{self.url}/v1"

    def wait_requests(self, count: int, timeout_s: float = LONG_S) -> list[Request]:
        """Wait until so many requests have arrived in full."""
        return self._wait(self.requests, count, timeout_s)

    async def greet(self, sock: socket.socket) -> bool:
        loop = asyncio.get_running_loop()
        for action in next(self._greetings, ()):
            match action:
                case Send(data):
                    await loop.sock_sendall(sock, data)
                case Stall(seconds):
                    await asyncio.sleep(FOR_EVER_S if seconds is None else seconds)
                case Reset():
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
                    return False
                case Close():
                    return False
        return True

    async def serve(self, connection: Connection) -> None:
        while (request := await self._read(connection)) is not None:
            self.received += 1
            if self._record:
                self._add(self.requests, request)
            if not await _perform(self._choose(request), connection):
                return
            request.answered_at = time.monotonic()
            request._answered.set()
            if (request.header("connection") or "").lower() == "close":
                connection.close()

    def _choose(self, request: Request) -> Script:
        if callable(self._script):
            return self._script(request)
        if not isinstance(self._script, list):
            return self._script
        if (script := next(self._rest, None)) is not None:
            return script
        self._failures.append(AssertionError(f"no script is left for {request}"))
        return error(500, message="the test has no script for this request")

    async def _read(self, connection: Connection) -> Request | None:
        """Read one request; None when the client left or did not speak HTTP."""
        reader = connection.reader
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, headers = _parse_head(head)
            body = await _read_body(reader, {n.lower(): v for n, v in headers})
        except asyncio.IncompleteReadError as cut:
            if cut.partial:
                self.garbage.append(cut.partial)
            return None
        except ValueError:
            self.garbage.append(head)
            connection.close()
            return None
        return Request(
            method, target, headers, body,
            connection.number, time.monotonic(),
            connection.server_name, connection.client_subject,
            _peer=connection,
        )  # fmt: skip


class Unreachable:
    """A port that never completes a connection: its backlog is full, so SYNs are dropped."""

    def __enter__(self) -> Unreachable:
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=0)]
        self.port: int = self._sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._sockets.append(filler)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for sock in self._sockets:
            sock.close()


async def _perform(script: Script, connection: Connection) -> bool:
    """Do a script's actions in order; False when the client left before their end."""
    for action in script.actions() if isinstance(script, Answer) else script:
        match action:
            case Send(data):
                if await connection.send(data):
                    continue
            case Stall(seconds):
                await connection.wait_gone(seconds)
            case Hold(released):
                while not released.is_set() and not await connection.wait_gone(HELD_S):
                    pass
            case Repeat(data, pause_s):
                while not connection.gone.is_set():
                    await connection.send(data)
                    await connection.wait_gone(pause_s) if pause_s else None
            case Close(notify):
                await connection.flushed()
                connection.close(notify=notify)
            case Reset():
                await connection.flushed()
                connection.reset()
        if connection.left:
            return False
    return True


def _parse_head(head: bytes) -> tuple[str, str, list[tuple[str, str]]]:
    """Split a request head; ValueError when it is none."""
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    pairs = (line.split(":", 1) for line in lines)
    return method, target, [(name, value.strip()) for name, value in pairs]


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return body
