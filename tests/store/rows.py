"""Rows in every table of a database, of this version or an older one, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Engine, MetaData, Table, create_engine, pool, text
from sqlalchemy.types import BigInteger, Float, Integer

from dragoman.store.database import Place, Server
from dragoman.store.postgres import SCHEMA
from dragoman.store.schema import TABLES

LARGE = 2**62
"""More than four bytes hold, and more than a double does exactly."""
CHOICES = {("message", "direction"): ("in", "out")}
"""Columns that take some texts alone."""

Columns = Mapping[str, tuple[str, ...]]
Digest = Mapping[str, tuple[int, int]]
"""By table: how many rows it has, and a sum over all that is in them."""


@contextmanager
def _engine(place: Place) -> Iterator[Engine]:
    """Open a database as it is: nothing is migrated."""
    if isinstance(place, Server):
        url = place.url.replace("postgresql://", "postgresql+psycopg://", 1)
        options = {"options": f"-csearch_path={SCHEMA}"}
    else:
        url, options = f"sqlite:///{place}", {}
    engine = create_engine(url, poolclass=pool.NullPool, connect_args=options)
    try:
        yield engine
    finally:
        engine.dispose()


def _tables(engine: Engine) -> list[Table]:
    known = MetaData()
    known.reflect(engine, only=lambda name, _: name in TABLES)
    return known.sorted_tables


def fill_every_table(place: Place, count: int = 3) -> None:
    """Add so many rows to each table, with something in every column.

    Numbers are large, texts have quotes, line ends and what is beyond ASCII.
    """
    with _engine(place) as engine, engine.begin() as connection:
        for table in _tables(engine):
            rows = [
                {column.name: _value(column, number) for column in table.columns}
                for number in range(count)
            ]
            connection.execute(table.insert(), rows)


def _value(column: Column[Any], number: int) -> Any:
    for key in column.foreign_keys:  # the row of the same number there
        return _value(key.column, number)
    where = (column.table.name, column.name)
    if choices := CHOICES.get(where):
        return choices[number % len(choices)]
    if isinstance(column.type, BigInteger):
        return LARGE + number
    if isinstance(column.type, Integer):
        return number + 100
    if isinstance(column.type, Float):
        return number + 1 / 3
    return f"{'.'.join(where)} 'é\"\\\r\n\t🦉' {number}"


def columns_of(place: Place) -> Columns:
    """List the columns that its tables have."""
    with _engine(place) as engine:
        return {table.name: tuple(table.columns.keys()) for table in _tables(engine)}


def digest(place: Place, columns: Columns) -> Digest:
    """Sum up what is in these columns; their tables may have more by now."""
    found = {}
    with _engine(place) as engine, engine.connect() as connection:
        for name, wanted in columns.items():
            count = total = 0
            for row in connection.execute(text(f"SELECT {', '.join(wanted)} FROM {name}")):
                count += 1
                total += hash(tuple(row))
            found[name] = (count, total)
    return found
