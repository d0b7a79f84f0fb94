"""The transport for threads: kept connections that any of them may take from the pool."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

from dragoman.errors import Timeout
from dragoman.transport.blocking import Connection, Late, connect
from dragoman.transport.dial import Network, dial
from dragoman.transport.http1 import MAX_BODY_BYTES, Incoming, render_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dragoman.transport.base import Response
    from dragoman.transport.dial import Key
    from dragoman.types.http import ConnectOptions, Headers, HttpRequest, Url

MAX_IDLE_PER_ORIGIN = 64
IDLE_EXPIRY_S = 55.0  # Under the 60 s after which common load balancers forget a connection.


class _Unseen(Exception):
    """A kept connection was closed before anybody there took the request."""


class SyncTransport:
    """A `Transport` for any number of threads. A context manager: `close` at its end.

    `network` has the proxy variables (default: the process's), the resolver and what egress is
    granted. `max_body_bytes` caps every answer but event streams. A request that finds no idle
    connection opens a new one; nothing waits.

    Example:
        with SyncTransport() as transport:
            response = transport.send(request, connect_timeout_s=5, head_timeout_s=60)
            while chunk := response.read(timeout_s=120):
                ...
    """

    def __init__(
        self,
        *,
        network: Network | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_idle_per_origin: int = MAX_IDLE_PER_ORIGIN,
        idle_expiry_s: float = IDLE_EXPIRY_S,
    ) -> None:
        self._network = network if network is not None else Network(env=os.environ)
        self._max_body_bytes = max_body_bytes
        self._pool = _Pool(max_idle_per_origin, idle_expiry_s)
        # Also at the interpreter's exit, so that no one is warned of what nobody could close.
        self._retire = weakref.finalize(self, self._pool.retire)

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Response:
        """See `Transport.send`. A connection that was closed before the server's system had
        acknowledged any of the request is replaced unseen; after that, ConnectionLost tells."""
        data = render_request(request)
        url = request.url
        key = (url.scheme, url.host, url.port, request.options)
        kept = self._pool.take(key)
        if kept is not None:
            try:
                return self._exchange(kept, request, data, head_timeout_s, kept=True)
            except _Unseen:
                pass
        fresh = self._open(key, url, request.options, connect_timeout_s)
        return self._exchange(fresh, request, data, head_timeout_s, kept=False)

    def count_connections(self) -> Mapping[str, tuple[int, int]]:
        """Count the connections to each `scheme://host:port`: idle, and all."""
        return self._pool.count()

    def close(self) -> None:
        """Close every connection; answers that are being read end with ConnectionLost."""
        self._retire()
        self._pool.shut()

    def __enter__(self) -> SyncTransport:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _open(self, key: Key, url: Url, options: ConnectOptions, timeout_s: float) -> Connection:
        steps = dial(url, options, self._network)
        try:
            connection = connect(steps, time.monotonic() + timeout_s, self._network.resolve)
        except Late:
            raise Timeout("connect", timeout_s, hint=f"{url.origin} did not answer") from None
        self._pool.add(key, connection)
        return connection

    def _exchange(
        self,
        connection: Connection,
        request: HttpRequest,
        data: bytes,
        timeout_s: float,
        *,
        kept: bool,
    ) -> Response:
        incoming = Incoming(request.method, self._max_body_bytes)
        if connection.proxy is not None:
            data = render_request(request, proxy_headers=connection.proxy.headers)
        deadline = time.monotonic() + timeout_s
        try:
            whole = connection.send(data, incoming, deadline)
            while not (incoming.head_done or incoming.failure):
                connection.receive(incoming, deadline)
        except Late:
            self._pool.drop(connection)
            raise Timeout("first_token", timeout_s) from None
        except BaseException:
            self._pool.drop(connection)
            raise
        if incoming.failure is not None and not incoming.head_done:
            unseen = kept and incoming.untouched and connection.is_unseen()
            self._pool.drop(connection)
            raise _Unseen if unseen else incoming.failure
        if not whole:
            incoming.reusable = False
        return SyncResponse(self._pool, connection, incoming)


class SyncResponse:
    """See `Response`. `close` may be called by another thread than the one that reads."""

    __slots__ = ("_busy", "_closed", "_connection", "_incoming", "_pool", "headers", "status")

    def __init__(self, pool: _Pool, connection: Connection, incoming: Incoming) -> None:
        self.status: int = incoming.status
        self.headers: Headers = incoming.headers
        self._pool = pool
        self._incoming = incoming
        self._connection: Connection | None = connection
        self._busy = False
        self._closed = False
        if incoming.ended:
            self._part()

    def read(self, timeout_s: float) -> bytes:
        """See `Response.read`."""
        self._busy = True
        try:
            return b"" if self._closed else self._read(timeout_s)
        finally:
            self._busy = False
            if self._closed:
                self._part()

    def _read(self, timeout_s: float) -> bytes:
        incoming, connection = self._incoming, self._connection
        data = incoming.take()
        if not data and connection is not None:
            deadline = time.monotonic() + timeout_s
            try:
                while not data and not incoming.ended:
                    connection.receive(incoming, deadline)
                    data = incoming.take()
            except Late:
                self._part()
                raise Timeout("idle", timeout_s) from None
            except BaseException:
                self._part()
                raise
            if incoming.ended:
                self._part()
        if not data and incoming.failure is not None and not self._closed:
            raise incoming.failure
        return data

    def close(self) -> None:
        """See `Response.close`."""
        self._closed = True
        connection = self._connection
        if connection is not None and self._busy:
            connection.shut()  # wakes the reader, who then parts from it
        else:
            self._part()

    def _part(self) -> None:
        """Give the connection back when it is good for more, else end it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._incoming.done and self._incoming.reusable:
            self._pool.give_back(connection)
        else:
            self._pool.drop(connection)


class _Pool:
    """The connections of one transport: idle ones, last used first, and those in use."""

    def __init__(self, max_idle: int, expiry_s: float) -> None:
        self._max_idle = max_idle
        self._expiry_s = expiry_s
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: dict[Key, deque[Connection]] = {}
        self._busy: dict[Connection, Key] = {}

    def take(self, key: Key) -> Connection | None:
        """Take an idle connection on which nothing has come since."""
        if self._pid != os.getpid():
            self._reset()  # After a fork: the connections are the parent's.
        while True:
            with self._lock:
                self._check_open()
                idle = self._idle.get(key)
                if not idle:
                    self._idle.pop(key, None)
                    return None
                connection = idle.pop()
                self._busy[connection] = key
            fresh = connection.idle_since > time.monotonic() - self._expiry_s
            if fresh and connection.is_quiet():
                return connection
            self.drop(connection)

    def add(self, key: Key, connection: Connection) -> None:
        """Note a new connection, in use."""
        with self._lock:
            if not self._closed:
                self._busy[connection] = key
                return
        connection.close()
        self._check_open()

    def drop(self, connection: Connection) -> None:
        """End a connection in use."""
        with self._lock:
            self._busy.pop(connection, None)
        connection.close()

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request, and end those that were kept too long."""
        now = connection.idle_since = time.monotonic()
        oldest = now - self._expiry_s
        ended: list[Connection] = []
        with self._lock:
            key = self._busy.pop(connection, None)
            if key is None or self._closed:
                ended.append(connection)
            else:
                idle = self._idle.setdefault(key, deque())
                idle.append(connection)
                while len(idle) > self._max_idle or idle[0].idle_since < oldest:
                    ended.append(idle.popleft())
        for one in ended:
            one.close()

    def count(self) -> Mapping[str, tuple[int, int]]:
        """See `SyncTransport.count_connections`."""
        counts: dict[str, tuple[int, int]] = {}
        with self._lock:
            pairs = [(key, len(idle), len(idle)) for key, idle in self._idle.items() if idle]
            pairs += [(key, 0, 1) for key in self._busy.values()]
        for (scheme, host, port, _), idle_count, all_count in pairs:
            origin = f"{scheme}://{host}:{port}"
            before = counts.get(origin, (0, 0))
            counts[origin] = before[0] + idle_count, before[1] + all_count
        return counts

    def retire(self) -> None:
        """Close what is idle now, and the others when they are given back."""
        with self._lock:
            self._closed = True
            idle = [connection for group in self._idle.values() for connection in group]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def shut(self) -> None:
        """End the connections in use; their users close them."""
        with self._lock:
            busy = list(self._busy)
        for connection in busy:
            connection.shut()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the transport is closed")
