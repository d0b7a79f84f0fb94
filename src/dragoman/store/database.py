"""Opens the database: makes it, brings it to our version, keeps it private."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from dragoman.store.schema import MIGRATIONS, VERSION

DATABASE_FILE = "dragoman.db"
BUSY_TIMEOUT_S = 2.0
"""How long another process's writing is waited for: somebody waits for their prompt."""


class StoreError(Exception):
    """The database cannot be opened, read or written; the text is one line and says why."""


class UnwritableRow(StoreError):
    """What was to be written cannot be, in any database; another row may."""


def database_path(env: Mapping[str, str]) -> Path:
    """Say where the database is: `$XDG_DATA_HOME/dragoman/dragoman.db`."""
    from dragoman.config.files import data_folder

    return data_folder(env) / DATABASE_FILE


def open_database(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open the database, at our version. Only its owner may read what is made here.

    Without `create` a file that is not there is an error; an older one is migrated in any case.

    Raises: StoreError.
    """
    try:
        if create:
            _make_private(path)
        elif not path.exists():
            raise StoreError(f"{path}: nothing is recorded yet")
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
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
    return connection


def cannot(path: Path, error: Exception) -> StoreError:
    """Make the error that says why this file could not be used."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return StoreError(f"{path}: {reason}")


def _make_private(path: Path) -> None:
    """Make the file, for its owner's eyes only; SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to our version. Raises: sqlite3.Error, StoreError for a newer file."""
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log this can lose the last rows when the power fails, and nothing else.
    connection.execute("PRAGMA synchronous = NORMAL")
    version = _version(connection)
    if version == VERSION:
        return
    if version > VERSION:
        raise StoreError(f"{path} was made by a newer version of dragoman")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been faster.
        for step in MIGRATIONS[_version(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
