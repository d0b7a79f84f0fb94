"""Background tasks that are looked after: one that dies is told, counted, and begun again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias

log = logging.getLogger("dragoman.server")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""After each death in a row the pause before the next life is twice as long, up to this."""

Work: TypeAlias = Callable[[], Awaitable[None]]
State: TypeAlias = Literal["running", "restarting"]


class Background:
    """The background tasks of a worker, by name; made and used in its event loop.

    A task is meant to go on for ever: whether it raises or returns, it is begun again. What it had
    in hand is its own business: it must be able to begin anew.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: list[asyncio.Task[None]] = []
        self._states: dict[str, State] = {}
        self._deaths: dict[str, int] = {}

    @property
    def states(self) -> Mapping[str, State]:
        """How each task is."""
        return self._states

    @property
    def deaths(self) -> Mapping[str, int]:
        """How often each task has died."""
        return self._deaths

    @property
    def ailing(self) -> list[str]:
        """The tasks that have died and are not yet begun again."""
        return [name for name, state in self._states.items() if state == "restarting"]

    def start(self, name: str, work: Work) -> None:
        """Begin a task; names are Prometheus labels: few, and the same in every worker."""
        assert name not in self._states, name
        self._states[name], self._deaths[name] = "running", 0
        self._tasks.append(asyncio.ensure_future(self._look_after(name, work)))

    async def close(self) -> None:
        """End them all, and wait until they have."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look_after(self, name: str, work: Work) -> None:
        clock = asyncio.get_running_loop().time
        pause_s = FIRST_PAUSE_S
        while True:
            began = clock()
            try:
                await work()
                reason = "it returned"
                died: Exception | None = None
            except Exception as error:
                reason, died = f"{type(error).__name__}: {error}", error
            if clock() - began > LONGEST_PAUSE_S:
                pause_s = FIRST_PAUSE_S  # it was well for a while
            self._states[name] = "restarting"
            self._deaths[name] += 1
            log.error(
                "the background task '%s' died (%s); it begins again in %.0f s",
                *(name, reason, pause_s),
                exc_info=died,
            )
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self._states[name] = "running"
