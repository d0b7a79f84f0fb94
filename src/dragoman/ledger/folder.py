"""Where workers keep their journals: a folder of its own for each, beside the database.

    journal/NAME/            of one database
      WORKER/lock            held by whoever writes or drains this folder, as long as it lives
      WORKER/00000001.log    segments, written at the end alone
      WORKER/drained         up to where their records are in the database
      set-aside/             what could not be read, or not be written to the database

Law: only the holder of its lock touches a worker's folder. A lock ends with its process, however
that ends, so that what a dead worker left is found, and what a living one writes is left alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from dragoman.store.database import Place, Server
from dragoman.store.folder_lock import take

DRAINED = "drained"
SET_ASIDE = "set-aside"
_NEW = ".new-"
_POSITION = struct.Struct("<QQ")


class Position(Struct, frozen=True, order=True, gc=False):
    """A place in a worker's journal: a segment's number, and bytes in it."""

    segment: int = 0
    at: int = 0


def journal_folder(place: Place, env: Mapping[str, str]) -> Path:
    """Say where the journals of a database are: beside its file, or where our data is kept."""
    if not isinstance(place, Server):
        return place.parent / "journal" / place.name
    from dragoman.config.files import data_folder

    name = re.sub(r"[^A-Za-z0-9.@-]+", "_", str(place).partition("://")[2])
    return data_folder(env) / "journal" / name


class WorkerFolder:
    """One worker's folder, and the lock on it. Closing lets go of it."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._drained: int | None = None

    def segment(self, number: int) -> Path:
        """Say where a segment is."""
        return self.path / f"{number:08}.log"

    def segments(self) -> list[int]:
        """List the segments that are there, in order."""
        return sorted(int(found.stem) for found in self.path.glob("*.log"))

    def drained(self) -> Position:
        """Read up to where records are in the database. What cannot be read is the beginning."""
        try:
            return Position(*_POSITION.unpack((self.path / DRAINED).read_bytes()))
        except (OSError, struct.error):
            return Position()

    def note_drained(self, position: Position) -> None:
        """Write it, in one write. Raises: OSError."""
        if self._drained is None:
            self._drained = os.open(self.path / DRAINED, os.O_CREAT | os.O_WRONLY, 0o600)
        os.lseek(self._drained, 0, os.SEEK_SET)
        os.write(self._drained, _POSITION.pack(position.segment, position.at))

    def remove(self) -> None:
        """Delete the folder, which must have been drained, and let go of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self._drained is not None:
            os.close(self._drained)
            self._drained = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def make_folder(journals: Path) -> WorkerFolder:
    """Make a folder for this worker, locked from its first moment. Raises: OSError."""
    journals.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    new = journals / f"{_NEW}{name}"
    new.mkdir(mode=0o700)
    lock = take(new)
    assert lock is not None, "nobody knows its name yet"
    path = journals / name
    new.rename(path)
    return WorkerFolder(path, lock)


def claim_abandoned(journals: Path) -> Iterator[WorkerFolder]:
    """Claim the folders whose workers are gone, one by one. Raises: OSError."""
    for path in workers_in(journals):
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster, and is done
            lock = take(path)
            if lock is not None:
                yield WorkerFolder(path, lock)


def workers_in(journals: Path) -> Sequence[Path]:
    """List the folders of workers that live, or died with something to drain. Raises: OSError."""
    try:
        found = sorted(journals.iterdir())
    except FileNotFoundError:
        return ()
    return [
        path
        for path in found
        if path.name != SET_ASIDE and not path.name.startswith(_NEW) and path.is_dir()
    ]


def set_aside(journals: Path, name: str, data: bytes) -> Path:
    """Keep bytes for people to look at. Raises: OSError."""
    folder = journals / SET_ASIDE
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}-{secrets.token_hex(4)}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return path
