"""The transport for event loops: kept connections, and a queue when they are few."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from dragoman.errors import Timeout
from dragoman.transport.awaited import Late, connect
from dragoman.transport.dial import Network, dial
from dragoman.transport.http1 import MAX_BODY_BYTES, Incoming, render_request
from dragoman.transport.loop_pool import CLOSED, Limits, LoopPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dragoman.transport.awaited import Connection
    from dragoman.transport.base import AsyncResponse
    from dragoman.transport.loop_pool import Origin
    from dragoman.types.http import Headers, HttpRequest

MAX_IDLE_PER_ORIGIN = 64
IDLE_EXPIRY_S = 55.0  # Under the 60 s after which common load balancers forget a connection.


class _Unseen(Exception):
    """A kept connection was closed before anybody there took the request."""


class AsyncPool:
    """An `AsyncTransport`. An async context manager: `close` at its end.

    It serves whatever loop is running, each with connections of its own, which end when their loop
    does. `max_per_origin` caps the connections to one origin; requests past it wait in order, for
    as long as a connection may take to make. The rest is as in `SyncTransport`.
    """

    def __init__(
        self,
        *,
        network: Network | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_per_origin: int | None = None,
        max_idle_per_origin: int = MAX_IDLE_PER_ORIGIN,
        idle_expiry_s: float = IDLE_EXPIRY_S,
    ) -> None:
        self._network = network if network is not None else Network(env=os.environ)
        self._max_body_bytes = max_body_bytes
        self._limits = Limits(max_per_origin, max_idle_per_origin, idle_expiry_s)
        self._pools: dict[asyncio.AbstractEventLoop, LoopPool] = {}
        self._closed = False

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncResponse:
        """See `AsyncTransport.send`; about kept connections, see `SyncTransport.send`."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None or pool.closed:
            pool = await self._bind(loop)
        data = render_request(request)
        url = request.url
        key = (url.scheme, url.host, url.port, request.options)
        origin = pool.find_origin(key)
        kept = origin.take() or await self._acquire(origin, request, connect_timeout_s)
        if kept is not None:
            try:
                return await self._exchange(origin, kept, request, data, head_timeout_s, kept=True)
            except _Unseen:
                origin = pool.find_origin(key)
                kept = await self._acquire(origin, request, connect_timeout_s)
                if kept is not None:  # This one must be new.
                    origin.exchange_for_place(kept)
        fresh = await origin.fill(self._open(request, connect_timeout_s))
        return await self._exchange(origin, fresh, request, data, head_timeout_s, kept=False)

    def count_connections(self) -> Mapping[str, tuple[int, int]]:
        """Count the connections to each `scheme://host:port`: idle, and all."""
        counts: dict[str, tuple[int, int]] = {}
        for pool in self._pools.values():
            for (scheme, host, port, _), origin in pool.origins.items():
                if origin.empty:
                    continue
                name = f"{scheme}://{host}:{port}"
                idle, count = counts.get(name, (0, 0))
                counts[name] = idle + len(origin.idle), count + origin.count
        return counts

    def use(self, network: Network) -> None:
        """Connect under this policy from now on; idle connections are closed, in their loop."""
        self._network = network
        for loop, pool in self._pools.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(pool.drop_idle)

    async def close(self) -> None:
        """Close every connection; answers that are being read end with ConnectionLost."""
        self._closed = True
        here = asyncio.get_running_loop()
        while self._pools:
            loop, pool = self._pools.popitem()
            if loop is here:
                await pool.close()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(pool.end)

    async def __aenter__(self) -> AsyncPool:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _bind(self, loop: asyncio.AbstractEventLoop) -> LoopPool:
        """Make the pool of a loop, and forget those of loops that are over."""
        if self._closed:
            raise RuntimeError(CLOSED)
        for other in [one for one in self._pools if one.is_closed()]:
            del self._pools[other]
        pool = self._pools[loop] = LoopPool(loop, self._limits)
        await pool.bind()
        return pool

    async def _open(self, request: HttpRequest, timeout_s: float) -> Connection:
        url = request.url
        steps = dial(url, request.options, self._network)
        try:
            return await connect(steps, timeout_s, self._network.resolve)
        except Late:
            raise Timeout("connect", timeout_s, hint=f"{url.origin} did not answer") from None

    async def _acquire(
        self, origin: Origin, request: HttpRequest, timeout_s: float
    ) -> Connection | None:
        try:
            return await origin.acquire(timeout_s)
        except Late:
            hint = f"all connections to {request.url.origin} are busy"
            raise Timeout("connect", timeout_s, hint=hint) from None

    async def _exchange(
        self,
        origin: Origin,
        connection: Connection,
        request: HttpRequest,
        data: bytes,
        timeout_s: float,
        *,
        kept: bool,
    ) -> AsyncResponse:
        """Send a request and wait for the head of its answer."""
        incoming = Incoming(request.method, self._max_body_bytes)
        if connection.proxy is not None:
            data = render_request(request, proxy_headers=connection.proxy.headers)
        try:
            connection.send(data, incoming)
            deadline = connection.loop.time() + timeout_s
            while not (incoming.head_done or incoming.failure):
                await connection.wait(deadline)
        except Late:
            origin.drop(connection)
            raise Timeout("first_token", timeout_s) from None
        except BaseException:
            origin.drop(connection)
            raise
        if incoming.failure is not None and not incoming.head_done:
            origin.drop(connection)
            raise _Unseen if kept and connection.unseen else incoming.failure
        return AsyncHttpResponse(connection, incoming)


class AsyncHttpResponse:
    """See `AsyncResponse`."""

    __slots__ = ("_closed", "_connection", "_incoming", "headers", "status")

    def __init__(self, connection: Connection, incoming: Incoming) -> None:
        self.status: int = incoming.status
        self.headers: Headers = incoming.headers
        self._connection = connection
        self._incoming = incoming
        self._closed = False

    async def read(self, timeout_s: float) -> bytes:
        """See `AsyncResponse.read`."""
        if self._closed:
            return b""
        incoming, connection = self._incoming, self._connection
        data = self._take()
        if not data and not (incoming.done or incoming.failure):
            deadline = connection.loop.time() + timeout_s
            try:
                while not data and not incoming.ended:
                    await connection.wait(deadline)
                    data = self._take()
            except Late:
                connection.abort()
                raise Timeout("idle", timeout_s) from None
            except BaseException:
                connection.abort()
                raise
        if not data and incoming.failure is not None and not self._closed:
            if connection.incoming is incoming:  # The fault was found only in decoding.
                connection.abort()
            raise incoming.failure
        return data

    def _take(self) -> bytes:
        data = self._incoming.take()
        if not self._incoming.buffered and self._connection.incoming is self._incoming:
            self._connection.resume()
        return data

    async def close(self) -> None:
        """See `AsyncResponse.close`."""
        self._closed = True
        if not self._incoming.done:
            self._connection.abort()
