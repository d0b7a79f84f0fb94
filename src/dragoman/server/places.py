"""Places for requests in flight: as many as there are, a short queue, and then a clear no."""

from __future__ import annotations

import asyncio

from dragoman.server.failures import TooBusy

QUEUE_S = 1.0
"""How long a request waits for a place before it is told that there is none."""


class Places:
    """At most `limit` requests at a time; a tenth as many may wait."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)
        self._queue_limit = max(limit // 10, 1)
        self._waiting = 0

    async def enter(self) -> None:
        """Take a place. Raises: TooBusy."""
        if not self._free.locked():
            await self._free.acquire()
            return
        busy = TooBusy(
            "the gateway has too much to do", retry_after=1, hint="ask again in a second"
        )
        if self._waiting >= self._queue_limit:
            raise busy
        self._waiting += 1
        try:
            async with asyncio.timeout(QUEUE_S):
                await self._free.acquire()
        except TimeoutError:
            raise busy from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give a place back."""
        self._free.release()
