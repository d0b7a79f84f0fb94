"""The hourly sums made anew from the exchanges, with the same result as when they were written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby

from msgspec import Struct

from dragoman.ledger.rollups import KEY, LATENCY_KEY, LATENCY_SUMS, SUMS, Tally, tally
from dragoman.store.database import Connection
from dragoman.store.forgotten import forgotten_before
from dragoman.store.records import attempt_of
from dragoman.types.calendar import DAY_S, HOUR_S
from dragoman.types.exchange import Exchange

_READ = (
    *("id", "asked", "started_at", "duration_s", "first_token_s", "outcome", "gateway_key"),
    *("organisation_id", "project_id", "account_id", "key_id", "tag"),
)


class Rebuilt(Struct, frozen=True):
    """What was added up anew: hours with exchanges in them, and how many of those.

    `left`: hours before this Unix time were left as they are, since exchanges of then have been
    deleted; None where all could be.
    """

    hours: int
    exchanges: int
    left: float | None


def rebuild(
    connection: Connection, *, since: float | None = None, until: float | None = None
) -> Rebuilt:
    """Make the sums of whole hours anew; `since` and `until` are Unix time, None all there is.

    One transaction for each hour: whoever writes waits no longer than one takes. Sums of hours of
    which exchanges have been deleted stay: they are all that is left of them.

    Raises: StoreError; hours that were done stay done.
    """
    left = forgotten_before(connection)
    first = _floor(max(since or 0.0, 0.0))
    if left is not None and left > first:
        first = _floor(left - 1) + HOUR_S
    else:
        left = None
    hours = exchanges = 0
    for hour in _hours(connection, first, until):
        began = time.monotonic()
        with connection.transaction():
            if lock := connection.speak("lock of sums"):
                connection.write(lock)
            found = list(_exchanges(connection, hour))
            _replace(connection, hour, tally(found))
        hours += bool(found)
        exchanges += len(found)
        # SQLite has no queue: who waits to write must find a moment in which nobody does.
        time.sleep(time.monotonic() - began)
    return Rebuilt(hours, exchanges, left)


def _replace(connection: Connection, hour: int, found: Tally) -> None:
    """Write the sums of an hour in place of those that are there; days are made of their hours."""
    day = hour // DAY_S * DAY_S
    within = {"hour": hour, "day": day, "next": day + DAY_S}
    for table, key, sums, rows in (
        ("hourly", KEY, SUMS, found.hourly),
        ("latency", LATENCY_KEY, LATENCY_SUMS, found.latency),
    ):
        connection.write(
            f"DELETE FROM {table} WHERE (hour = :hour AND level NOT LIKE '% day')"  # noqa: S608
            " OR (hour = :day AND level LIKE '% day')",
            within,
        )
        of_hours = [row for row in rows if not row[1].endswith(" day")]
        if of_hours:
            connection.accumulate(table, key, sums, of_hours)
        told = ", ".join(name for name in key if name not in ("level", "hour"))
        added = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in sums)
        for level in ("model", "key"):
            connection.write(
                f"INSERT INTO {table} (level, hour, {told}, {', '.join(sums)})"  # noqa: S608
                f" SELECT '{level} day', CAST(:day AS BIGINT), {told}, {added} FROM {table}"
                f" WHERE level = '{level}' AND hour >= :day AND hour < :next GROUP BY {told}",
                within,
            )


def rebuild_missing(connection: Connection) -> Rebuilt | None:
    """Make the sums of exchanges that are older than all sums: they were written without them.

    None: there are none. Raises: StoreError.
    """
    (row,) = connection.rows(
        "SELECT (SELECT min(started_at) FROM exchange) AS begun,"
        " (SELECT min(hour) FROM hourly WHERE level = 'total') AS summed"
    )
    begun, summed = row["begun"], row["summed"]
    if begun is None or (summed is not None and _floor(begun) >= summed):
        return None
    # The first hour that has sums may have them in part.
    return rebuild(connection, until=None if summed is None else summed + HOUR_S)


def _hours(connection: Connection, first: int, until: float | None) -> Iterator[int]:
    """Yield the hours that have exchanges or sums, one after the other."""
    last = float("inf") if until is None else until
    at = first
    while True:
        (row,) = connection.rows(
            "SELECT (SELECT min(started_at) FROM exchange WHERE started_at >= :at) AS begun,"
            " (SELECT min(hour) FROM hourly WHERE hour >= :hour) AS summed",
            {"at": float(at), "hour": at},
        )
        known = [value for value in (row["begun"], row["summed"]) if value is not None]
        if not known or min(known) >= last:
            return
        hour = _floor(min(known))
        yield hour
        at = hour + HOUR_S


def _exchanges(connection: Connection, hour: int) -> Iterator[Exchange]:
    """Read the exchanges of an hour, as far as sums need them."""
    within = {"since": float(hour), "until": float(hour + HOUR_S)}
    tried = connection.rows(
        "SELECT attempt.* FROM attempt JOIN exchange ON exchange.id = exchange_id"
        " WHERE exchange.started_at >= :since AND exchange.started_at < :until"
        " ORDER BY exchange_id, number",
        within,
    )
    attempts = {
        exchange_id: [attempt_of(row) for row in rows]
        for exchange_id, rows in groupby(tried, key=lambda row: row["exchange_id"])
    }
    for row in connection.rows(
        f"SELECT {', '.join(_READ)} FROM exchange"  # noqa: S608
        " WHERE started_at >= :since AND started_at < :until",
        within,
    ):
        named = {name: row[name] for name in _READ}
        named["key"] = named.pop("gateway_key")
        yield Exchange(**named, attempts=attempts.get(row["id"], []))


def _floor(at: float) -> int:
    return int(at // HOUR_S) * HOUR_S
