"""A worker's journal: what it is about to ask, and how that ended, in files that outlive it.

Law: a record is one write, made before the client has the last byte of its answer. What was written
is the kernel's, and survives the death of the worker; at most 50 ms later it is on the disk.

While nothing can be written (a full disk) what ends is kept in memory and written later, and no new
work is taken: see `check`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.ledger.folder import Position, WorkerFolder, make_folder
from dragoman.ledger.frames import frame
from dragoman.types.exchange import Exchange

log = logging.getLogger("dragoman.server")

INTENT, OUTCOME = b"i", b"o"
SEGMENT_BYTES = 16 * 1024 * 1024
"""Then the next one is begun, so that what is in the database can be deleted."""
SYNC_S = 0.05
"""How much a loss of power may cost."""
AGAIN_S = 0.25
"""After so long a disk that was full is tried again."""
QUIET_S = 60.0
"""The same complaint is not made more often."""
REMEMBERED = 2000
"""So many that have ended are handed on from memory; more are read from the files."""
LARGEST = 2**63 - 1
_FLAGS = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)

_encode = msgspec.msgpack.Encoder().encode
_sync = getattr(os, "fdatasync", os.fsync)


class JournalFull(DragomanError):
    """What was asked for could not be written down."""

    status = 503
    code = "ledger_full"
    retryable = True


class Ended(Struct, frozen=True):
    """What has ended between two places in a journal, as it stands there.

    `count` is of all whose end is written up to `until`. `outcomes` is None when they were too many
    to be remembered.
    """

    since: Position
    until: Position
    count: int
    outcomes: Sequence[bytes] | None


class Journal:
    """Writes records into a folder of its own below `journals`.

    Any thread may call; one calls `take`. `count` is of the exchanges whose end was written.
    Raises: OSError when the folder cannot be made.
    """

    def __init__(self, journals: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder: WorkerFolder = make_folder(journals)
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._open: dict[str, bytes] = {}
        self._late: deque[bytes] = deque()
        self._number = 0
        self._size = 0
        self._began = 0.0
        self._file = -1
        self._left: list[int] = []
        self._dirty = False
        self._taken = Position(1, 0)
        self._untaken: list[bytes] = []
        self._complained: dict[str, float] = {}
        self._wake, self._closing = threading.Event(), threading.Event()
        self.count = 0
        self._begin_segment()
        self._thread = threading.Thread(target=self._keep, name="journal", daemon=True)
        self._thread.start()

    @property
    def late(self) -> int:
        """How many exchanges have ended and could not be written: while there are, it is full."""
        return len(self._late)

    def check(self) -> None:
        """See that new work can be written down. Raises: JournalFull."""
        if self._late:
            raise JournalFull(
                "the gateway cannot write its journal",
                retry_after=1.0,
                hint=f"free space for {self.folder.path.parent}, or see what the log says of it",
            )

    def intend(self, exchange: Exchange) -> None:
        """Note that an attempt is about to begin: should we die, it is known that there was one."""
        data = frame(INTENT, _said(exchange))
        with self._lock:
            self._open[exchange.id] = data
            if not self._late:  # else the outcome is all that can be hoped for
                self._append(data)

    def ended(self, exchange: Exchange) -> None:
        """Note how an exchange ended. It is never lost: what cannot be written now waits."""
        said = _said(exchange)
        with self._lock:
            self._open.pop(exchange.id, None)
            if self._late or not self._append_outcome(said):
                self._late.append(said)
                self._wake.set()

    def written(self) -> Position:
        """Say up to where there are records."""
        with self._lock:
            return Position(self._number, self._size)

    def take(self) -> Ended:
        """Take what has ended since it was last taken."""
        with self._lock:
            since, until, outcomes = self._taken, Position(self._number, self._size), self._untaken
            self._taken, self._untaken = until, []
            known = len(outcomes) <= REMEMBERED
            return Ended(since, until, self.count, outcomes if known else None)

    def leave_segment(self, after_s: float) -> None:
        """Begin another segment if this one is so old, so that it can be deleted."""
        with self._lock, contextlib.suppress(OSError):  # then this one goes on
            if self._size and not self._late and time.monotonic() - self._began >= after_s:
                self._begin_segment()

    def close(self) -> None:
        """Write what waits, sync, and stop. The folder stays locked: see `WorkerFolder.close`."""
        self._closing.set()
        self._wake.set()
        self._thread.join()
        with self._lock:
            self._write_late()
            if self._late:
                log.error("%d exchanges could not be written to the journal", len(self._late))
            os.close(self._file)

    # ------------------------------------------------------------------- inside the lock

    def _append_outcome(self, said: bytes) -> bool:
        """Write how an exchange ended, and remember it; False when that failed."""
        if not self._append(frame(OUTCOME, said)):
            return False
        self.count += 1
        if len(self._untaken) <= REMEMBERED:
            self._untaken.append(said)
        return True

    def _append(self, data: bytes) -> bool:
        """Write a record, whole or not at all; False when that failed."""
        try:
            if self._size >= self._segment_bytes:
                self._begin_segment()
            written = _write_whole(self._file, data)
        except OSError as error:
            self._take_back()
            self._complain("the journal cannot be written", error)
            return False
        self._size += written
        if not self._dirty:
            self._dirty = True
            self._wake.set()
        return True

    def _take_back(self) -> None:
        """Leave no part of a record behind."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._size)
        self._size = os.fstat(self._file).st_size

    def _begin_segment(self) -> None:
        """Open the next segment, with the intents that are still open. Raises: OSError."""
        path = self.folder.segment(self._number + 1)
        file = os.open(path, _FLAGS, 0o600)
        try:
            size = _write_whole(file, b"".join(self._open.values()))
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        if self._file >= 0:
            self._left.append(self._file)
        self._file, self._size = file, size
        self._number += 1
        self._began = time.monotonic()

    def _write_late(self) -> None:
        while self._late:
            if not self._append_outcome(self._late[0]):
                return
            self._late.popleft()

    # ---------------------------------------------------------------------- its thread

    def _keep(self) -> None:
        """Sync what was written, in groups; write what could not be."""
        while not self._closing.is_set():
            self._wake.wait(AGAIN_S if self._late else None)
            self._closing.wait(SYNC_S)
            self._wake.clear()
            self._dirty = False
            self._flush()
            if self._late:
                with self._lock:
                    self._write_late()
                if not self._late:
                    log.warning("the journal is written again")
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            left, self._left = self._left, []
            file = self._file
        try:
            for one in (*left, file):
                _sync(one)
        except OSError as error:
            self._complain("the journal cannot be brought to the disk", error)
        for one in left:
            os.close(one)

    def _complain(self, what: str, error: OSError) -> None:
        """Say it, once a minute."""
        now = time.monotonic()
        if now - self._complained.get(what, -QUIET_S) >= QUIET_S:
            self._complained[what] = now
            log.error("%s: %s: %s", what, self.folder.path, error.strerror or error)


def _write_whole(file: int, data: bytes) -> int:
    """Write all of `data`, in one write unless the disk is nearly full. Raises: OSError."""
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, data[written:])
    return written


def _said(exchange: Exchange) -> bytes:
    try:
        return _encode(exchange)
    except (ValueError, OverflowError):  # half a surrogate, a number without end
        return _encode(_mended(msgspec.to_builtins(exchange)))


def _mended(value: Any) -> Any:
    """Write what has no place in a file as something that has."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _mended(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-LARGEST, min(value, LARGEST))
    return value
