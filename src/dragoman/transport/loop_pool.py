"""The connections that one event loop has, by origin, and who waits for one.

Law: at no time does an origin have more connections, made or being made, than its cap; who asked
first is served first; and all of them end with their loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.transport.awaited import Connection, Late

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from dragoman.transport.dial import Key


CLOSED = "the transport is closed"


class Limits(Struct, frozen=True):
    """What a pool keeps. Each is per origin; `max_all` None: no cap."""

    max_all: int | None
    max_idle: int
    idle_expiry_s: float


class Origin:
    """The connections to one origin: idle ones, last used first, all, and who waits in line.

    `opening` counts those that are being made.
    """

    __slots__ = ("_all", "_limits", "_opening", "_pool", "_waiters", "idle")

    def __init__(self, pool: LoopPool, limits: Limits) -> None:
        self._pool = pool
        self._limits = limits
        self.idle: deque[Connection] = deque()
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()

    @property
    def count(self) -> int:
        """How many connections there are, those being made included."""
        return len(self._all) + self._opening

    @property
    def empty(self) -> bool:
        """Whether nobody has anything to do with this origin."""
        return not (self._all or self._opening or self._waiters)

    def take(self) -> Connection | None:
        """Take an idle connection that is still good, without waiting."""
        oldest = self._pool.loop.time() - self._limits.idle_expiry_s
        while self.idle:
            connection = self.idle.pop()
            if connection.idle_since >= oldest and connection.is_fresh():
                return connection
            self.drop(connection)
        return None

    async def acquire(self, timeout_s: float) -> Connection | None:
        """Take an idle connection, or a place in which to `fill` one in (None); wait in line.

        Raises: Late.
        """
        deadline = self._pool.loop.time() + timeout_s
        while True:
            connection = self.take()
            if connection is not None:
                return connection
            if self._limits.max_all is None or self.count < self._limits.max_all:
                self._opening += 1
                return None
            connection = await self._queue(deadline)
            if connection is None or not connection.lost:
                return connection

    async def _queue(self, deadline: float) -> Connection | None:
        """Wait for a connection, or for a place (None)."""
        turn: asyncio.Future[Connection | None] = self._pool.loop.create_future()
        timer = self._pool.loop.call_at(deadline, _expire, turn)
        self._waiters.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on(turn.result())  # It came just as we were cancelled.
            raise
        finally:
            timer.cancel()

    def _pass_on(self, turn: Connection | None) -> None:
        if turn is None:
            self.leave()
        elif not turn.lost:
            self.give_back(turn)

    async def fill(self, make: Awaitable[Connection]) -> Connection:
        """Make a connection in the place that was given.

        Raises: what `make` raises; the place is then given up.
        """
        try:
            connection = await make
        except BaseException:
            self.leave()
            raise
        self._opening -= 1
        self._all.add(connection)
        connection.on_free = self.give_back
        connection.on_lost = self.drop
        if self._pool.closed:
            self.drop(connection)
            raise RuntimeError(CLOSED)
        return connection

    def leave(self) -> None:
        """Give a place up."""
        self._opening -= 1
        self._admit()

    def give_back(self, connection: Connection) -> None:
        """Hand a connection to whoever waits, or keep it."""
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        connection.idle_since = self._pool.loop.time()
        self.idle.append(connection)
        if len(self.idle) > self._limits.max_idle:
            self.drop(self.idle.popleft())
        self._pool.expire_later()

    def drop(self, connection: Connection) -> None:
        """End a connection, or take note that it ended; whoever waits gets its place."""
        self._remove(connection)
        self._admit()

    def exchange_for_place(self, connection: Connection) -> None:
        """End a connection and keep its place, to `fill`."""
        self._opening += 1
        self._remove(connection)
        self._admit()

    def expire(self, oldest: float) -> None:
        """End those that have been idle since before `oldest`."""
        while self.idle and self.idle[0].idle_since < oldest:
            self.drop(self.idle.popleft())

    def end(self) -> set[Connection]:
        """End everything; return the connections, which may take a moment to be gone."""
        for turn in self._waiters:
            if not turn.done():
                turn.set_exception(RuntimeError(CLOSED))
        ended = set(self._all)
        for connection in ended:
            self._remove(connection)
        return ended

    def _remove(self, connection: Connection) -> None:
        self._all.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        connection.abort()

    def _admit(self) -> None:
        """Give free places to those in line."""
        cap = self._limits.max_all
        while self._waiters and (cap is None or self.count < cap):
            turn = self._waiters.popleft()
            if not turn.done():
                self._opening += 1
                turn.set_result(None)


def _expire(turn: asyncio.Future[Connection | None]) -> None:
    if not turn.done():
        turn.set_exception(Late())


class LoopPool:
    """All origins of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self.loop = loop
        self.closed = False
        self.origins: dict[Key, Origin] = {}
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._guard = self._until_the_loop_ends()

    def find_origin(self, key: Key) -> Origin:
        """Return the origin of this key, a new one if need be."""
        origin = self.origins.get(key)
        if origin is None:
            origin = self.origins[key] = Origin(self, self._limits)
            self.expire_later()
        return origin

    async def bind(self) -> None:
        """Tie the connections to the loop's end, however that comes.

        A loop that ends in good order closes the asynchronous generators that run on it.
        """
        await anext(self._guard)

    async def close(self) -> None:
        """Close every connection, and wait until they are."""
        await self._guard.aclose()

    def drop_idle(self) -> None:
        """End the connections that nobody uses at the moment."""
        for origin in self.origins.values():
            origin.expire(float("inf"))

    def end(self) -> list[Connection]:
        """Begin to close every connection."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        return [connection for origin in self.origins.values() for connection in origin.end()]

    def expire_later(self) -> None:
        """See to it that idle connections do not stay for ever."""
        if self._timer is None and not self.closed:
            self._timer = self.loop.call_later(self._limits.idle_expiry_s, self._expire)

    def _expire(self) -> None:
        self._timer = None
        oldest = self.loop.time() - self._limits.idle_expiry_s
        for key, origin in list(self.origins.items()):
            origin.expire(oldest)
            if origin.empty:
                del self.origins[key]
        if self.origins:
            self.expire_later()

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for connection in self.end():
                await connection.wait_lost()
