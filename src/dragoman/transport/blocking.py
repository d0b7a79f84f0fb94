"""One connection for a thread: sockets that never block, waited for with deadlines."""

from __future__ import annotations

import errno
import os
import queue
import socket
import time
from math import inf
from typing import TYPE_CHECKING, Any

from dragoman.transport.dial import (
    Resolve,
    Start,
    Talk,
    Wait,
)
from dragoman.transport.resolve import resolve_in_thread, resolve_name
from dragoman.transport.sockets import IN, OUT, Watch, is_unacknowledged, open_socket, wait_any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from dragoman.errors import DragomanError
    from dragoman.transport.dial import Dial, Step
    from dragoman.transport.http1 import Incoming
    from dragoman.transport.proxy import Proxy
    from dragoman.transport.resolve import Resolver

RECV_BYTES = 64 * 1024
_UNDER_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})


class Late(Exception):
    """The deadline has passed."""


def wait(fd: int, events: int, deadline: float) -> None:
    """Wait for one descriptor. Raises: Late."""
    while not wait_any(((fd, events),), deadline - time.monotonic()):
        if time.monotonic() >= deadline:
            raise Late


class Connection:
    """A connected socket, plain or, after `secure`, TLS. Deadlines are of `time.monotonic`.

    `proxy` is set when requests carry their whole URL, for a proxy.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.proxy: Proxy | None = None
        self.idle_since = inf
        self._sent_bytes = 0
        self._watch = Watch(sock.fileno())
        self._plain = True
        self._again: tuple[type[OSError], ...] = (BlockingIOError,)
        self._explain: Callable[[OSError], OSError | DragomanError] = lambda error: error

    def secure(self, context: ssl.SSLContext, server_name: str, deadline: float) -> None:
        """Speak TLS from here on. Raises: Late, OSError (ssl.SSLError is one)."""
        from ssl import SSLWantReadError, SSLWantWriteError

        from dragoman.transport.tls import explain_loss

        self._plain = False  # TLS may hold back what came; only reading tells
        self._again = (SSLWantReadError, SSLWantWriteError)
        self._explain = lambda error: explain_loss(error, server_name)
        self.sock = context.wrap_socket(
            self.sock, server_hostname=server_name, do_handshake_on_connect=False
        )
        while True:
            try:
                return self.sock.do_handshake()
            except SSLWantReadError:
                wait(self.sock.fileno(), IN, deadline)
            except SSLWantWriteError:
                wait(self.sock.fileno(), OUT, deadline)

    def talk(self, data: bytes, deadline: float) -> bytes:
        """Send a little, receive a little. Raises: Late, OSError."""
        if data:
            wait(self.sock.fileno(), OUT, deadline)
            self.sock.send(data)
        wait(self.sock.fileno(), IN, deadline)
        return self.sock.recv(RECV_BYTES)

    def send(self, data: bytes, incoming: Incoming, deadline: float) -> bool:
        """Send all of a request, unless the server answers in the middle of it.

        A server that refuses a long body often says so and closes before it has read it all; what
        it said is what counts. Returns whether all was sent. Raises: Late.
        """
        rest = memoryview(data)
        self._sent_bytes = 0
        while rest:
            try:
                sent = self.sock.send(rest)
                self._sent_bytes += sent
                rest = rest[sent:]
            except self._again:
                wait(self.sock.fileno(), IN | OUT, deadline)
                self._feed(incoming)
                if incoming.head_done or incoming.ended:
                    return False
            except OSError:  # What the server said, or the same error, comes when reading.
                return False
        return True

    def receive(self, incoming: Incoming, deadline: float) -> None:
        """Wait for bytes, or for the end, and feed them to an answer. Raises: Late."""
        if self._plain:
            self._wait(deadline)
        while not self._feed(incoming):
            self._wait(deadline)

    def _wait(self, deadline: float) -> None:
        """Wait for something to read. Raises: Late."""
        while not self._watch.wait(deadline - time.monotonic()):
            if time.monotonic() >= deadline:
                raise Late

    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer: neither the end nor anything unasked."""
        return not self._watch.wait(0.0)

    def _feed(self, incoming: Incoming) -> bool:
        """Feed what is there; False when nothing is."""
        try:
            data = self.sock.recv(RECV_BYTES)
        except self._again:
            return False
        except OSError as error:
            incoming.feed_eof(self._explain(error))
            return True
        if data:
            incoming.feed(data)
        else:
            incoming.feed_eof()
        return True

    def is_unseen(self) -> bool:
        """Whether no byte of what `send` sent last has reached the other side."""
        return is_unacknowledged(self.sock.fileno(), self._sent_bytes)

    def shut(self) -> None:
        """End the connection under whoever uses it; they then close it."""
        try:
            # Not SSLSocket's own, after which a reader would be given ciphertext.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise

    def close(self) -> None:
        """Close the socket; again does nothing."""
        self.sock.close()


def connect(steps: Dial, deadline: float, resolve: Resolver | None) -> Connection:
    """Perform the steps of `dial`. Raises: Late, and what `dial` raises."""
    driver = _Driver(deadline, resolve or resolve_name)
    try:
        step = next(steps)
        while True:
            try:
                reply = driver.perform(step)
            except OSError as error:
                step = steps.throw(error)
            else:
                step = steps.send(reply)
    except StopIteration as stop:
        connection = driver.take()
        connection.proxy = stop.value
        return connection
    finally:
        driver.close()


class _Driver:
    """What `connect` holds on to while it performs steps."""

    def __init__(self, deadline: float, resolve: Resolver) -> None:
        self._deadline = deadline
        self._resolve = resolve
        self._racing: dict[int, tuple[socket.socket, int]] = {}
        self._connection: Connection | None = None

    def take(self) -> Connection:
        """Give the connection away."""
        connection, self._connection = self._connection, None
        assert connection is not None, "a dial that ends well has connected"
        return connection

    def close(self) -> None:
        """Close whatever was opened and not taken."""
        self._drop_racing()
        if self._connection is not None:
            self._connection.close()

    def perform(self, step: Step) -> Any:
        """Do one step and return its answer. Raises: Late, OSError."""
        if isinstance(step, Resolve):
            return self._look_up(step.host)
        if isinstance(step, Start):
            return self._start(step)
        if isinstance(step, Wait):
            return self._wait(step.seconds)
        assert self._connection is not None
        if isinstance(step, Talk):
            return self._connection.talk(step.data, self._deadline)
        return self._connection.secure(step.context, step.server_name, self._deadline)

    def _look_up(self, host: str) -> Sequence[str]:
        answer: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()
        resolve_in_thread(self._resolve, host, answer.put)
        try:
            found = answer.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            raise Late from None
        if isinstance(found, OSError):
            raise found
        return found

    def _start(self, step: Start) -> None:
        sock = open_socket(step.address)
        self._racing[sock.fileno()] = sock, sock.connect_ex((str(step.address), step.port))

    def _wait(self, seconds: float | None) -> bool | OSError:
        """See `dial.Wait`; False also when it is time to ask again."""
        for fd, (_, code) in self._racing.items():
            if code not in _UNDER_WAY:
                return self._settle(fd, code)
        left = self._deadline - time.monotonic()
        pause = left if seconds is None else min(seconds, left)
        for fd in wait_any([(fd, OUT) for fd in self._racing], pause):
            sock, _ = self._racing[fd]
            return self._settle(fd, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        if time.monotonic() >= self._deadline:
            raise Late
        return False

    def _settle(self, fd: int, code: int) -> bool | OSError:
        """Keep a socket that is connected and drop the others; or drop it alone."""
        sock, _ = self._racing.pop(fd)
        if code:
            sock.close()
            return OSError(code, os.strerror(code))
        self._connection = Connection(sock)
        self._drop_racing()
        return True

    def _drop_racing(self) -> None:
        while self._racing:
            _, (sock, _) = self._racing.popitem()
            sock.close()
