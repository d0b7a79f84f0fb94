"""A PostgreSQL database: our tables in a schema of their own, migrated under a lock.

Source: https://www.psycopg.org/psycopg3/docs/ (read 2026-11)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from dragoman.store.database import (
    BATCH,
    Hint,
    NewerDatabase,
    Server,
    StoreError,
    Values,
    WrongDatabase,
    adding,
    cannot,
    unwritable,
)
from dragoman.store.schema import VERSION

try:
    import psycopg
    from psycopg.rows import dict_row, tuple_row
except ImportError:
    raise StoreError(
        "PostgreSQL needs packages that are not installed: pip install 'dragoman[postgres]'",
        hint="pip install 'dragoman[postgres]'",
    ) from None

SCHEMA = "dragoman"
LOCK = 0x647261676F6D616E
"""The key of the advisory lock that a migration holds: "dragoman" in ASCII."""
CONNECT_TIMEOUT_S = 3
SILENCE_MS = 10_000
"""How long what was sent may stay unacknowledged before the connection counts as dead."""

STATEMENTS = 512
"""So many are remembered as psycopg wants them; some have times written into them."""
_ONCE = " ON CONFLICT DO NOTHING"
_MANY = 20
"""From so many rows on copying is faster."""

_HINTS: dict[Hint, str] = {
    "in days": "to_char(to_timestamp(started_at), 'YYYY-MM-DD')",
    "lock of exchanges": "LOCK TABLE exchange IN SHARE ROW EXCLUSIVE MODE",
    "lock of sums": "LOCK TABLE hourly, latency IN SHARE ROW EXCLUSIVE MODE",
}
_OF_THE_ROW = ("22", "23", "54")
"""Classes of SQLSTATE that blame the values: data, integrity, program limit.
Source: https://www.postgresql.org/docs/current/errcodes-appendix.html (read 2026-11)"""


class ServerConnection:
    """See `Connection`. `raw` is the connection underneath."""

    def __init__(self, server: Server, raw: psycopg.Connection[dict[str, Any]]) -> None:
        self.server = server
        self.raw = raw
        self._types: dict[str, Mapping[str, int]] = {}

    def rows(self, statement: str, values: Values = {}) -> list[Any]:  # noqa: B006
        """See `Connection.rows`."""
        with self._told():
            return self.raw.execute(_marked(statement), _sayable_values(values)).fetchall()

    def batches(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        """See `Connection.batches`."""
        with self._told(), self.raw.cursor("batches", row_factory=tuple_row) as cursor:
            cursor.execute(_marked(statement))
            while rows := cursor.fetchmany(BATCH):
                yield rows

    def write(self, statement: str, values: Values = {}) -> None:  # noqa: B006
        """See `Connection.write`."""
        with self._told():
            self.raw.execute(_marked(statement), _sayable_values(values))

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        once: bool = False,
    ) -> None:
        """See `Connection.insert`. Many rows are copied: that is several times as fast."""
        self._insert(table, columns, rows, _ONCE if once else "")

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> frozenset[Any]:
        """See `Connection.insert_new`."""
        key = columns[0]
        if len(rows) < _MANY:
            return self._insert_few(table, columns, rows, f"{_ONCE} RETURNING {key}")
        keys = {"keys": [row[0] for row in rows]}
        there = self.rows(f"SELECT {key} FROM {table} WHERE {key} = ANY(:keys)", keys)  # noqa: S608
        known = {row[key] for row in there}
        new = [row for row in rows if row[0] not in known]
        self._insert(table, columns, new, "")
        return frozenset(row[0] for row in new)

    def accumulate(
        self, table: str, keys: Sequence[str], sums: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """See `Connection.accumulate`."""
        self._insert(table, (*keys, *sums), rows, adding(table, keys, sums))

    def _insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], end: str
    ) -> None:
        if len(rows) < _MANY:
            self._insert_few(table, columns, rows, end)
            return
        if not end:
            self._copy(table, table, columns, rows)
            return
        # COPY knows no conflicts: what may be there already goes through a table of its own.
        names, incoming = ", ".join(columns), f"incoming_{table}"
        with self._told():
            self.raw.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS {incoming}"
                f" (LIKE {SCHEMA}.{table} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS".encode()
            )
            self._copy(incoming, table, columns, rows)
            self.raw.execute(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM {incoming}{end}".encode()  # noqa: S608
            )
            self.raw.execute(f"DELETE FROM {incoming}".encode())  # noqa: S608

    def _insert_few(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], end: str
    ) -> frozenset[Any]:
        """Insert rows one by one; give back what `end` has returned."""
        if not rows:
            return frozenset()
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        found: set[Any] = set()
        with self._told(), self.raw.cursor(row_factory=tuple_row) as cursor:
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks}){end}".encode(),  # noqa: S608
                _sayable_rows(rows),
                returning="RETURNING" in end,
            )
            while cursor.description:
                found.update(value for (value,) in cursor)
                if not cursor.nextset():
                    break
        return frozenset(found)

    def _copy(
        self, into: str, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Copy rows, in binary form, which is not read and written as text."""
        names, types = ", ".join(columns), self._types_of(table)
        with self._told(), self.raw.cursor() as cursor:
            copying = f"COPY {into} ({names}) FROM STDIN (FORMAT BINARY)".encode()
            with cursor.copy(copying) as copy:
                copy.set_types([types[name] for name in columns])
                for row in _sayable_rows(rows):
                    copy.write_row(row)

    def _types_of(self, table: str) -> Mapping[str, int]:
        """Read which types a table's columns have, once."""
        if table not in self._types:
            found = self.rows(
                "SELECT attname, atttypid FROM pg_attribute"
                " WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped",
                {"table": f"{SCHEMA}.{table}"},
            )
            self._types[table] = {row["attname"]: row["atttypid"] for row in found}
        return self._types[table]

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        """See `Connection.transaction`."""
        with self._database_told(), self.raw.transaction():
            if snapshot:
                self.raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def speak(self, hint: Hint) -> str:
        """See `Connection.speak`."""
        return _HINTS[hint]

    def close(self) -> None:
        """See `Connection.close`."""
        self.raw.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise as ours what the database says, and that it takes no such value."""
        try:
            with self._database_told():
                yield
        except (ValueError, TypeError, OverflowError) as error:
            raise unwritable(self.server, error) from None

    @contextmanager
    def _database_told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith(_OF_THE_ROW):
                raise unwritable(self.server, error) from None
            raise cannot(self.server, error) from None


def open_server(server: Server) -> ServerConnection:
    """Open a database, at our version. Raises: StoreError."""
    raw = _connect(server)
    try:
        if _version(server, raw) < VERSION:
            _migrate(server, raw)
    except psycopg.Error as error:
        raw.close()
        raise cannot(server, error) from None
    except BaseException:
        raw.close()
        raise
    return ServerConnection(server, raw)


def version_of_server(server: Server) -> int:
    """See `version_of`."""
    raw = _connect(server)
    try:
        return _version(server, raw)
    except psycopg.Error as error:
        raise cannot(server, error) from None
    finally:
        raw.close()


def _connect(server: Server) -> psycopg.Connection[dict[str, Any]]:
    """Connect; what is not named is looked for in our schema alone. Raises: StoreError."""
    try:
        connection = psycopg.connect(
            server.url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=CONNECT_TIMEOUT_S,
            tcp_user_timeout=SILENCE_MS,
            keepalives_idle=10,
            application_name="dragoman",
        )
    except psycopg.Error as error:
        hint = "see that the server runs there, and that user and password are right"
        raise cannot(server, error, hint=hint) from None
    try:
        connection.execute(
            "SELECT set_config('search_path', %s, false), set_config('TimeZone', %s, false)",
            (SCHEMA, _time_zone()),
        )
    except psycopg.Error as error:
        connection.close()
        raise cannot(server, error) from None
    return connection


def _version(server: Server, raw: psycopg.Connection[dict[str, Any]]) -> int:
    """Read the version; 0 where there is nothing yet. Raises: WrongDatabase."""
    found = raw.execute(
        "SELECT array_agg(relname::text) AS names FROM pg_class"
        " WHERE relnamespace = to_regnamespace(%s) AND relkind <> 'i'",
        (SCHEMA,),
    ).fetchone()
    assert found is not None
    tables = set(found["names"] or ())
    versions = (
        raw.execute("SELECT version_num FROM dragoman.alembic_version").fetchall()
        if "alembic_version" in tables
        else []
    )
    if not versions and tables <= {"alembic_version"}:  # empty, where somebody was killed at once
        return 0
    number = versions[0]["version_num"] if len(versions) == 1 and "exchange" in tables else ""
    if not re.fullmatch("[0-9]{4}", number):
        raise WrongDatabase(
            f"{server}: the schema {SCHEMA} in it is not dragoman's, or damaged",
            hint=f"name another database, or rename that schema: ALTER SCHEMA {SCHEMA} RENAME TO …",
        )
    if int(number) > VERSION:
        raise NewerDatabase(server)
    return int(number)


def _migrate(server: Server, raw: psycopg.Connection[dict[str, Any]]) -> None:
    """Bring the tables to our version, one process at a time. Raises: StoreError."""
    raw.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    try:
        # Read again: another process may have been faster.
        if _version(server, raw) < VERSION:
            from dragoman.store.migrations.upgrade import upgrade

            upgrade(server)
    finally:
        if not raw.closed:
            raw.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


@lru_cache(maxsize=STATEMENTS)
def _marked(statement: str) -> bytes:
    """Write the marks of values as psycopg has them."""
    return re.sub(r"(?<![:\w]):(\w+)", r"%(\1)s", statement.replace("%", "%%")).encode()


def _sayable_rows(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """See `_sayable`; to look at a column at once takes a tenth of the time."""
    for column in zip(*rows, strict=True):
        first = next((value for value in column if value is not None), None)
        if first.__class__ is str and "\0" in "".join(filter(None, column)):
            return [[_sayable(value) for value in row] for row in rows]
    return rows


def _sayable_values(values: Values) -> Values:
    return {name: _sayable(value) for name, value in values.items()}


def _sayable(value: Any) -> Any:
    """Write NUL as U+FFFD: PostgreSQL's text has none, and others decide what a model is called."""
    if value.__class__ is str and "\0" in value:
        return value.replace("\0", "\ufffd")
    return value


@cache
def _time_zone() -> str:
    """Find the name of the machine's time zone; UTC where there is none."""
    if name := os.environ.get("TZ", "").removeprefix(":"):
        return name
    _, found, name = str(Path("/etc/localtime").resolve()).rpartition("/zoneinfo/")
    return name if found else "UTC"
