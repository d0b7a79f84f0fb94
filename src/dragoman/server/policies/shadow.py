"""Shadow traffic: a route's requests, asked once more of another model after they were answered.

Law: nobody waits for it, and nobody gets its answer. It is an exchange of its own, with the mark
`shadow`, and whoever asked pays for it; where a limit or budget says no, it is not asked, and what
is not asked is not written down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from dragoman.engine.call import Call
from dragoman.errors import InvalidRequest
from dragoman.types.route import Deployment
from dragoman.wire.envelope import open_envelope
from dragoman.wire.json_text import encode

TAG = "shadow"
AT_ONCE = 32
"""So many are under way in a worker; what comes meanwhile has no shadow."""

log = logging.getLogger("dragoman.server")


class Nowhere:
    """A reply that nobody gets. See `Reply`."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.interrupted = False
        self.extra: dict[str, str] = {}

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        del headers, body
        self.status = status

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`."""
        del headers
        self.status = status

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""

    async def end(self) -> None:
        """See `Reply.end`."""

    def cut(self) -> None:
        """See `Reply.cut`."""


class Shadows:
    """What is being asked of others, in the background."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, call: Call, body: bytes, ask: Callable[[bytes], Awaitable[None]]) -> None:
        """Have what was just answered asked of its route's shadow as well, if its turn has come.

        `ask` asks, with the body that it is given.
        """
        shadow = call.route.shadow
        if shadow is None or len(self._tasks) >= self._at_once:
            return
        if call.around.random() * 100 >= shadow.percent:
            return
        try:
            copy = open_envelope(body).rewritten({"model": encode(shadow.ref)})
        except InvalidRequest:
            return  # a form: its files are not sent twice
        task = asyncio.ensure_future(_perform(ask, copy, shadow.ref))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Break off what is under way; each is written down."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _perform(ask: Callable[[bytes], Awaitable[None]], body: bytes, ref: str) -> None:
    try:
        await ask(body)
    except Exception:
        log.exception("the shadow %s failed", ref)


def keep_to(call: Call, privacy: str | None) -> tuple[Deployment, ...]:
    """Find the deployments of a shadow that are of the class that its route is kept to."""
    return tuple(d for d in call.deployments if privacy is None or privacy in d.provider.privacy)
