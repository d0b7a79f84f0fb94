"""One request on a connection and the reply to it, as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dragoman.server.http.application import ClientGone
from dragoman.server.http.failures import BodyTooLarge, BodyTooSlow
from dragoman.server.http.messages import Request

if TYPE_CHECKING:
    from dragoman.server.http.connection import Connection

BODY_S = 120.0
"""How long a body may take to come."""
LATE_S = 30.0
"""How long what is left of a body may still come when its request is answered already."""

_EMPTY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Exchange:
    """One request and its reply. See `Visit` and `dragoman.server.http.messages.Reply`."""

    __slots__ = (
        "_bodiless",
        "_body_limit",
        "_chunked",
        "_connection",
        "_done",
        "_gone",
        "_head",
        "_late",
        "_listening",
        "_old",
        "_pieces",
        "_size",
        "_waiter",
        "expects",
        "extra",
        "interrupted",
        "keep_alive",
        "over",
        "request",
        "response_complete",
        "status",
        "task",
        "writing_since",
    )  # fmt: skip

    task: asyncio.Task[None]

    def __init__(
        self,
        connection: Connection,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        *,
        old: bool,
    ) -> None:
        client = connection.client
        peer = client[0] if client is not None else ""
        named = unquote(path) if "%" in path else path
        self.request = Request(method, named, query, headers, self.body, peer, path)
        self.status: int | None = None
        self.interrupted = False
        self.over = False
        self.writing_since: float | None = None
        self.extra: dict[str, str] = {}
        self.keep_alive = not old and connection.parser.should_keep_alive()
        self.response_complete = False
        self.expects = headers.get("expect", "").lower() == "100-continue"
        self._connection = connection
        self._body_limit: int = connection.app.body_limit
        self._old = old
        self._bodiless = method == "HEAD"
        self._chunked = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._done = False
        self._gone = False
        self._listening = False
        self._head = b""
        self._late: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None

    # ---------------------------------------------------------------------------- the request

    def feed(self, body: bytes) -> None:
        """Take the next piece of the body; beyond the cap, or too late, it is dropped."""
        self._size += len(body)
        if self.response_complete:
            if self._size > self._body_limit:
                self._connection.transport.abort()
        elif self._size <= self._body_limit:
            self._pieces.append(body)
        elif self._pieces:
            self._pieces.clear()
            self._wake()

    def complete(self) -> None:
        """Note that the body is whole."""
        self._done = True
        self._expect_no_more()
        self._wake()

    def lost(self) -> None:
        """Note that the client has left."""
        self._gone = True
        self._expect_no_more()
        self._wake()
        if self._listening and not self.response_complete:
            self.leave()

    async def body(self) -> bytes:
        """See `Request.body`. From then on a client that leaves cancels the task."""
        if not (self._done or self._gone or self._size > self._body_limit):
            await self._wait()
        if self._gone:
            raise ClientGone
        if self._size > self._body_limit:
            raise BodyTooLarge(
                f"the body is larger than {self._body_limit} bytes", hint="send less at a time"
            )
        self._listening = True
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _wait(self) -> None:
        if self.expects:
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waiter = self._connection.loop.create_future()
        try:
            async with asyncio.timeout(BODY_S):
                await self._waiter
        except TimeoutError:
            self.keep_alive = False
            raise BodyTooSlow(f"the body did not come within {BODY_S:g} s") from None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def leave(self) -> None:
        """Stop answering: nobody listens."""
        self.over = True
        self.keep_alive = False
        if not self._gone:
            self._connection.transport.abort()
        self.task.cancel()

    def release(self) -> None:
        """Let go of the request."""
        del self.request

    # ------------------------------------------------------------------------------ the reply

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        self.status = status
        length = {} if status in _EMPTY else {"content-length": str(len(body))}
        head = self._make_head({**headers, **length})
        if not self._gone:
            self._connection.transport.write(head if self._bodiless else head + body)
            await self._finish()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`. The head goes out with the first piece, or when the loop has time."""
        self.status = status
        self._chunked = not self._old and "content-length" not in headers
        if self._chunked:
            headers = {**headers, "transfer-encoding": "chunked"}
        self._head = self._make_head(headers)
        self._connection.loop.call_soon(self._flush)

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""
        if self._gone or not data or self._bodiless:
            return
        head, self._head = self._head, b""
        if self._chunked:
            data = b"%b%x\r\n%b\r\n" % (head, len(data), data)
        elif head:
            data = head + data
        self._connection.transport.write(data)
        await self._drain()

    async def end(self) -> None:
        """See `Reply.end`."""
        self._flush()
        if not self._gone:
            if self._chunked and not self._bodiless:
                self._connection.transport.write(b"0\r\n\r\n")
            await self._finish()

    def cut(self) -> None:
        """See `Reply.cut`."""
        self.response_complete = True
        self.keep_alive = False
        self._flush()
        if not self._gone:
            self._connection.hang_up()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._gone:
            self._connection.transport.write(head)

    def _make_head(self, headers: Mapping[str, str]) -> bytes:
        assert self.status is not None
        if self.extra or not self.keep_alive:
            close = {} if self.keep_alive else {"connection": "close"}
            headers = {**headers, **self.extra, **close}
        dates = self._connection.server_state.default_headers
        return write_head(self.status, headers, dates)

    async def _drain(self) -> None:
        """Wait until the client has read most of what was written."""
        connection = self._connection
        if connection.flow.write_paused:
            self.writing_since = connection.loop.time()
            await connection.flow.drain()
            self.writing_since = None

    async def _finish(self) -> None:
        """End the reply, once it is read: the next request of a pipeline waits for that."""
        await self._drain()
        if self._gone:
            return
        self.response_complete = True
        connection = self._connection
        if not self.keep_alive:
            connection.hang_up()
        elif not self._done:
            # To close at once might take the answer away from who is still sending.
            self._size = 0
            self._pieces.clear()
            self._late = connection.loop.call_later(LATE_S, connection.transport.abort)
        connection.on_response_complete()

    def _expect_no_more(self) -> None:
        """Forget the wait for what is left of the body."""
        if self._late is not None:
            self._late.cancel()
            self._late = None


def write_head(
    status: int, headers: Mapping[str, str], more: list[tuple[bytes, bytes]] | None = None
) -> bytes:
    """Write the head of an answer. Raises: ValueError for a header that would be two."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header holds a line break")
    own = b"".join([b"%b: %b\r\n" % pair for pair in more or ()])
    return _status_line(status) + own + lines.encode("latin-1") + b"\r\n"


@lru_cache(maxsize=128)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
