"""Keeps what was said, where an organisation wants it: off the hot path, by a thread of its own.

Law: what was said is worth less than who waits for an answer. When more comes than can be written,
the oldest is dropped, counted and told; the exchanges themselves are never lost this way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from dragoman.ledger.redaction import redact
from dragoman.store.database import Connection, Place, StoreError, UnwritableRow, open_database
from dragoman.types.content import ContentMode

log = logging.getLogger("dragoman.server")

INTERVAL_S = 0.2
BATCH = 50
"""Rows of one transaction: they are long, and others wait to write."""
LIMIT_BYTES = 64 * 1024 * 1024
"""What may wait to be written; beyond it the oldest go."""
AGAIN_S = 1.0
LAST_WORDS_S = 5.0
CUT = "\n[cut]"
COLUMNS = ("exchange_id", "organisation_id", "at", "mode", "request", "response")


class Heard(Struct, frozen=True):
    """What was said in an exchange; `read` makes texts of what was sent, when there is time.

    `size` is about how many bytes it takes.
    """

    exchange_id: str
    organisation_id: str
    at: float
    mode: ContentMode
    size: int
    read: Callable[[], tuple[str, str]]


class ContentLog:
    """See the module. `dropped` counts what could not be kept."""

    def __init__(self, place: Place, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._place = place
        self._limit = limit_bytes
        self._waiting: deque[Heard] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._connection: Connection | None = None
        self._complained_at = float("-inf")
        self.dropped = 0
        self._thread: threading.Thread | None = None

    def keep(self, heard: Heard) -> None:
        """Take note; quick, and never raises. The thread begins with the first."""
        with self._lock:
            self._waiting.append(heard)
            self._size += heard.size
            while self._size > self._limit and len(self._waiting) > 1:
                self._size -= self._waiting.popleft().size
                self.dropped += 1
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name="content", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what waits, and stop."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(LAST_WORDS_S)
        if self._waiting:
            log.error("what was said in %d requests could not be kept", len(self._waiting))

    def _work(self) -> None:
        pause_s, closing = INTERVAL_S, False
        while not closing:
            closing = self._closing.wait(pause_s)
            try:
                self._write()
                pause_s = INTERVAL_S
            except StoreError as error:
                pause_s = AGAIN_S
                self._complain(f"the database cannot be written: {error}")
        if self._connection is not None:
            self._connection.close()

    def _write(self) -> None:
        while batch := self._take():
            rows = [row for heard in batch if (row := self._row(heard)) is not None]
            try:
                self._insert_all(rows)
            except StoreError:  # all of it again: what is written by now stays as it is
                with self._lock:
                    self._waiting.extendleft(reversed(batch))
                    self._size += sum(heard.size for heard in batch)
                raise

    def _take(self) -> Sequence[Heard]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._size -= sum(heard.size for heard in batch)
        return batch

    def _row(self, heard: Heard) -> tuple[object, ...] | None:
        try:
            texts = [_writable(text) for text in heard.read()]
            if heard.mode == "redacted":
                texts = [redact(text) for text in texts]
        except Exception as error:  # a text that nobody can read must not stop the others
            self.dropped += 1
            self._complain(f"what was said in {heard.exchange_id} cannot be read: {error!r}")
            return None
        head = (heard.exchange_id, heard.organisation_id, heard.at, heard.mode)
        return (*head, *texts)

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> None:
        if self._connection is None:
            self._connection = open_database(self._place)
        try:
            with self._connection.transaction():
                self._connection.insert("content", COLUMNS, rows, once=True)
        except UnwritableRow:
            raise
        except StoreError:
            self._connection.close()
            self._connection = None  # opened anew: the server may be back
            raise

    def _insert_all(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert rows; one that cannot be written costs no other. Raises: StoreError."""
        try:
            self._insert(rows)
        except UnwritableRow:
            for row in rows:
                self._insert_alone(row)

    def _insert_alone(self, row: tuple[object, ...]) -> None:
        try:
            self._insert([row])
        except UnwritableRow as error:
            self.dropped += 1
            self._complain(f"what was said in {row[0]} cannot be kept: {error}")

    def _complain(self, what: str) -> None:
        """Say it once a minute."""
        now = time.monotonic()
        if now - self._complained_at >= 60:
            self._complained_at = now
            log.error("content: %s (%d were dropped so far)", what, self.dropped)


def _writable(text: str) -> str:
    """Write lone surrogates as question marks: no database takes them."""
    return text.encode("utf-8", "replace").decode()
