"""A loopback port served by an event loop in a thread of its own.

What the scripted upstream and the proxy share: accepting, TLS, connections that know when their
client went away, going down and coming back on the same port.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import errno
import socket
import ssl
import struct
import threading
import time
from typing import Literal, Self, TypeVar

T = TypeVar("T")
IP = Literal["v4", "v6", "both"]
ADDRESSES = {"v4": ("127.0.0.1",), "v6": ("::1",), "both": ("127.0.0.1", "::1")}
READ_LIMIT_BYTES = 64 * 1024 * 1024
LONG_S = 60.0
"""For what is sure to come, however busy the machine is."""
# SO_LINGER with a linger time of zero makes close() send RST instead of FIN: socket(7).
LINGER_NONE = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """One accepted connection, in `live` while it is open. A client that half-closes is gone.

    Runs on the listener's loop; threads may wait for `closed`.
    """

    def __init__(self, number: int, tls: bool, live: dict[int, Connection]) -> None:
        self.number = number
        self.tls = tls
        self.reader = asyncio.StreamReader(limit=READ_LIMIT_BYTES)
        self.gone = asyncio.Event()
        self.closed = threading.Event()
        self.closed_at: float | None = None
        self.sent_bytes = 0
        self.transport: asyncio.Transport
        self._writable = asyncio.Event()
        self._writable.set()
        self._ended_by_us = False
        self._live = live

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._live[self.number] = self

    def data_received(self, data: bytes) -> None:
        self.reader.feed_data(data)

    def eof_received(self) -> None:
        self._client_left()

    def connection_lost(self, exc: Exception | None) -> None:
        self._client_left()
        self._live.pop(self.number, None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def left(self) -> bool:
        """Whether the client ended this connection, before we did."""
        return self.closed.is_set()

    @property
    def server_name(self) -> str | None:
        """The name the client sent in its TLS hello (SNI), if any."""
        return getattr(self.transport.get_extra_info("ssl_object"), "sni", None)

    @property
    def client_subject(self) -> str | None:
        """The common name in the client's certificate, if it presented one."""
        certificate = self.transport.get_extra_info("peercert") or {}
        fields = dict(pair[0] for pair in certificate.get("subject", ()))
        return fields.get("commonName")

    async def send(self, data: bytes) -> bool:
        """Write data in one piece and wait while the client's buffers are full.

        Says whether the client was there for it; it may leave as soon as it has what it wants.
        """
        if self.gone.is_set():
            return False
        self.transport.write(data)
        await self._writable.wait()
        self.sent_bytes += len(data)
        there = not self.gone.is_set()
        await asyncio.sleep(0)
        return there

    async def wait_gone(self, seconds: float | None) -> bool:
        """Wait that long (None: for ever) for the client to leave; say whether it did."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), seconds)
        return self.gone.is_set()

    async def flushed(self) -> None:
        """Wait until all that was written is with the kernel."""
        while self.transport.get_write_buffer_size() and not self.gone.is_set():
            await asyncio.sleep(0.001)

    def close(self, *, notify: bool = True) -> None:
        """Send FIN, after what is still unsent. Without `notify`, TLS gets no close_notify."""
        self._ended_by_us = True
        if self.tls and not notify:
            self.transport.abort()
        else:
            self.transport.close()

    def reset(self) -> None:
        """Send RST."""
        self._ended_by_us = True
        plain = self.transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        self.transport.abort()

    def _client_left(self) -> None:
        if self.gone.is_set():
            return
        self.gone.set()
        self._writable.set()
        self.reader.feed_eof()
        if not self._ended_by_us:
            self.closed_at = time.monotonic()
            self.closed.set()


class Listener(abc.ABC):
    """Serve every connection to one free loopback port until the context ends.

    Leaving the context raises what went wrong on the loop, as an ExceptionGroup.
    `handshake_errors` has one line for each TLS handshake that failed, `accepted` counts sockets,
    `connections` has the open connections by number (1 is the first accepted).
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, ip: IP = "v4", down: bool = False
    ) -> None:
        self.tls = tls
        self.ip: IP = ip
        self.port = 0
        self.connections: dict[int, Connection] = {}
        self.accepted = 0
        self.handshake_errors: list[str] = []
        self._down = down
        self._failures: list[Exception] = []
        self._sockets: list[socket.socket] = []
        self._untaken: set[socket.socket] = set()  # accepted, and nobody has begun with them
        self._added = threading.Condition()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    @abc.abstractmethod
    async def serve(self, connection: Connection) -> None:
        """Speak on one connection until it ends. Called once the TLS handshake is done."""

    async def greet(self, sock: socket.socket) -> bool:
        """Act on a socket just accepted, before TLS; False when nothing more is to be done."""
        return True

    @property
    def host(self) -> str:
        return {"v4": "127.0.0.1", "v6": "[::1]", "both": "localhost"}[self.ip]

    @property
    def url(self) -> str:
        """The root URL, without a slash at its end."""
        return self.url_as(self.host)

    @property
    def live(self) -> int:
        """How many connections are open now."""
        return sum(not one.gone.is_set() for one in list(self.connections.values()))

    def url_as(self, host: str) -> str:
        """The root URL with another name for the same host, such as `localhost`."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def go_down(self) -> None:
        """Refuse new connections and reset the open ones; the port stays ours."""
        self._on_loop(self._go_down)

    def come_back(self) -> None:
        """Accept again, on the same port."""
        self._on_loop(self._come_back)

    def wait_handshake_errors(self, count: int, timeout_s: float = LONG_S) -> list[str]:
        """Wait until so many TLS handshakes have failed."""
        return self._wait(self.handshake_errors, count, timeout_s)

    def __enter__(self) -> Self:
        self._sockets = self._bind()
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failures and error is None:
            raise ExceptionGroup(f"{type(self).__name__} on port {self.port}", self._failures)

    def _add(self, items: list[T], item: T) -> None:
        with self._added:
            items.append(item)
            self._added.notify_all()

    def _wait(self, items: list[T], count: int, timeout_s: float) -> list[T]:
        with self._added:
            if not self._added.wait_for(lambda: len(items) >= count, timeout_s):
                raise AssertionError(f"{len(items)} of {count} came within {timeout_s} s: {items}")
            return list(items)

    def _bind(self) -> list[socket.socket]:
        """Bind, don't listen: a port that is bound only refuses, and is nobody else's."""
        wanted = self.port
        while True:
            sockets: list[socket.socket] = []
            try:
                for address in ADDRESSES[self.ip]:
                    sockets.append(_bound(address, self.port))
                    self.port = sockets[0].getsockname()[1]
            except OSError as taken:  # by another's IPv6 socket, say
                for sock in sockets:
                    sock.close()
                if wanted or taken.errno != errno.EADDRINUSE:
                    raise
                self.port = 0
            else:
                return sockets

    def _on_loop(self, function: object) -> None:
        async def call() -> None:
            assert callable(function)
            function()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        if not self._down:
            self._come_back()
        self._started.set()
        await self._stop.wait()
        self._stop_accepting()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for connection in list(self.connections.values()):
            connection.transport.abort()
        await asyncio.sleep(0)
        for sock in (*self._sockets, *self._untaken):
            sock.close()

    def _come_back(self) -> None:
        for sock in self._sockets:
            sock.listen(1024)
            self._loop.add_reader(sock, self._accept, sock)

    def _go_down(self) -> None:
        self._stop_accepting()
        for sock in self._sockets:
            sock.close()
        self._sockets = self._bind()
        for connection in list(self.connections.values()):
            connection.reset()

    def _stop_accepting(self) -> None:
        for sock in self._sockets:
            self._loop.remove_reader(sock)

    def _accept(self, listening: socket.socket) -> None:
        """Take what is there; not a task's work, whose end could lose a socket just accepted."""
        try:
            sock, _ = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        sock.setblocking(False)
        self.accepted += 1
        self._untaken.add(sock)
        task = self._loop.create_task(self._run(sock, self.accepted))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _run(self, sock: socket.socket, number: int) -> None:
        """Take one socket through greeting, handshake and service; keep what fails."""
        self._untaken.discard(sock)
        try:
            if not await self.greet(sock):
                sock.close()
                return
            connection = Connection(number, self.tls is not None, self.connections)
            await self._loop.connect_accepted_socket(lambda: connection, sock, ssl=self.tls)
        except OSError as failure:  # ssl.SSLError is one
            sock.close()
            self._add(self.handshake_errors, f"{type(failure).__name__}: {failure}")
            return
        except asyncio.CancelledError:
            sock.close()
            raise
        try:
            await self.serve(connection)
        except Exception as failure:  # raised again when the context ends
            self._failures.append(failure)
            connection.transport.abort()


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
