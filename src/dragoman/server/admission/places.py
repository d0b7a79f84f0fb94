"""Places for requests in flight: as many as there are, a short queue, and then a clear no."""

from __future__ import annotations

import asyncio
from collections import deque

from dragoman.server.http.failures import TooBusy

QUEUE_S = 1.0
"""How long a request waits for a place before it is told that there is none."""


class Places:
    """At most `limit` requests at a time; a tenth as many may wait, first come, first served."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._queue_limit = max(limit // 10, 1)
        self._queue: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place that somebody leaves. Raises: TooBusy."""
        busy = TooBusy(
            "the gateway has too much to do", retry_after=1, hint="ask again in a second"
        )
        if len(self._queue) >= self._queue_limit:
            raise busy
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(QUEUE_S):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave()  # it was ours already
            else:
                self._queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise busy from None
            raise

    def leave(self) -> None:
        """Give a place back: to who waits longest, if anybody does."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
