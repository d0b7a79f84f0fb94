"""Brings journals into the database: this worker's all the time, those of dead workers when found.

Law: a record stays in its journal until it is in the database, and is there once, however often it
is drained. What is added up from exchanges (quotas, hourly sums) is added in the same transaction.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from msgspec import Struct

from dragoman.errors import ConfigError
from dragoman.ledger import accounting, rollups
from dragoman.ledger.folder import (
    Position,
    WorkerFolder,
    claim_abandoned,
    journal_folder,
)
from dragoman.ledger.journal import INTENT, OUTCOME, QUIET_S, Journal
from dragoman.ledger.reading import Reader, decode
from dragoman.ledger.recording import Recorder
from dragoman.store.database import Place, StoreError
from dragoman.store.ledger import Follower
from dragoman.types.exchange import Exchange

log = logging.getLogger("dragoman.server")

FOLLOWERS: Sequence[Follower] = (accounting.follow, rollups.follow)
INTERVAL_S = 0.2
BATCH = 1000
"""Rows of one transaction: another process waits for its turn no longer than these take."""
BUSY, PATIENCE = 100, 5
"""While so many wait, and a batch is not full, so many intervals pass: in a full one each costs
half."""
AGAIN_S = 1.0
"""After so long a database that could not be written is tried again."""
LOOK_S = 5.0
"""So often journals of dead workers are looked for."""
SEGMENT_S = 60.0
"""A segment whose records are all in the database is deleted when it is so old."""
LAST_WORDS_S = 10.0
"""For what is still to be written at the end; the rest is found by whoever starts next."""


class LedgerState(Struct, frozen=True):
    """How the ledger is.

    `away`: its database cannot be written, and `waiting` exchanges stay in the journal until it
    can. `full`: the journal itself cannot be written, and no new work is taken.
    """

    away: bool
    waiting: int
    full: bool


def open_ledger(
    place: Place,
    env: Mapping[str, str],
    *,
    followers: Sequence[Follower] = (),
    found: Callable[[Sequence[Exchange]], None] = lambda _: None,
    adopted: Callable[[str], None] = lambda _: None,
    looked: Callable[[], None] = lambda: None,
) -> Drain:
    """Begin a journal, and to drain it. `followers` come after our own.

    Raises: ConfigError when nothing can be written there.
    """
    journals = journal_folder(place, env)
    try:
        journal = Journal(journals)
        follow = (*FOLLOWERS, *followers)
        return Drain(place, journal, followers=follow, found=found, adopted=adopted, looked=looked)
    except OSError as error:
        raise ConfigError(
            f"the journal cannot be written: {journals}: {error.strerror or error}",
            hint="make the folder writable, or set `log = false` under [server]",
        ) from None


class Drain:
    """A thread that drains `journal`, and what it finds beside it.

    `followers` are called inside each transaction, with the exchanges that are new. `found` is
    called after it with those of dead workers, once or, when we die at that moment, twice;
    `adopted` with a dead worker's name when all that it left is written; `looked` whenever what
    dead workers left has been looked for, and none of it is left.
    """

    def __init__(
        self,
        place: Place,
        journal: Journal,
        *,
        followers: Sequence[Follower] = FOLLOWERS,
        found: Callable[[Sequence[Exchange]], None] = lambda _: None,
        adopted: Callable[[str], None] = lambda _: None,
        looked: Callable[[], None] = lambda: None,
        interval_s: float = INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.journal = journal
        self._journals: Path = journal.folder.path.parent
        self._reader = Reader(self._journals)
        self._recorder = Recorder(place, followers, self._journals)
        self._found = found
        self._adopted = adopted
        self._looked = looked
        self._interval_s = interval_s
        self._clock = clock
        self._closing = threading.Event()
        self._position = Position(1, 0)
        self._done = 0
        self._drained_at = self._looked_at = -math.inf
        self._away_since: float | None = None
        self._complained_at = -math.inf
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many records could be neither read nor written, and were set aside."""
        return self._reader.dropped + self._recorder.dropped

    @property
    def depth(self) -> int:
        """How many exchanges of this worker wait to be written."""
        return self.journal.count - self._done + self.journal.late

    def state(self) -> LedgerState:
        """Say how it is."""
        return LedgerState(self._away_since is not None, self.depth, bool(self.journal.late))

    def close(self) -> None:
        """Close the journal, bring it into the database, and stop.

        What cannot be written by now stays in its folder, and is said to.
        """
        self.journal.close()
        self._closing.set()
        self._thread.join(LAST_WORDS_S)  # a server that accepts and is silent has no end
        if self._thread.is_alive() or self._position < self.journal.written():
            log.error("%d exchanges wait in %s", self.depth, self.journal.folder.path)
            return
        self.journal.folder.remove()

    # ------------------------------------------------------------------------ the thread

    def _work(self) -> None:
        self._warn_of_others()
        closing = False
        while not closing:
            pause_s = self._interval_s if self._away_since is None else AGAIN_S
            closing = self._closing.wait(pause_s)
            if not closing and self._had_better_wait():
                continue
            try:
                self._drain_own()
                if not closing:
                    self._look()
            except Exception as error:  # nothing is lost: the journal has it
                self._complain(error)
            else:
                if not closing:
                    self._return()
        self._recorder.close()

    def _look(self) -> None:
        """Look for what dead workers left, now and then. Raises: StoreError, OSError.

        What fails is tried again with the next pass: only when it is done is the database back.
        """
        if self._clock() - self._looked_at >= LOOK_S:
            for folder in claim_abandoned(self._journals):
                self._adopt(folder)
            self._looked()
            self._looked_at = self._clock()

    def _had_better_wait(self) -> bool:
        patience_s = PATIENCE * self._interval_s
        waited_s = self._clock() - self._drained_at
        return BUSY <= self.depth < BATCH and waited_s < patience_s and self._away_since is None

    def _drain_own(self) -> None:
        """Drain what this worker has written by now. Raises: StoreError, OSError."""
        self._drained_at = self._clock()
        ended = self.journal.take()
        if self._position == ended.until:
            self.journal.leave_segment(SEGMENT_S)
        elif self._position == ended.since and ended.outcomes is not None:
            self._drain_remembered(ended.outcomes, ended.until)
        else:  # they were too many, or could not be written when they were taken
            self._drain_files(ended.until)
        self._done = max(self._done, ended.count)  # damage may have taken some

    def _drain_remembered(self, outcomes: Sequence[bytes], end: Position) -> None:
        """Drain what the journal remembers: all that is in its files up to `end`."""
        for start in range(0, len(outcomes), BATCH):
            self._recorder.record(list(map(decode, outcomes[start : start + BATCH])))
        folder, first = self.journal.folder, self._position.segment
        self._advance(folder, (), end)
        for number in range(first, end.segment):
            folder.segment(number).unlink(missing_ok=True)

    def _drain_files(self, end: Position) -> None:
        folder = self.journal.folder
        while self._position < end:
            number, at = self._position.segment, self._position.at
            if number == end.segment:
                self._drain(folder, number, at, end.at)
                break
            self._drain(folder, number, at)
            self._position = Position(number + 1, 0)
            folder.note_drained(self._position)
            folder.segment(number).unlink(missing_ok=True)

    def _drain(self, folder: WorkerFolder, number: int, start: int, end: int | None = None) -> None:
        with folder.segment(number).open("rb") as file:
            file.seek(start)
            data = file.read(-1 if end is None else end - start)
        batch: list[Exchange] = []
        for _, exchange, at in self._reader.read(folder, number, data, start, kinds=(OUTCOME,)):
            batch.append(exchange)
            if len(batch) >= BATCH:
                self._advance(folder, batch, at)
                batch = []
        self._advance(folder, batch, Position(number, start + len(data)))

    def _advance(self, folder: WorkerFolder, batch: Sequence[Exchange], to: Position) -> None:
        self._recorder.record(batch)
        self._position = to
        self._done += len(batch)
        folder.note_drained(to)

    def _adopt(self, folder: WorkerFolder) -> None:
        """Drain what a dead worker left. Raises: StoreError, OSError."""
        try:
            opened: dict[str, Exchange] = {}
            outcomes = self._take_over(self._left_in(folder, opened))
            intents = self._take_over(map(_interrupted, opened.values()))
            self._adopted(folder.path.name)
            folder.remove()
        finally:
            folder.close()
        if outcomes or intents:
            log.warning(
                "a worker that died left %d exchanges, and was in the middle of %d others: they"
                " are in the ledger now",
                outcomes,
                intents,
            )

    def _left_in(self, folder: WorkerFolder, opened: dict[str, Exchange]) -> Iterator[Exchange]:
        """Read what is not in the database; leave in `opened` what has no end."""
        drained = folder.drained()
        for number in folder.segments():
            data = folder.segment(number).read_bytes()
            for kind, exchange, at in self._reader.read(folder, number, data):
                if kind == INTENT:
                    opened[exchange.id] = exchange
                    continue
                opened.pop(exchange.id, None)
                if at > drained:
                    yield exchange

    def _take_over(self, exchanges: Iterable[Exchange]) -> int:
        count, left = 0, iter(exchanges)
        while batch := list(islice(left, BATCH)):
            self._recorder.record(batch)
            self._found(batch)
            count += len(batch)
        return count

    # -------------------------------------------------------------------------- telling

    def _warn_of_others(self) -> None:
        """Tell of journals whose database is another one: nobody drains them here."""
        try:
            for path in self._journals.parent.iterdir():
                if path == self._journals or not path.is_dir():
                    continue
                for folder in claim_abandoned(path):
                    if folder.segments():
                        log.warning("%s waits for another database than this one's", folder.path)
                    folder.close()
        except OSError as error:
            log.warning("the journals of other databases cannot be looked at: %s", error)

    def _complain(self, error: Exception) -> None:
        """Say it once a minute."""
        now = self._clock()
        if self._away_since is None:
            self._away_since = now
        if now - self._complained_at >= QUIET_S:
            self._complained_at = now
            bug = None if isinstance(error, StoreError | OSError) else error
            log.error(
                "the ledger cannot be written, %d exchanges wait: %s",
                *(self.depth, error),
                exc_info=bug,
            )

    def _return(self) -> None:
        """Say that it is written again."""
        if self._away_since is not None:
            log.warning(
                "the ledger is written again, after %.0f s", self._clock() - self._away_since
            )
            self._away_since = None
            self._complained_at = -math.inf


def _interrupted(exchange: Exchange) -> Exchange:
    """Make the record of an exchange whose worker died: how it ended is not known."""
    exchange.outcome = "interrupted"
    for attempt in exchange.attempts:
        if attempt.outcome == "error" and attempt.error is None:
            attempt.outcome = "interrupted"
    return exchange
