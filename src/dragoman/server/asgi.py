"""From ASGI to handlers: bodies within a cap, replies, and clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from dragoman.errors import InvalidRequest
from dragoman.server.http import Handler, Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_LIMIT = 32 * 1024 * 1024


class BodyTooLarge(InvalidRequest):
    """The request's body is over the cap."""

    status = 413
    code = "request_too_large"


class ClientGone(Exception):
    """The client left before it had said all."""


class Application:
    """An ASGI application that gives each request to a handler.

    A client that leaves has its handler cancelled, so that the upstream is left as well.
    """

    def __init__(self, handle: Handler, body_limit: int = BODY_LIMIT) -> None:
        self._handle = handle
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"cannot serve {scope['type']}")
        connection = _Connection(receive, self._body_limit)
        request = Request(
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            connection.body,
        )
        try:
            await self._handle(request, _Reply(send))
        except ClientGone:
            return
        except asyncio.CancelledError:
            if not connection.gone:
                raise
        finally:
            connection.close()


class _Connection:
    """The client's side of a request: its body, and then whether it is still there."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._watch: asyncio.Task[None] | None = None
        self.gone = False

    async def body(self) -> bytes:
        """Wait for all of the body; from then on a client that leaves cancels this task."""
        pieces: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self._limit:
                raise BodyTooLarge(
                    f"the body is larger than {self._limit} bytes", hint="send less at a time"
                )
            more = message.get("more_body", False)
        owner = asyncio.current_task()
        self._watch = asyncio.get_running_loop().create_task(self._until_gone(owner))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _until_gone(self, owner: asyncio.Task[Any] | None) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self.gone = True
        if owner is not None:
            owner.cancel()

    def close(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.cancel()


class _Reply:
    """See `dragoman.server.http.Reply`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`."""
        self.started = True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """See `Reply.end`."""
        await self._send({"type": "http.response.body", "body": b""})
