"""Requests that are answered by code in this process: in a thread of its own, waited for.

Such code may block, loop or raise, and is somebody else's. Whoever waits for it waits on a shelf
where it puts what it says, for as long as the timers allow and no longer; `close` tells it to stop,
where it waits for something of ours at once, else between two of its instructions. A thread that
cannot be stopped, because it sits in a system call, is left behind: it is a daemon, and only so
many of them may be under way.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from dragoman.adapters.guard import explain, raise_in
from dragoman.errors import AdapterError, DragomanError, Overloaded, Timeout
from dragoman.types.http import HttpAnswer, HttpRequest, Performer

MAX_UNDER_WAY = 256
"""How many may be under way in a process: each is a thread. A model of one's own takes fewer."""
AHEAD = 64
"""How many pieces wait to be read until whoever says them has to wait."""


class _Stopped(BaseException):
    """Raised in the middle of what nobody waits for; no `except Exception` holds it up."""


class _Stage:
    """One performance: what has been said and not been read, and who is to be told of more."""

    def __init__(self, request: HttpRequest) -> None:
        assert request.performer is not None
        self._request = request
        self._performer: Performer = request.performer
        self._changed = threading.Condition()
        self._shelf: deque[HttpAnswer | bytes] = deque()
        self._error: DragomanError | None = None
        self._over = False
        self._stopped = False
        self._listener: Callable[[], None] | None = None
        self._ends: list[Callable[[], None]] = []
        self._thread = threading.Thread(
            target=self._run, name=f"dragoman-{self._performer.whose}", daemon=True
        )

    def start(self) -> None:
        """Begin. Raises: Overloaded when too many are under way."""
        whose = self._performer.whose
        if not _UNDER_WAY.enter():
            raise Overloaded(
                f"{MAX_UNDER_WAY} calls of adapters are under way, and none comes back",
                hint=f"the adapter of {whose}, or another one, blocks: give it timeouts of its own",
            )
        try:
            self._thread.start()
        except BaseException:
            _UNDER_WAY.leave()
            raise

    # -- in the thread

    def then(self, end: Callable[[], None]) -> None:
        """See `Halt.then`."""
        with self._changed:
            if not self._stopped:
                self._ends.append(end)
                return
        end()

    def _run(self) -> None:
        try:
            self._play()
        except _Stopped:  # wherever it struck, also on the way out
            pass
        finally:
            _UNDER_WAY.leave()

    def _play(self) -> None:
        error: DragomanError | None = None
        try:
            pieces = self._performer.perform(self._request, self)
            for piece in pieces:
                self._put(piece)
        except DragomanError as raised:
            error = raised
        except (Exception, SystemExit) as raised:
            error = explain(self._performer.whose, self._performer.perform, raised)
        with self._changed:
            self._error = error
            self._end()
            raise_in(threading.get_ident(), None)  # what was not delivered must hit nobody else

    def _put(self, piece: HttpAnswer | bytes) -> None:
        with self._changed:
            while len(self._shelf) >= AHEAD and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise_in(threading.get_ident(), None)  # it is raised here, and once
                raise _Stopped
            self._shelf.append(piece)
            self._tell()

    def _end(self) -> None:
        self._over = True
        self._tell()

    def _tell(self) -> None:
        self._changed.notify_all()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener()

    # -- outside of it

    def wait(self, timeout_s: float) -> None:
        """Wait until something can be taken, or the time is over."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while not (self._shelf or self._over) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    async def wait_for(self, timeout_s: float) -> None:
        """The same, awaited."""
        import asyncio

        loop = asyncio.get_running_loop()
        said = asyncio.Event()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(said.set)

        with self._changed:
            if self._shelf or self._over:
                return
            self._listener = tell
        try:
            async with asyncio.timeout(timeout_s):
                await said.wait()
        except TimeoutError:
            return

    def take_head(self, timeout_s: float) -> HttpAnswer:
        """Take the head of the answer. Raises: Timeout(phase="first_token"), DragomanError."""
        with self._changed:
            if not (self._shelf or self._over):
                raise Timeout("first_token", timeout_s)
            if not self._shelf and self._error is not None:
                raise self._error
            head = self._shelf.popleft() if self._shelf else None
        if not isinstance(head, HttpAnswer):
            raise AdapterError(f"the adapter of {self._performer.whose} ended without an answer")
        return head

    def take(self, timeout_s: float) -> bytes:
        """Take the next bytes, none at the end. Raises: Timeout(phase="idle"), DragomanError."""
        with self._changed:
            if not (self._shelf or self._over or self._stopped):
                raise Timeout("idle", timeout_s)
            pieces = [piece for piece in self._shelf if isinstance(piece, bytes)]
            self._shelf.clear()
            self._changed.notify_all()
            if not pieces and self._error is not None and not self._stopped:
                raise self._error
        return b"".join(pieces)

    def stop(self) -> None:
        """Nobody listens any more: have it end, if it has not."""
        with self._changed:
            if self._stopped:
                return
            self._stopped = True
            ends, self._ends = self._ends, []
            self._shelf.clear()
            self._changed.notify_all()
            thread = self._thread.ident
            if not self._over and thread is not None:
                raise_in(thread, _Stopped)
        for end in ends:
            end()


class PerformedTransport:
    """See `Transport`: it knows requests that have a `performer`, and no others."""

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> PerformedResponse:
        """See `Transport.send`. Raises: Timeout, Overloaded, and what the performer raises."""
        del connect_timeout_s  # there is nothing to connect to
        stage = _Stage(request)
        stage.start()
        try:
            stage.wait(head_timeout_s)
            return PerformedResponse(stage, stage.take_head(head_timeout_s))
        except BaseException:
            stage.stop()
            raise

    def close(self) -> None:
        """See `Transport.close`: there is nothing to close."""


class PerformedResponse:
    """See `Response`."""

    def __init__(self, stage: _Stage, head: HttpAnswer) -> None:
        self.status = head.status
        self.headers = head.headers
        self._stage = stage
        self._body = head.body

    def read(self, timeout_s: float) -> bytes:
        """See `Response.read`."""
        if self._body:
            body, self._body = self._body, b""
            return body
        self._stage.wait(timeout_s)
        return self._stage.take(timeout_s)

    def close(self) -> None:
        """See `Response.close`."""
        self._stage.stop()


class AsyncPerformedTransport:
    """The same, awaited."""

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncPerformedResponse:
        """See `PerformedTransport.send`."""
        del connect_timeout_s  # there is nothing to connect to
        stage = _Stage(request)
        stage.start()
        try:
            await stage.wait_for(head_timeout_s)
            return AsyncPerformedResponse(stage, stage.take_head(head_timeout_s))
        except BaseException:
            stage.stop()
            raise

    async def close(self) -> None:
        """See `Transport.close`: there is nothing to close."""


class AsyncPerformedResponse:
    """The same, awaited."""

    def __init__(self, stage: _Stage, head: HttpAnswer) -> None:
        self.status = head.status
        self.headers = head.headers
        self._stage = stage
        self._body = head.body

    async def read(self, timeout_s: float) -> bytes:
        """See `AsyncResponse.read`."""
        if self._body:
            body, self._body = self._body, b""
            return body
        await self._stage.wait_for(timeout_s)
        return self._stage.take(timeout_s)

    async def close(self) -> None:
        """See `AsyncResponse.close`."""
        self._stage.stop()


class _Crowd:
    """Counts the threads that are under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def enter(self) -> bool:
        with self._lock:
            if self._count >= MAX_UNDER_WAY:
                return False
            self._count += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._count -= 1

    @property
    def count(self) -> int:
        return self._count


_UNDER_WAY = _Crowd()


def count_under_way() -> int:
    """Count the performances of this process that have not come back."""
    return _UNDER_WAY.count
