"""A SQLite file: made for its owner's eyes only, brought to our version, read and written."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from dragoman.store.database import (
    BATCH,
    Hint,
    NewerDatabase,
    NothingRecorded,
    StoreError,
    Values,
    WrongDatabase,
    adding,
    cannot,
    unwritable,
)
from dragoman.store.schema import MIGRATIONS, VERSION

BUSY_TIMEOUT_S = 2.0
"""How long another process's writing is waited for: somebody waits for their prompt."""
TOGETHER = 100
"""Rows of one statement: to run one takes as long as to write a quarter of a row, and each time
other threads are let in. More take more memory, as the module remembers statements."""
AGAIN_S = 0.01
"""After so long a file is tried again that somebody else is making."""

_OF_THE_VALUE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError)
_OF_THE_ROW = (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.DataError)
_HINTS: dict[Hint, str] = {
    "in days": "date(started_at, 'unixepoch', 'localtime')",
    "lock of sums": "",
    "lock of exchanges": "",
}


class File:
    """See `Connection`. `raw` is the connection underneath."""

    def __init__(self, path: Path, raw: sqlite3.Connection) -> None:
        self.path = path
        self.raw = raw
        raw.row_factory = sqlite3.Row
        raw.text_factory = _text

    def rows(self, statement: str, values: Values = {}) -> list[Any]:  # noqa: B006
        """See `Connection.rows`."""
        with self._told():
            return self.raw.execute(statement, values).fetchall()

    def batches(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        """See `Connection.batches`."""
        self.raw.text_factory = str  # a copy is exact, or there is none
        try:
            with self._told():
                cursor = self.raw.execute(statement)
                while rows := cursor.fetchmany(BATCH):
                    yield [tuple(row) for row in rows]
        finally:
            self.raw.text_factory = _text

    def write(self, statement: str, values: Values = {}) -> None:  # noqa: B006
        """See `Connection.write`."""
        with self._told():
            self.raw.execute(statement, values)

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        once: bool = False,
    ) -> None:
        """See `Connection.insert`. Values come in order: names cost as much as the writing."""
        self._insert(table, columns, rows, " ON CONFLICT DO NOTHING" if once else "")

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> frozenset[Any]:
        """See `Connection.insert_new`. Nobody else writes during a transaction of ours."""
        with self._told():
            (last,) = self.raw.execute(f"SELECT max(rowid) FROM {table}").fetchone()  # noqa: S608
        if self._insert(table, columns, rows, " ON CONFLICT DO NOTHING") == len(rows):
            return frozenset([row[0] for row in rows])
        with self._told():
            found = self.raw.execute(
                f"SELECT {columns[0]} FROM {table} WHERE rowid > ?",  # noqa: S608
                (last or 0,),
            )
            return frozenset([key for (key,) in found])

    def accumulate(
        self, table: str, keys: Sequence[str], sums: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """See `Connection.accumulate`."""
        self._insert(table, (*keys, *sums), rows, adding(table, keys, sums))

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        """See `Connection.transaction`."""
        connection = self.raw
        with self._database_told():
            connection.execute("BEGIN" if snapshot else "BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back already; a second rollback would hide the error.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def speak(self, hint: Hint) -> str:
        """See `Connection.speak`."""
        return _HINTS[hint]

    def close(self) -> None:
        """See `Connection.close`."""
        self.raw.close()

    def _insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], end: str
    ) -> int:
        """Insert rows, and say how many; a column in which none of them has a value is not named.

        To bind a None takes the module longer than to bind a value and to write it. Many rows go
        into statements of `TOGETHER`, and what is left over into those of one.
        """
        if not rows:
            return 0
        values = dict(zip(columns, zip(*rows, strict=True), strict=True))
        held = [name for name in columns if not _is_empty(values[name])]
        left = zip(*(values[name] for name in held), strict=True)
        into = f"INSERT INTO {table} ({', '.join(held)}) VALUES"
        marks = f"({', '.join('?' * len(held))})"
        many, rest = divmod(len(rows), TOGETHER)
        written = 0
        with self._told():
            for _ in range(many):
                some = tuple(chain.from_iterable(islice(left, TOGETHER)))
                statement = f"{into} {', '.join([marks] * TOGETHER)}{end}"
                written += self.raw.execute(statement, some).rowcount
            if rest:
                written += self.raw.executemany(f"{into} {marks}{end}", left).rowcount
        return written

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise as ours what the database says, and that it takes no such value."""
        try:
            with self._database_told():
                yield
        except _OF_THE_VALUE as error:
            raise unwritable(self.path, error) from None

    @contextmanager
    def _database_told(self) -> Iterator[None]:
        try:
            yield
        except _OF_THE_ROW as error:
            raise unwritable(self.path, error) from None
        except sqlite3.Error as error:
            raise cannot(self.path, error) from None


def _text(data: bytes) -> str:
    """Read a text; one that is no UTF-8 begins with U+FFFD, and so is no JSON and no known word.

    The module would fail the whole query for it: whoever edits a file by hand can write anything.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "\ufffd" + data.decode(errors="replace")


def _is_empty(values: Sequence[Any]) -> bool:
    return values[0] is None and values.count(None) == len(values)


def open_file(path: Path, *, create: bool = True) -> File:
    """Open a file, at our version. Only its owner may read what is made here.

    A thread may hand it to another. Without `create` a file that is not there is an error.

    Raises: StoreError.
    """
    try:
        if create:
            _make_private(path)
        elif not path.exists():
            raise NothingRecorded(path)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise cannot(path, error) from None
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise cannot(path, error) from None
    except StoreError:
        connection.close()
        raise
    return File(path, connection)


def version_of_file(path: Path) -> int:
    """See `version_of`."""
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return _version(connection, path)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise cannot(path, error) from None


def _make_private(path: Path) -> None:
    """Make the file, for its owner's eyes only; SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to our version. Raises: sqlite3.Error, WrongDatabase."""
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log this can lose the last rows when the power fails, and nothing else.
    connection.execute("PRAGMA synchronous = NORMAL")
    # Before anything is written: the mode of the journal stays in the file.
    if _version(connection, path) == VERSION:
        return
    _write_ahead(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been faster.
        for step in MIGRATIONS[_version(connection, path) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Keep a write-ahead log.

    Who makes the same file at this moment is waited for: where SQLite would have to be alone, it
    does not wait by itself.
    """
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(AGAIN_S)
        else:
            return


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Read the version; 0 where there is nothing yet. Raises: sqlite3.Error, WrongDatabase."""
    # In one statement: between two of them another process may have made the tables.
    version, names, ours = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master), (SELECT count(*)"
        " FROM sqlite_master WHERE name IN ('exchange', 'attempt', 'message'))"
        " FROM pragma_user_version"
    ).fetchone()
    if version > VERSION:
        raise NewerDatabase(path)
    if ours < 3 if version else names:
        raise WrongDatabase(f"{path}: it is a database of another program")
    return int(version)
