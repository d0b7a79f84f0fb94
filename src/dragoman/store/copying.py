"""Copies a whole database: into another, into a file, and back. Nothing is copied by halves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from dragoman.store.database import (
    Connection,
    Place,
    StoreError,
    cannot,
    open_database,
    version_of,
)
from dragoman.store.partial import partial_folder
from dragoman.store.schema import TABLES, VERSION

_BACKUP = "name a file that `dragoman db backup` wrote"
_MADE_WITH: Mapping[str, str] = {
    "organisation": "id = 'default' AND version = 1",
    "revision": "id = 1 AND number = 1",
}
"""The rows that every database has from its beginning."""


def copy_to(source: Place, target: Place) -> Mapping[str, int]:
    """Copy all rows into a database that has none. Returns how many, by table.

    What is copied is what there is when it begins; others may write to the source all the while.
    Counts are compared before anything becomes visible in the target.

    Raises: StoreError; the target is as it was then.
    """
    if source == target:
        raise StoreError(f"{target} is the database itself")
    with (
        closing(open_database(source, create=False)) as reading,
        closing(open_database(target)) as writing,
        reading.transaction(snapshot=True),
        writing.transaction(),
    ):
        for table, condition in _MADE_WITH.items():
            writing.write(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608
        for table in TABLES:
            if _count(writing, table):
                raise StoreError(
                    f"{target}: it is not empty, there are rows in {table}",
                    hint="name a database that has no rows of dragoman's",
                )
        return {table: _copy(reading, writing, table, target) for table in TABLES}


def back_up(source: Place, file: Path) -> Mapping[str, int]:
    """Copy all rows into a new SQLite file. Raises: StoreError; there is no such file then.

    It gets its name when it is whole. What is cut off without a chance to clear up leaves a folder
    beside it whose name ends in `.partial`; the next one to this file deletes that.
    """
    if file.exists():
        raise StoreError(f"{file}: it is there already", hint="name a file that is not there yet")
    if not file.absolute().parent.is_dir():  # a disk that is not mounted is nothing to write beside
        raise StoreError(
            f"{file}: there is no such folder", hint="make it, or mount what should be there"
        )
    try:
        with partial_folder(file) as folder:
            partial = folder / file.name
            counts = copy_to(source, partial)
            _gather(partial)
            os.replace(partial, file)  # noqa: PTH105
    except OSError as error:
        raise cannot(file, error) from None
    return counts


def restore(file: Path, target: Place) -> Mapping[str, int]:
    """Copy all rows of a backup into a database that has none; the backup stays as it is.

    Raises: StoreError.
    """
    if not file.is_file():
        raise StoreError(f"{file}: there is no such file", hint=_BACKUP)
    try:
        version = version_of(file)
    except StoreError as error:
        raise StoreError(str(error), hint=error.hint or _BACKUP) from None
    if version == 0:
        raise StoreError(f"{file}: it is empty, there is no backup in it", hint=_BACKUP)
    if version == VERSION:
        return copy_to(file, target)
    with TemporaryDirectory(prefix="dragoman-") as folder:  # an older one is migrated, elsewhere
        try:
            older = Path(shutil.copy(file, folder))
        except OSError as error:
            raise cannot(file, error) from None
        return copy_to(older, target)


def _gather(file: Path) -> None:
    """Bring into a file what is in its log: closing it tries that, and is silent where it fails.

    Raises: StoreError.
    """
    with closing(open_database(file, create=False)) as connection:
        connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")


class Status(Struct, frozen=True, kw_only=True):
    """A database as it is. `version` is 0 where there is nothing yet; `current` is ours.

    `rows`, by table, are counted at our version alone.
    """

    place: str
    kind: str
    version: int
    current: int = VERSION
    rows: Mapping[str, int] | None = None


def status_of(place: Place) -> Status:
    """Look at a database, and leave it as it is. Raises: StoreError."""
    kind = "SQLite" if isinstance(place, Path) else "PostgreSQL"
    version, rows = version_of(place), None
    if version == VERSION:
        with closing(open_database(place, create=False)) as connection:
            rows = {table: _count(connection, table) for table in TABLES}
    return Status(place=str(place), kind=kind, version=version, rows=rows)


def _copy(reading: Connection, writing: Connection, table: str, target: Place) -> int:
    columns = TABLES[table]
    for rows in reading.batches(f"SELECT {', '.join(columns)} FROM {table}"):  # noqa: S608
        writing.insert(table, columns, rows)
    there, here = _count(reading, table), _count(writing, table)
    if there != here:
        raise StoreError(f"{target}: {here} of {there} rows of {table} arrived")
    return here


def _count(connection: Connection, table: str) -> int:
    (found,) = connection.rows(f"SELECT count(*) AS count FROM {table}")  # noqa: S608
    return int(found["count"])
