"""Keeps what is counted of quotas and what the database says of them in step.

What an exchange used is added up in the transaction that writes it (`ledger.accounting`). Here is
told what the sums are by then: to whoever counts for all workers, and, when most or all of a quota
is used, to whoever wants to hear of it.

Law: that much was used is told once for each period: it is noted in the same transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from dragoman.ledger.accounting import add_up
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.shared import Consumed, RedisCounters
from dragoman.store.database import is_there
from dragoman.types.allowance import Allowance
from dragoman.types.exchange import Exchange

if TYPE_CHECKING:
    from dragoman.ledger.counting import Line
    from dragoman.organisations.desk import Desk
    from dragoman.store.database import Connection

MARKS = (80, 100)
"""Percent of a quota, at which it is told how much is used."""

Key: TypeAlias = tuple[str, str, int]
"""An allowance's id, the subject, when its period began."""


class Reached(Struct, frozen=True):
    """So many percent of a quota are used up, for the first time in its period."""

    allowance: Allowance
    subject: str
    since: int
    percent: int
    used: int


class Spending:
    """What the drain calls from its thread. `reached` is called there, too.

    `allowances` looks up what there is by id.
    """

    def __init__(
        self,
        counters: MemoryCounters | RedisCounters,
        desk: Desk,
        allowances: Callable[[], Mapping[str, Allowance]],
        reached: Callable[[Sequence[Reached]], None],
        looked: Callable[[], None],
    ) -> None:
        self._counters = counters
        self._desk = desk
        self._allowances = allowances
        self._reached = reached
        self._looked = looked
        self._loop = asyncio.get_running_loop()
        self._ready = isinstance(counters, RedisCounters)

    def follow(self, connection: Connection, exchanges: Sequence[Exchange]) -> None:
        """Look at the sums, in the transaction that has just added to them. Raises: StoreError."""
        if not any(exchange.charges for exchange in exchanges):
            return
        keys = sorted({key[:3] for key in add_up(exchanges)})
        totals = dict(zip(keys, read_totals(connection, keys), strict=True))
        self._publish(exchanges, totals)
        reached = list(self._notable(connection, totals))
        if reached:
            self._reached(reached)

    def found(self, exchanges: Sequence[Exchange]) -> None:
        """Take note of what dead workers had used. Raises: StoreError."""
        if not any(exchange.charges for exchange in exchanges):
            return
        sums = add_up(exchanges)
        if isinstance(self._counters, RedisCounters):
            keys = [row[:3] for row in sums]
            with self._desk.read() as connection:
                totals = dict(zip(keys, read_totals(connection, keys), strict=True))
            self._publish(exchanges, totals)
        elif self._ready:
            found = {row[:3]: row[3] for row in sums}
            self._soon(lambda: self._add(found))

    def adopted(self, worker: str) -> None:
        """Take note that all that a dead worker left is written: what it held besides is free."""
        if isinstance(self._counters, RedisCounters):
            counters = self._counters
            self._soon(lambda: counters.abandoned(worker))

    def looked(self) -> None:
        """Take note that no dead worker's journal is left to be read. Raises: StoreError."""
        if self._ready:
            return
        rows = []
        if is_there(self._desk.place):
            with self._desk.read() as connection:
                rows = connection.rows("SELECT * FROM consumption")
        used = {(r["allowance_id"], r["subject"], int(r["since"])): int(r["amount"]) for r in rows}
        self._ready = True
        self._soon(lambda: self._load(used))

    def _notable(self, connection: Connection, totals: Mapping[Key, int]) -> Iterable[Reached]:
        known = self._allowances()
        for (id_, subject, since), used in totals.items():
            allowance = known.get(id_)
            if allowance is None:
                continue
            for percent in MARKS:
                if used * 100 < allowance.amount * percent:
                    break
                values = {"id": id_, "subject": subject, "since": since, "percent": percent}
                where = "allowance_id = :id AND subject = :subject AND since = :since"
                if connection.rows(
                    f"SELECT 1 AS told FROM alert WHERE {where} AND percent = :percent",  # noqa: S608
                    values,
                ):
                    continue
                columns = ("allowance_id", "subject", "since", "percent", "at")
                row = (id_, subject, since, percent, time.time())
                connection.insert("alert", columns, [row], once=True)
                yield Reached(allowance, subject, since, percent, used)

    def _publish(self, exchanges: Sequence[Exchange], totals: Mapping[Key, int]) -> None:
        if not isinstance(self._counters, RedisCounters):
            return
        written = self._counters.written
        rows = [
            Consumed(
                exchange.id,
                charge.allowance_id,
                charge.subject,
                charge.since,
                totals.get((charge.allowance_id, charge.subject, charge.since), 0),
            )
            for exchange in exchanges
            for charge in exchange.charges
        ]
        self._soon(lambda: written(rows))

    def _load(self, used: Mapping[Key, int]) -> None:
        assert isinstance(self._counters, MemoryCounters)
        self._counters.load(used)
        self._looked()

    def _add(self, found: Mapping[Key, int]) -> None:
        assert isinstance(self._counters, MemoryCounters)
        self._counters.add(found)

    def _soon(self, what: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)


def read_totals(connection: Connection, keys: Sequence[Key]) -> Sequence[int]:
    """Read what was used of quotas. Raises: StoreError."""
    totals: list[int] = []
    for id_, subject, since in keys:
        rows = connection.rows(
            "SELECT amount FROM consumption"
            " WHERE allowance_id = :id AND subject = :subject AND since = :since",
            {"id": id_, "subject": subject, "since": since},
        )
        totals.append(int(rows[0]["amount"]) if rows else 0)
    return totals


def reader(desk: Desk) -> Callable[[Sequence[Line]], Awaitable[Sequence[int]]]:
    """Make what reads, for an event loop, what was used of quotas."""

    def read(lines: Sequence[Line]) -> Sequence[int]:
        with desk.read() as connection:
            return read_totals(connection, [(x.allowance.id, x.subject, x.since) for x in lines])

    async def read_used(lines: Sequence[Line]) -> Sequence[int]:
        return await asyncio.to_thread(read, lines)

    return read_used
