"""Writes exchanges into the ledger off the hot path: in batches, by a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.store import Ledger, Place, StoreError, UnwritableRow
from dragoman.types.exchange import Exchange

log = logging.getLogger("dragoman.server")

INTERVAL_S = 0.2
BATCH = 500
"""Rows of one transaction: another process waits for its turn no longer than these take."""
LIMIT = 50_000
"""Exchanges that are kept while the database cannot be written; beyond them the oldest go."""
SOURCE = "gateway"
AGAIN_S = 1.0
"""After so long a database that could not be written is tried again."""
LAST_WORDS_S = 10.0
"""For what is still to be written at the end."""


class BookState(Struct, frozen=True):
    """How the ledger is: whether its database is away, and how many exchanges wait for it.

    `full`: there is no room for more, and the oldest are being lost.
    """

    away: bool
    waiting: int
    full: bool


class Book:
    """An observer that keeps a row of every exchange and attempt.

    While the database cannot be written (a server that is down, another process, a full disk) rows
    wait, up to `limit`. `dropped` counts those that were lost.
    """

    def __init__(self, place: Place, *, interval_s: float = INTERVAL_S, limit: int = LIMIT) -> None:
        self._place = place
        self._interval_s = interval_s
        self._limit = limit
        self._rows: deque[Exchange] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._complained_at = 0.0
        self._away_since: float | None = None
        self._writing: Sequence[Exchange] = ()
        self.dropped = 0
        self._ledger: Ledger | None = None
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """How many exchanges wait to be written."""
        return len(self._rows) + len(self._writing)

    def state(self) -> BookState:
        """Say how it is."""
        waiting = self.depth
        return BookState(self._away_since is not None, waiting, waiting >= self._limit)

    def ended(self, exchange: Exchange) -> None:
        """See `Observer.ended`."""
        with self._lock:
            self._rows.append(exchange)
            if len(self._rows) + len(self._writing) > self._limit and len(self._rows) > 1:
                self._rows.popleft()
                self.dropped += 1

    def refused(self, endpoint: str, error: DragomanError) -> None:
        """See `Observer.refused`: what never became an exchange has no row."""

    def close(self) -> None:
        """Write what waits, and stop. What cannot be written by now is lost, and said to be."""
        self._closing.set()
        self._thread.join(LAST_WORDS_S)  # a server that accepts and is silent has no end
        if lost := self.depth:
            self.dropped += lost
            log.error("%d exchanges could not be written to the ledger", lost)

    def _work(self) -> None:
        while not self._closing.wait(self._interval_s if self._away_since is None else AGAIN_S):
            self._write()
        self._write()
        if self._ledger is not None:
            self._ledger.close()

    def _write(self) -> None:
        while self._rows:
            with self._lock:
                batch = [self._rows.popleft() for _ in range(min(BATCH, len(self._rows)))]
                self._writing = batch
            try:
                self._record(batch)
            except UnwritableRow:
                self._one_by_one(batch)
            except StoreError as error:
                with self._lock:
                    self._writing = ()
                    self._rows.extendleft(reversed(batch))
                self._complain(error)
                return
            self._writing = ()
            self._return()

    def _one_by_one(self, batch: Sequence[Exchange]) -> None:
        """Write what can be written of a batch in which something cannot."""
        for exchange in batch:
            try:
                self._record([exchange])
            except StoreError as error:
                self.dropped += 1
                log.warning(
                    "the exchange %s cannot be written to the ledger: %s", exchange.id, error
                )

    def _record(self, batch: Sequence[Exchange]) -> None:
        if self._ledger is None:
            self._ledger = Ledger(self._place)
        try:
            self._ledger.record_all(batch, source=SOURCE)
        except StoreError:
            self._ledger.close()
            self._ledger = None  # opened anew: the file may have been moved or replaced
            raise

    def _complain(self, error: StoreError) -> None:
        """Say it once a minute."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._complained_at >= 60 or not self._complained_at:
            self._complained_at = now
            log.error("the ledger cannot be written, %d exchanges wait: %s", self.depth, error)

    def _return(self) -> None:
        """Say that it is written again."""
        if self._away_since is not None:
            log.warning(
                "the ledger is written again, after %.0f s", time.monotonic() - self._away_since
            )
            self._away_since = None
            self._complained_at = 0.0
