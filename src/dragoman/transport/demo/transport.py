"""The demo as a transport: one that blocks, one that awaits. Time passes through `sleep` alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable

from dragoman.errors import ConnectionLost, Timeout
from dragoman.transport.demo.models import Memory
from dragoman.transport.demo.reply import Reply, reply
from dragoman.types.http import HttpRequest


class DemoTransport:
    """Answers requests to `demo:` URLs. `sleep` waits for so many seconds.

    What `flaky` has failed at is remembered per instance: a new one starts from the beginning.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._desk = _Desk()

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> DemoResponse:
        """See `Transport.send`. Raises: Timeout(phase="first_token")."""
        del connect_timeout_s  # there is nothing to connect to
        answer = self._desk.take(request)
        if answer.head_s > 0:
            self._sleep(min(answer.head_s, head_timeout_s))
        if answer.head_s > head_timeout_s:
            raise Timeout("first_token", head_timeout_s)
        return DemoResponse(answer, self._sleep)

    def close(self) -> None:
        """See `Transport.close`: there is nothing to close."""


class DemoResponse:
    """See `Response`."""

    def __init__(self, answer: Reply, sleep: Callable[[float], None]) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._sleep = sleep
        self._rest = _Rest(answer)

    def read(self, timeout_s: float) -> bytes:
        """See `Response.read`. Raises: Timeout(phase="idle"), ConnectionLost."""
        if pause_s := self._rest.pause(timeout_s):
            self._sleep(pause_s)
        return self._rest.take(timeout_s)

    def close(self) -> None:
        """See `Response.close`."""
        self._rest.close()


class AsyncDemoTransport:
    """The same, awaited; `sleep` is asyncio's unless another is given."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] | None = None) -> None:
        if sleep is None:
            import asyncio

            sleep = asyncio.sleep
        self._sleep = sleep
        self._desk = _Desk()

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncDemoResponse:
        """See `DemoTransport.send`."""
        del connect_timeout_s  # there is nothing to connect to
        answer = self._desk.take(request)
        if answer.head_s > 0:
            await self._sleep(min(answer.head_s, head_timeout_s))
        if answer.head_s > head_timeout_s:
            raise Timeout("first_token", head_timeout_s)
        return AsyncDemoResponse(answer, self._sleep)

    async def close(self) -> None:
        """See `Transport.close`: there is nothing to close."""


class AsyncDemoResponse:
    """See `AsyncResponse`."""

    def __init__(self, answer: Reply, sleep: Callable[[float], Awaitable[None]]) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._sleep = sleep
        self._rest = _Rest(answer)

    async def read(self, timeout_s: float) -> bytes:
        """See `DemoResponse.read`."""
        if pause_s := self._rest.pause(timeout_s):
            await self._sleep(pause_s)
        return self._rest.take(timeout_s)

    async def close(self) -> None:
        """See `Response.close`."""
        self._rest.close()


class _Desk:
    """Counts requests and keeps the memory that lasts from one to the next."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._memory = Memory()

    def take(self, request: HttpRequest) -> Reply:
        path = request.url.target.partition("?")[0]
        return reply(request.method, path, request.body, self._memory, next(self._numbers))


class _Rest:
    """What of an answer is still to come: the next piece, and how long it is until then."""

    def __init__(self, answer: Reply) -> None:
        self._pieces = answer.pieces
        self._broken = answer.broken
        self._next: tuple[float, bytes] | None = next(self._pieces, None)

    def pause(self, timeout_s: float) -> float:
        """How long the next read waits."""
        return min(self._next[0], timeout_s) if self._next else 0.0

    def take(self, timeout_s: float) -> bytes:
        """Take the next piece, after the pause.

        Raises: Timeout when it was too short for it, ConnectionLost at the end of a broken answer.
        """
        if self._next is None:
            if self._broken:
                raise ConnectionLost("the demo closed the connection in the middle of the answer")
            return b""
        pause_s, piece = self._next
        if pause_s > timeout_s:
            self._next = (pause_s - timeout_s, piece)
            raise Timeout("idle", timeout_s)
        self._next = next(self._pieces, None)
        return piece

    def close(self) -> None:
        self._next = None
        self._broken = False
