"""Where the database is, and what one is for those who use it: SQLite's file, or a PostgreSQL.

Law: statements are written once, for both. Values are named (`:name`); what only one of the two
databases understands is asked of the connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import unquote

from dragoman.store.address import ENCODE, ServerUrl, is_readable

DATABASE_FILE = "dragoman.db"
VARIABLE = "DRAGOMAN_DATABASE_URL"
BATCH = 1000
"""Rows that are read at once where there may be any number."""
SCHEMES = ("postgresql", "postgres")
UPDATE = "update this dragoman"
_WRITE = f"write it as postgresql://user:password@host/name; {ENCODE}"
_NO_RIGHT = "42501"
"""Source: https://www.postgresql.org/docs/current/errcodes-appendix.html (read 2026-11)"""
_HINTS: Mapping[str, str] = {
    "SQLITE_BUSY": "another program is writing to it: try again in a moment",
    "SQLITE_READONLY": "give yourself the right to write to it, and to its folder",
    "SQLITE_FULL": "free space on its disk",
    "SQLITE_IOERR": "see whether its disk is full, or broken",
}
"""By what an error's name begins with.
Source: https://www.sqlite.org/rescode.html (read 2026-11)"""

Values: TypeAlias = Mapping[str, Any]
Hint: TypeAlias = Literal["in days", "lock of sums", "lock of exchanges"]


class StoreError(Exception):
    """The database cannot be opened, read or written; the text is one line and says why.

    `hint` is one that says what to do, where that is known.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class NothingRecorded(StoreError):
    """There is no database yet."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            f"{place}: nothing is recorded yet", hint='ask something first: dragoman "hello"'
        )


class WrongDatabase(StoreError):
    """It is there, and this dragoman cannot use it: made by a newer one, or by another program."""


class NewerDatabase(WrongDatabase):
    """A newer dragoman has made or migrated it."""

    def __init__(self, place: Place) -> None:
        super().__init__(f"{place}: it was made by a newer version of dragoman", hint=UPDATE)


class UnwritableRow(StoreError):
    """A value that the database takes in no row, or not in this one; another may be written."""


class Server(ServerUrl, frozen=True):
    """A PostgreSQL database."""


Place: TypeAlias = Path | Server
"""Where a database is: a file, or a server."""


class Connection(Protocol):
    """An open database, at our version. Not for two threads at a time.

    What fails raises UnwritableRow where the row is at fault, else StoreError.
    """

    def rows(self, statement: str, values: Values = {}) -> list[Any]:  # noqa: B006
        """Read all rows; each has its values by name, as a mapping has them."""
        ...

    def batches(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        """Read many rows, so many at once, as tuples. Only inside a transaction."""
        ...

    def write(self, statement: str, values: Values = {}) -> None:  # noqa: B006
        """Run a statement that gives nothing back."""
        ...

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        once: bool = False,
    ) -> None:
        """Insert rows. `once`: those that are there already stay as they are."""
        ...

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> frozenset[Any]:
        """Insert rows that are not there, and say which those are, by their first column.

        That column is the table's key, and none may come twice. Only inside a transaction. Raises
        UnwritableRow, too, while somebody else is writing one of many: half of them may be written.
        """
        ...

    def accumulate(
        self, table: str, keys: Sequence[str], sums: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Add `sums` to the rows that have these `keys`; rows that are not there are made.

        A row has its keys first, then its sums; none may come twice. Let rows be sorted, so that
        two who write at the same time lock them in the same order.
        """
        ...

    def transaction(self, *, snapshot: bool = False) -> AbstractContextManager[None]:
        """Do all that is done inside, or nothing. `snapshot`: only read, what is there now."""
        ...

    def speak(self, hint: Hint) -> str:
        """Say in this database's SQL what differs.

        "in days": the day of a row's `started_at`, in the machine's time zone; "lock of sums": the
        statement that keeps others from writing sums until the transaction ends, '' where
        transactions do that anyway; "lock of exchanges": the same for exchanges.
        """
        ...

    def close(self) -> None:
        """Close it."""
        ...


def database_path(env: Mapping[str, str]) -> Path:
    """Say where the file is: `$XDG_DATA_HOME/dragoman/dragoman.db`."""
    from dragoman.config.files import data_folder

    return data_folder(env) / DATABASE_FILE


def database_place(env: Mapping[str, str]) -> Place:
    """Say where the database is: what `DRAGOMAN_DATABASE_URL` names, else our file.

    The URL may stand in the file that `DRAGOMAN_DATABASE_URL_FILE` names.

    Raises: StoreError for a URL that names no database that we know, or cannot be read.
    """
    return named_place(env, VARIABLE) or database_path(env)


def named_place(env: Mapping[str, str], name: str) -> Place | None:
    """Say where the database is that a variable names, itself or in a file. Raises: StoreError."""
    url = read_url(env, name)
    return read_place(url) if url else None


def read_url(env: Mapping[str, str], name: str) -> str | None:
    """Read a URL that may hold a password: a variable's, or a file's. Raises: StoreError."""
    from dragoman.config.variables import read_variable
    from dragoman.errors import ConfigError

    try:
        return read_variable(env, name)
    except ConfigError as error:
        raise StoreError(error.message, hint=error.hint) from None


def read_place(url: str) -> Place:
    """Read a URL: `postgresql://user:password@host/name`, or `sqlite:///path`. Raises: StoreError.

    `sqlite:////var/lib/a.db` is absolute, as SQLAlchemy has it.
    """
    scheme, colon, rest = url.partition("://")
    if colon and scheme in SCHEMES:
        if not is_readable(url):
            raise StoreError("the URL of the database cannot be read", hint=_WRITE)
        return Server(f"postgresql://{rest}")
    if colon and scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return Path(unquote(rest[1:]))
    known = "postgresql://… or sqlite:///path"
    # The URL itself is not repeated: it may hold a password.
    raise StoreError(
        f"the URL of the database begins with none that is known ({known})", hint=_WRITE
    )


def is_there(place: Place) -> bool:
    """Whether there is something to open; whether a server is up is found out by opening it."""
    return isinstance(place, Server) or place.exists()


def open_database(place: Place, *, create: bool = True) -> Connection:
    """Open the database, at our version.

    Without `create` a file that is not there is an error; what is older is migrated in any case.

    Raises: StoreError.
    """
    if isinstance(place, Server):
        from dragoman.store.postgres import open_server

        return open_server(place)
    from dragoman.store.sqlite import open_file

    return open_file(place, create=create)


def version_of(place: Place) -> int:
    """Read which version a database has, 0 where there is nothing yet, and leave it as it is.

    Raises: WrongDatabase for one that is newer than ours, or not ours; StoreError.
    """
    if isinstance(place, Server):
        from dragoman.store.postgres import version_of_server

        return version_of_server(place)
    from dragoman.store.sqlite import version_of_file

    return version_of_file(place)


def cannot(place: Place, error: Exception, *, hint: str | None = None) -> StoreError:
    """Make the error that says why this database could not be used."""
    foreign = getattr(error, "sqlite_errorname", None) == "SQLITE_NOTADB"
    kind = WrongDatabase if foreign else StoreError
    return kind(_told(place, error), hint=hint or _hint_of(error))


def adding(table: str, keys: Sequence[str], sums: Sequence[str]) -> str:
    """Write the end of an insertion that adds to what is there, as both databases have it."""
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"


def unwritable(place: Place, error: Exception) -> UnwritableRow:
    """Make the error that says why a row could not be written."""
    return UnwritableRow(_told(place, error))


def _hint_of(error: Exception) -> str | None:
    """Say what to do about an error of the system, of SQLite or of psycopg."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    for beginning, hint in _HINTS.items():
        if code.startswith(beginning):
            return hint
    if code == _NO_RIGHT:
        return "let its user own the schema dragoman: CREATE SCHEMA dragoman AUTHORIZATION user"
    if isinstance(error, PermissionError):
        return "give yourself the right to read it"
    return None


def _told(place: Place, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    line = " ".join(str(reason).split())
    return f"{place}: {place.hide(line) if isinstance(place, Server) else line}"
