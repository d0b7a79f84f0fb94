"""One connection on an event loop, and how it is made."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from dragoman.transport.dial import (
    Resolve,
    Start,
    Talk,
    Wait,
)
from dragoman.transport.resolve import resolve_in_thread, resolve_name
from dragoman.transport.sockets import Watch, is_unacknowledged, open_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dragoman.errors import DragomanError
    from dragoman.transport.dial import Dial, Secure, Step
    from dragoman.transport.http1 import Incoming
    from dragoman.transport.proxy import Proxy
    from dragoman.transport.resolve import Resolver

RECV_BYTES = 64 * 1024
PAUSE_BYTES = 512 * 1024  # and what one more reading brings is all that waits for a slow reader

# What is read is parsed at once, and the parser copies: one buffer serves all of a loop's
# connections. The 256 KiB that asyncio would allocate for each reading take six times as long.
# (asyncio's TLS slices it and writes into the slice: of a bytearray that would be a copy.)
_buffers: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()


def _find_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    buffer = _buffers.get(loop)
    if buffer is None:
        buffer = _buffers[loop] = memoryview(bytearray(RECV_BYTES))
    return buffer


class Late(Exception):
    """The deadline has passed."""


class Connection(asyncio.BufferedProtocol):
    """Reads what comes into the `Incoming` of the request under way, if there is one.

    `on_free` is called when an answer is complete and another request may follow, `on_lost` when
    the connection is gone; each is told which.
    """

    __slots__ = (
        "_buffer", "_deadline", "_gone", "_paused", "_sent_bytes", "_timer", "_waiter",
        "idle_since", "incoming", "loop", "lost", "on_free", "on_lost", "proxy",
        "server_name", "sock", "transport", "unseen",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self.sock = sock
        self.transport: asyncio.Transport
        self.proxy: Proxy | None = None
        self.server_name: str | None = None  # set when it is TLS
        self.incoming: Incoming | None = None
        self.on_free: Callable[[Connection], None] = lambda _: None
        self.on_lost: Callable[[Connection], None] = lambda _: None
        self.idle_since = 0.0
        self.lost = False
        self.unseen = False
        self.loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._paused = False
        self._sent_bytes = 0
        self._gone: asyncio.Future[None] | None = None
        self._buffer = _find_buffer(loop)

    # What the pool and the answers call.

    def send(self, data: bytes, incoming: Incoming) -> None:
        """Write a request, whose answer goes to `incoming`."""
        self.unseen = self.lost
        if self.lost:  # It ended when nobody looked.
            incoming.feed_eof()
            return
        self.incoming = incoming
        self.transport.write(data)
        # What the system took at once; it takes more only when some of that is acknowledged.
        left = self.transport.get_write_buffer_size()
        self._sent_bytes = 0 if self.transport.is_closing() else len(data) - left

    async def wait(self, deadline: float) -> None:
        """Wait until something of the answer has come, or its end. Raises: Late.

        The timer is left running between waits, and only looks at the deadline when it fires:
        most chunks then cost no timer at all.
        """
        self._deadline = deadline
        timer = self._timer
        if timer is None or deadline < timer.when():
            if timer is not None:
                timer.cancel()
            self._timer = self.loop.call_at(deadline, self._tick)
        self._waiter = waiter = self.loop.create_future()
        await waiter

    def resume(self) -> None:
        """Read on, after what was buffered has been taken."""
        if self._paused:
            self._paused = False
            if not self.lost:
                self.transport.resume_reading()

    def is_fresh(self) -> bool:
        """Whether an idle connection can be used again.

        The loop tells of its end; of what came since the loop last looked, the system must.
        """
        if self.lost or self.transport.is_closing():
            return False
        just_now = self.loop.time() - self.idle_since < 0.05
        return just_now or not Watch(self.sock.fileno()).wait(0.0)

    def abort(self) -> None:
        """End the connection at once; the other side sees it, whatever it was doing."""
        if not self.lost:
            self.transport.abort()

    async def wait_lost(self) -> None:
        """Wait until the socket is closed, after `abort`."""
        if not self.lost:
            self._gone = self.loop.create_future()
            await self._gone

    def _tick(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self.loop.time() >= self._deadline:
            waiter.set_exception(Late())
        else:
            self._timer = self.loop.call_at(self._deadline, self._tick)

    def _wake(self) -> None:
        # Let go of it here: when the one who waited runs, another may wait already.
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        incoming = self.incoming
        if incoming is None:  # Nobody asked.
            self.transport.abort()
            return
        incoming.feed(self._buffer[:nbytes])
        if incoming.done or incoming.failure is not None:
            self._end(incoming)
        elif incoming.buffered > PAUSE_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        if incoming.head_done or incoming.failure is not None:
            self._wake()

    def eof_received(self) -> None:
        self._note_end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if exc is not None:
            self._rescue()
        self._note_end(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self.on_lost(self)

    def _end(self, incoming: Incoming) -> None:
        """Part from an answer that is over."""
        self.incoming = None
        if not incoming.done or self.transport.get_write_buffer_size():
            incoming.reusable = False
        if incoming.reusable:
            self.resume()
            self.on_free(self)
        else:
            self.transport.abort()

    def _note_end(self, error: Exception | None) -> None:
        incoming, self.incoming = self.incoming, None
        if incoming is None:
            return
        if incoming.untouched and self.sock.fileno() >= 0:
            self.unseen = is_unacknowledged(self.sock.fileno(), self._sent_bytes)
        incoming.feed_eof(self._explain(error))
        incoming.reusable = False
        self._wake()

    def _explain(self, error: Exception | None) -> OSError | DragomanError | None:
        if error is None or isinstance(error, OSError):
            if error is None or self.server_name is None:
                return error
            from dragoman.transport.tls import explain_loss

            return explain_loss(error, self.server_name)
        return OSError(str(error))

    def _rescue(self) -> None:
        """Read what a server said before it closed the connection under a request half sent.

        The loop gives up reading when writing fails; the kernel still has the answer.
        """
        incoming = self.incoming
        if incoming is None or self.server_name is not None or self.sock.fileno() < 0:
            return
        try:
            while not incoming.ended and (data := self.sock.recv(RECV_BYTES)):
                incoming.feed(data)
        except OSError:  # Nothing is left, or nothing was there: the first error tells why.
            return


async def connect(steps: Dial, timeout_s: float, resolve: Resolver | None) -> Connection:
    """Perform the steps of `dial`. Raises: Late, and what `dial` raises."""
    driver = _Driver(resolve or resolve_name)
    try:
        async with asyncio.timeout(timeout_s):
            return await driver.run(steps)
    except TimeoutError:
        raise Late from None
    finally:
        await driver.close()


class _Driver:
    """What `connect` holds on to while it performs steps."""

    def __init__(self, resolve: Resolver) -> None:
        self.loop = asyncio.get_running_loop()
        self._resolve = resolve
        self._racing: set[asyncio.Task[socket.socket]] = set()
        self._sock: socket.socket | None = None
        self._connection: Connection | None = None

    async def run(self, steps: Dial) -> Connection:
        """Take the steps to their end."""
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._perform(step)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as stop:
            connection = self._connection or await self._wrap(None)
            connection.proxy = stop.value
            return connection

    async def close(self) -> None:
        """Close whatever was opened and not wrapped."""
        await self._drop_racing()
        if self._sock is not None:
            self._sock.close()

    async def _perform(self, step: Step) -> Any:
        if isinstance(step, Resolve):
            return await self._look_up(step.host)
        if isinstance(step, Start):
            self._racing.add(self.loop.create_task(self._begin(step)))
            return None
        if isinstance(step, Wait):
            return await self._wait(step.seconds)
        if isinstance(step, Talk):
            return await self._talk(step.data)
        self._connection = await self._wrap(step)
        return None

    async def _look_up(self, host: str) -> Sequence[str]:
        loop = self.loop
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def settle(found: Sequence[str] | OSError) -> None:
            if answer.done():
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def done(found: Sequence[str] | OSError) -> None:
            try:
                loop.call_soon_threadsafe(settle, found)
            except RuntimeError:  # The loop is closed: whoever asked is gone.
                return

        resolve_in_thread(self._resolve, host, done)
        return await answer

    async def _begin(self, step: Start) -> socket.socket:
        sock = open_socket(step.address)
        try:
            await self.loop.sock_connect(sock, (str(step.address), step.port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def _wait(self, seconds: float | None) -> bool | OSError:
        """See `dial.Wait`."""
        done, _ = await asyncio.wait(
            self._racing, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return False
        task = done.pop()
        self._racing.discard(task)
        error = task.exception()
        if error is None:
            self._sock = task.result()
            await self._drop_racing()
            return True
        if isinstance(error, OSError):
            return error
        raise error

    async def _drop_racing(self) -> None:
        racing, self._racing = self._racing, set()
        for task in racing:
            task.cancel()
        for outcome in await asyncio.gather(*racing, return_exceptions=True):
            if isinstance(outcome, socket.socket):
                outcome.close()

    async def _talk(self, data: bytes) -> bytes:
        assert self._sock is not None
        if data:
            await self.loop.sock_sendall(self._sock, data)
        return await self.loop.sock_recv(self._sock, RECV_BYTES)

    async def _wrap(self, secure: Secure | None) -> Connection:
        """Make the socket a connection of the loop's, with TLS or without."""
        sock, self._sock = self._sock, None
        assert sock is not None, "a dial that ends well has connected"
        connection = Connection(self.loop, sock)
        try:
            if secure is None:
                await self.loop.create_connection(lambda: connection, sock=sock)
            else:
                connection.server_name = secure.server_name
                await self.loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=secure.context,
                    server_hostname=secure.server_name,
                )
        except BaseException:
            sock.close()
            raise
        return connection
