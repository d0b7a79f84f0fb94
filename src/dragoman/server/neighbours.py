"""The workers of one machine: each tells the others when something was set up, and waits for them.

So a change holds in all of them once it is answered. Workers on other machines look for changes by
themselves (`directory.py`), as all do should one not hear this: it is told, never relied on.

A worker has a datagram socket in the folder that all of them share, and nobody else sees. `?` and a
number asks to catch up with the database; `!` and the number says that this was done.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from dragoman.errors import DragomanError

log = logging.getLogger("dragoman.server")

PATIENCE_S = 2.0
"""For the others to know. By then they have looked by themselves, or they hang; who hangs is not
waited for again until it is heard of."""
SUFFIX = ".neighbour"
_ASK, _DONE = b"?", b"!"
_MESSAGE_BYTES = 64


class Neighbours:
    """The others, as one worker sees them. Made in its event loop.

    `folder` is None for a worker without others. `catch_up` returns when this worker knows all that
    is in the database, and raises DragomanError when it cannot.
    """

    def __init__(self, folder: Path | None, catch_up: Callable[[], Awaitable[None]]) -> None:
        self._folder = folder
        self._catch_up = catch_up
        self._socket: socket.socket | None = None
        self._path = ""
        self._numbers = itertools.count(1)
        self._waiting: dict[bytes, tuple[set[str], asyncio.Event]] = {}
        self._silent: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Listen to the others; where that cannot be done, they are not waited for."""
        if self._folder is None or not hasattr(socket, "AF_UNIX"):
            return
        path = str(self._folder / f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            listening.setblocking(False)
            listening.bind(path)
        except OSError as error:  # the path may be too long for a socket
            listening.close()
            log.warning("workers cannot tell each other of changes, and look for them: %s", error)
            return
        self._socket, self._path = listening, path
        asyncio.get_running_loop().add_reader(listening, self._hear, listening)

    async def tell(self) -> None:
        """See to it that all know what has been set up by now; never raises.

        Who cannot be told in time finds out by itself.
        """
        await asyncio.gather(self._catch_up_here(), self._tell_others())

    def close(self) -> None:
        """Listen no more."""
        for task in self._tasks:
            task.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            Path(self._path).unlink(missing_ok=True)

    async def _catch_up_here(self) -> None:
        # The database is away since: see the directory.
        with contextlib.suppress(DragomanError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._catch_up()

    async def _tell_others(self) -> None:
        if self._socket is None or self._folder is None:
            return
        number = str(next(self._numbers)).encode()
        others = {str(path) for path in self._folder.glob(f"*{SUFFIX}")} - {self._path}
        self._silent &= others
        left, done = set[str](), asyncio.Event()
        self._waiting[number] = left, done
        try:
            for other in others:
                if self._say(_ASK + number, other) and other not in self._silent:
                    left.add(other)
            if left:
                async with asyncio.timeout(PATIENCE_S):
                    await done.wait()
        except TimeoutError:
            self._silent |= left
            for other in left:
                log.warning("worker %s hangs: it is not waited for until it answers", _pid(other))
        finally:
            del self._waiting[number]

    def _say(self, message: bytes, to: str) -> bool:
        """Send a message; False when nobody is there any more."""
        assert self._socket is not None
        try:
            self._socket.sendto(message, to)
        except (ConnectionRefusedError, FileNotFoundError):
            Path(to).unlink(missing_ok=True)  # its worker was killed
            return False
        except OSError as error:  # it hangs, and has heard more than it can remember
            log.debug("a worker cannot be told: %s", error)
        return True

    def _hear(self, listening: socket.socket) -> None:
        try:
            message, sender = listening.recvfrom(_MESSAGE_BYTES)
        except OSError as error:
            log.debug("workers cannot be heard: %s", error)
            return
        if sender in self._silent:
            self._silent.discard(sender)
            log.warning("worker %s answers again", _pid(sender))
        kind, number = message[:1], message[1:]
        if kind == _ASK:
            task = asyncio.get_running_loop().create_task(self._answer(number, sender))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif kind == _DONE and number in self._waiting:
            left, done = self._waiting[number]
            left.discard(sender)
            if not left:
                done.set()

    async def _answer(self, number: bytes, sender: str) -> None:
        """Catch up, and say so. Who cannot says nothing."""
        with contextlib.suppress(DragomanError):
            await self._catch_up()
            if self._socket is not None:
                self._say(_DONE + number, sender)


def _pid(path: str) -> str:
    return Path(path).name.partition("-")[0]
