"""Keeps the counters of quotas in step with the sums that the database has of them.

What an exchange used is added to the sums in the transaction that writes it (`ledger.accounting`).
From there the new sums go to the counters (in memory, or in Redis), and, when a sum passes 80 or
100 % of its quota, to whoever wants to know.

Law: each of these marks is told once in a period: that it was is noted in the same transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.ledger.accounting import Charged, add_up, buckets_of, charged
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.shared import Consumed, RedisCounters
from dragoman.server.limits.late import LateCharges
from dragoman.store.database import is_there
from dragoman.store.spent import (
    begin,
    note_in_force,
    read_counted,
    read_earlier,
    read_in_force,
)
from dragoman.types.allowance import Allowance, Bucket
from dragoman.types.calendar import find_span
from dragoman.types.exchange import Exchange

if TYPE_CHECKING:
    from dragoman.ledger.counting import Line
    from dragoman.organisations.desk import Desk
    from dragoman.store.database import Connection

MARKS = (80, 100)
"""At these percentages of a quota it is announced how much is used."""
NOBODYS = ""
"""The hold of what is told without anybody's having held it."""


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
        reached: Callable[[Connection, Sequence[Reached]], None],
        looked: Callable[[], None],
    ) -> None:
        self._counters = counters
        self._desk = desk
        self._allowances = allowances
        self._reached = reached
        self._looked = looked
        self._loop = asyncio.get_running_loop()
        self._ready = isinstance(counters, RedisCounters)
        self._file: Sequence[Allowance] = ()
        self._begun: Sequence[Allowance] = ()
        self._periods: Mapping[str, str] | None = None
        self._late = LateCharges(lambda: self._file)
        self._noted: Mapping[str, Allowance] = {}

    def follow(self, connection: Connection, exchanges: Sequence[Exchange]) -> None:
        """Publish the sums, in the transaction that has just added to them. Raises: StoreError."""
        late = self._late.follow(connection, exchanges)
        buckets = buckets_of(exchanges) | _buckets(late)
        if not buckets:
            return
        totals = _totals(connection, buckets)
        self._publish(chain(charged(exchanges), late), totals)
        if late and isinstance(self._counters, MemoryCounters):
            self._tell_earlier(read_earlier(connection, _buckets(late)))
        used = {bucket: total for bucket, total in totals.items() if total}
        self._look_at_marks(connection, self._allowances(), used)

    def begin(self, file: Sequence[Allowance]) -> None:
        """Begin to count the quotas of a configuration, before they are in force.

        Raises: StoreError. What has failed is tried again by `looked`.
        """
        self._file = [one for one in file if one.is_quota]
        self._begin()

    def _begin(self) -> None:
        """Count what was used of them; of those that were not in force until now, anew."""
        quotas = self._file
        if quotas is self._begun:
            return
        periods = {one.id: one.period for one in quotas}
        if is_there(self._desk.place):
            now = self._desk.clock()
            with self._desk.read() as connection:
                before = read_in_force(connection) if self._periods is None else self._periods
                resumed = [one for one in quotas if before.get(one.id) != one.period]
                for one in quotas:
                    with connection.transaction():
                        begin(connection, one, now, anew=one in resumed)
                if read_in_force(connection) != periods:
                    with connection.transaction():
                        note_in_force(connection, periods, now)
                if isinstance(self._counters, MemoryCounters):
                    self._tell_earlier(read_earlier(connection))
                else:
                    self._tell_counted(connection, resumed, now)
        self._begun, self._periods = quotas, periods

    def _tell_counted(
        self, connection: Connection, quotas: Sequence[Allowance], now: float
    ) -> None:
        """Tell Redis, which may remember less, what is counted of quotas."""
        assert isinstance(self._counters, RedisCounters)
        rows = []
        for one in quotas:
            since = find_span(one.period, now)[0]
            for subject, amount in read_counted(connection, one, since).items():
                rows.append(Consumed(NOBODYS, one.id, subject, since, amount))
        written = self._counters.written
        self._soon(lambda: written(rows))

    def found(self, exchanges: Sequence[Exchange]) -> None:
        """Publish what dead workers had used, as their journals tell. Raises: StoreError."""
        charges = list(charged(exchanges))
        if not charges:
            return
        if isinstance(self._counters, RedisCounters):
            with self._desk.read() as connection:
                totals = _totals(connection, _buckets(charges))
            self._publish(charges, totals)
        elif self._ready:
            found = dict(add_up(charges))
            self._soon(lambda: self._add(found))

    def adopted(self, worker: str) -> None:
        """Release what a dead worker still held, now that all of its journal is written."""
        if isinstance(self._counters, RedisCounters):
            counters = self._counters
            self._soon(lambda: counters.abandoned(worker))

    def looked(self) -> None:
        """Load the sums, at the first call: no dead worker's journal is left that adds to them.

        It is called every few seconds, so quotas that have been set since are looked at here, too.
        Raises: StoreError.
        """
        self._begin()
        self._look_at_new()
        if self._ready:
            return
        rows = []
        if is_there(self._desk.place):
            with self._desk.read() as connection:
                rows = connection.rows("SELECT * FROM consumption")
        used = {
            (r["allowance_id"], r["subject"], int(r["since"])): int(r["amount"]) - int(r["earlier"])
            for r in rows
        }
        self._ready = True
        self._tell_earlier(
            {(r["allowance_id"], r["subject"], int(r["since"])): int(r["earlier"]) for r in rows}
        )
        self._soon(lambda: self._load(used))

    def _look_at_new(self) -> None:
        """Announce the marks that are passed already when a quota is set or lowered."""
        known = self._allowances()
        if known is self._noted or not is_there(self._desk.place):
            return
        now = self._desk.clock()
        since = {id_: find_span(a.period, now)[0] for id_, a in known.items() if a.is_quota}
        if since:
            with self._desk.read() as connection, connection.transaction():
                totals = {
                    (row["allowance_id"], row["subject"], int(row["since"])): int(row["amount"])
                    for row in connection.rows("SELECT * FROM consumption")
                    if since.get(row["allowance_id"]) == row["since"]
                }
                self._look_at_marks(connection, known, totals)
        self._noted = known

    def _look_at_marks(
        self, connection: Connection, known: Mapping[str, Allowance], totals: Mapping[Bucket, int]
    ) -> None:
        reached = [
            Reached(known[id_], subject, since, percent, used)
            for (id_, subject, since), used in totals.items()
            if id_ in known
            for percent in MARKS
            if used * 100 >= known[id_].amount * percent
        ]
        first = [mark for mark in reached if _is_first(connection, mark)]
        if first:
            self._reached(connection, first)

    def _publish(self, charges: Iterable[Charged], totals: Mapping[Bucket, int]) -> None:
        if not isinstance(self._counters, RedisCounters):
            return
        written = self._counters.written
        rows = [
            Consumed(exchange.id, *charge.bucket, totals[charge.bucket])
            for exchange, charge in charges
        ]
        self._soon(lambda: written(rows))

    def _tell_earlier(self, earlier: Mapping[Bucket, int]) -> None:
        counters = self._counters
        assert isinstance(counters, MemoryCounters)
        self._soon(lambda: counters.know_earlier(earlier))

    def _load(self, used: Mapping[Bucket, int]) -> None:
        assert isinstance(self._counters, MemoryCounters)
        self._counters.load(used)
        self._looked()

    def _add(self, found: Mapping[Bucket, int]) -> None:
        assert isinstance(self._counters, MemoryCounters)
        self._counters.add(found)

    def _soon(self, what: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)


def _buckets(charges: Iterable[Charged]) -> set[Bucket]:
    return {charge.bucket for _, charge in charges}


def _totals(connection: Connection, buckets: Iterable[Bucket]) -> dict[Bucket, int]:
    ordered = sorted(buckets)
    return dict(zip(ordered, read_totals(connection, ordered), strict=True))


def _is_first(connection: Connection, mark: Reached) -> bool:
    """Note that a mark is announced; False where some worker has done so before."""
    return bool(
        connection.rows(
            "INSERT INTO alert (allowance_id, subject, since, percent, at)"
            " VALUES (:id, :subject, :since, :percent, :at)"
            " ON CONFLICT DO NOTHING RETURNING percent",
            {
                "id": mark.allowance.id,
                "subject": mark.subject,
                "since": mark.since,
                "percent": mark.percent,
                "at": time.time(),
            },
        )
    )


def read_totals(connection: Connection, buckets: Sequence[Bucket]) -> Sequence[int]:
    """Read what was used of quotas. Raises: StoreError."""
    totals: list[int] = []
    for id_, subject, since in buckets:
        rows = connection.rows(
            "SELECT amount FROM consumption"
            " WHERE allowance_id = :id AND subject = :subject AND since = :since",
            {"id": id_, "subject": subject, "since": since},
        )
        totals.append(int(rows[0]["amount"]) if rows else 0)
    return totals


def reader(desk: Desk) -> Callable[[Sequence[Line]], Awaitable[Sequence[int]]]:
    """Make a function that reads sums of quotas without blocking the event loop."""

    def read(lines: Sequence[Line]) -> Sequence[int]:
        with desk.read() as connection:
            return read_totals(connection, [line.term.bucket for line in lines])

    async def read_used(lines: Sequence[Line]) -> Sequence[int]:
        return await asyncio.to_thread(read, lines)

    return read_used
