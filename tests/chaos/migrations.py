"""Migrations that are killed, at every statement of theirs."""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import psycopg

from dragoman.store.database import Place, Server, open_database
from dragoman.store.migrations.upgrade import upgrade
from dragoman.store.schema import VERSION
from tests.store.rows import Columns, Digest, columns_of, digest, fill_every_table
from tests.upstream.postgres import PostgresServer, find_binaries

CASES = Path(__file__).parent.parent / "store" / "cases"
POINTS = 20
OTHERS = 100
"""Rows in each of the tables that are not of exchanges."""
EXCHANGES = (
    "INSERT INTO {schema}exchange (id, started_at, source, asked, outcome)"
    " SELECT 'req_' || n, n, 'cli', 'a/m', 'ok' FROM ({numbers}) AS numbers"
)
MESSAGES = (
    "INSERT INTO {schema}message (exchange_id, position, direction, role, parts)"
    " SELECT id, 0, 'in', 'user', '[]' FROM {schema}exchange"
)
FOREIGN = ("CREATE TABLE theirs (name TEXT)", "INSERT INTO theirs VALUES ('a'), ('b')")


def migrations(*, full: bool) -> Mapping[str, float]:
    """Kill migrations of every past version at 20 points: no row is lost, others' are untouched."""
    rows, points = (100_000, POINTS) if full else (200, 2)
    chance = random.Random(26)
    killed = 0
    with contextlib.ExitStack() as stack:
        kinds: list[_Kind] = [_Files(Path(stack.enter_context(TemporaryDirectory())), rows)]
        if binaries := find_binaries():
            kinds.append(_Databases(stack.enter_context(PostgresServer(binaries)), rows))
        for kind in kinds:
            for version in range(1, VERSION):
                old = kind.make(version)
                columns = columns_of(old)
                before = digest(old, columns)
                assert before["exchange"][0] == before["message"][0] == rows + OTHERS
                assert all(count >= OTHERS for count, _ in before.values()), before
                count = _migrate(kind.copy(old), None)
                chosen = {count * point // POINTS for point in range(POINTS)}
                for point in sorted(chance.sample(sorted(chosen), min(points, len(chosen)))):
                    place = kind.copy(old)
                    _migrate(place, point)
                    _check(place, columns, before)
                    killed += 1
                    with closing(open_database(place)) as connection:  # the next one to come
                        (said,) = connection.rows(
                            "SELECT count(*) AS n FROM exchange WHERE turn = 1 AND asked = 'a/m'"
                        )
                    assert said["n"] == rows
                    _check(place, columns, before)
    return {"kinds": len(kinds), "versions": VERSION - 1, "rows": rows, "killed": killed}


def _migrate(place: Place, point: int | None) -> int:
    """Migrate in a process that dies before a statement; without one, count the statements."""
    url = place.url if isinstance(place, Server) else f"sqlite:///{place}"
    program = [sys.executable, "-m", "tests.chaos.killed_migration", url]
    program += [] if point is None else [str(point)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if point is None else -signal.SIGKILL), done.stderr
    return int(done.stdout or 0)


def _check(place: Place, columns: Columns, before: Digest) -> None:
    """See that all there was is there, whatever the version is now; and others' tables."""
    if isinstance(place, Server):
        with psycopg.connect(place.url) as connection:
            theirs = connection.execute("SELECT name FROM theirs ORDER BY name").fetchall()
        connection.close()
    else:
        with closing(sqlite3.connect(place)) as file:
            theirs = file.execute("SELECT name FROM theirs ORDER BY name").fetchall()
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    assert theirs == [("a",), ("b",)]
    now = digest(place, columns)
    wrong = {name: (before[name][0], now[name][0]) for name in now if before[name] != now[name]}
    assert not wrong, f"rows before and now, or what is in them, differ: {wrong}"


class _Kind(Protocol):
    def make(self, version: int) -> Place:
        """Make a database as an older dragoman left it."""
        ...

    def copy(self, place: Any) -> Place:
        """Make another like it."""
        ...


class _Files:
    def __init__(self, folder: Path, rows: int) -> None:
        self._folder = folder
        self._rows = rows
        self._numbers = itertools.count()

    def make(self, version: int) -> Path:
        path = self._folder / f"version-{version}.db"
        numbers = (
            "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted"
            f" WHERE n < {self._rows}) SELECT n FROM counted"
        )
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript((CASES / f"version-{version}.sql").read_text())
            for statement in _filling(version, "", numbers):
                connection.execute(statement)
            connection.commit()
        fill_every_table(path, OTHERS)
        return path

    def copy(self, place: Path) -> Path:
        return Path(shutil.copy(place, self._folder / f"copy-{next(self._numbers)}.db"))


class _Databases:
    def __init__(self, server: PostgresServer, rows: int) -> None:
        self._server = server
        self._rows = rows

    def make(self, version: int) -> Server:
        made = self._server.new()
        upgrade(made, f"{version:04}")
        numbers = f"SELECT generate_series(1, {self._rows}) AS n"
        with psycopg.connect(made.url) as connection:
            for statement in _filling(version, "dragoman.", numbers):
                connection.execute(statement.encode())
        connection.close()
        fill_every_table(made, OTHERS)
        return made

    def copy(self, place: Server) -> Server:
        return self._server.new(place)


def _filling(version: int, schema: str, numbers: str) -> Iterator[str]:
    for statement in (EXCHANGES, MESSAGES, *FOREIGN):
        yield statement.format(schema=schema, numbers=numbers)
    if version > 1:
        yield f"UPDATE {schema}exchange SET turn = 1"
