"""Writes exchanges into the database together; one that cannot be written costs no other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dragoman.ledger.folder import set_aside
from dragoman.store.database import Place, StoreError, UnwritableRow
from dragoman.store.ledger import Follower, Ledger
from dragoman.types.exchange import Exchange

log = logging.getLogger("dragoman.server")

SOURCE = "gateway"


class Recorder:
    """Writes into the database at `place`; of one thread.

    `followers` are called inside each transaction, with the exchanges that are new. `dropped`
    counts those that cannot be written, and are set aside in `aside`.
    """

    def __init__(self, place: Place, followers: Sequence[Follower], aside: Path) -> None:
        self._place = place
        self._followers = followers
        self._aside = aside
        self._ledger: Ledger | None = None
        self.dropped = 0

    def close(self) -> None:
        """Let go of the database."""
        if self._ledger is not None:
            self._ledger.close()

    def record(self, batch: Sequence[Exchange]) -> None:
        """Write exchanges, and what follows from them. Raises: StoreError."""
        if not batch:
            return
        try:
            self._write(batch)
        except UnwritableRow:
            self._record_apart(batch)

    def _record_apart(self, batch: Sequence[Exchange]) -> None:
        """Write what could not be written together: half of it at once, down to each alone."""
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            try:
                self._write(half)
            except UnwritableRow as error:
                if len(half) == 1:
                    self._give_up(half[0], error)
                else:
                    self._record_apart(half)

    def _write(self, batch: Sequence[Exchange]) -> None:
        if self._ledger is None:
            self._ledger = Ledger(self._place, followers=self._followers)
        try:
            self._ledger.record_all(batch, source=SOURCE)
        except StoreError:
            self._ledger.close()
            self._ledger = None  # opened anew: the file may have been moved or replaced
            raise

    def _give_up(self, exchange: Exchange, error: StoreError) -> None:
        self.dropped += 1
        path = set_aside(self._aside, exchange.id, msgspec.json.encode(exchange))
        log.error("the exchange %s is in %s: it cannot be written: %s", exchange.id, path, error)
