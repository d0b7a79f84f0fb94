"""The hourly sums of exchanges: written with them, or anew from them, with the same result.

Law: whoever inserts exchanges adds them up here in the same transaction, once. Sums are whole
numbers, so that the order of additions never shows.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from dragoman.ledger.latencies import FIRST_S, TOOK_S, bucket_of
from dragoman.store.database import Connection
from dragoman.store.records import attempt_of
from dragoman.store.schema import TABLES
from dragoman.store.spent import forgotten_before
from dragoman.types.calendar import DAY_S, HOUR_S
from dragoman.types.exchange import Attempt, Exchange

KEY = (
    *("organisation_id", "level", "hour", "tag"),
    *("project_id", "account_id", "key_id", "gateway_key", "provider", "model"),
)
SUMS = TABLES["hourly"][len(KEY) :]
LATENCY_KEY = ("organisation_id", "level", "hour", "tag", "provider", "model")
LATENCY_SUMS = TABLES["latency"][len(LATENCY_KEY) :]
_AT: Mapping[str, int] = {name: number for number, name in enumerate(SUMS)}

_STOPPED = ("client_closed", "interrupted")
_ANSWERED = ("ok", "truncated", "client_closed")

_REQUESTS, _FAILED, _STOPPED_AT, _DURATION = (
    _AT[name] for name in ("requests", "failed", "stopped", "duration_ms")
)
_FALLBACKS = _AT["fallbacks"]
_ATTEMPTS, _FAILED_ATTEMPTS = _AT["attempts"], _AT["failed_attempts"]
_FIRST = LATENCY_SUMS.index("first_0")
_PROMPT, _COMPLETION, _REASONING = (
    _AT[name] for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens")
)
_CACHE_READ, _CACHE_WRITE = _AT["cache_read_tokens"], _AT["cache_write_tokens"]
_COST, _PRICED, _DEMO = _AT["cost_nanousd"], _AT["priced"], _AT["demo_nanousd"]
_UNKNOWN, _ESTIMATED, _UNMETERED = _AT["unknown"], _AT["estimated"], _AT["unmetered"]

_Key = tuple[Any, ...]


class Tally(Struct, frozen=True):
    """Rows of the two tables, sorted by their keys."""

    hourly: Sequence[tuple[Any, ...]]
    latency: Sequence[tuple[Any, ...]]


def follow(connection: Connection, exchanges: Sequence[Exchange]) -> None:
    """Add exchanges that were just inserted to the sums, in the transaction that inserts them.

    Raises: StoreError.
    """
    found = tally(exchanges)
    if found.hourly:
        connection.accumulate("hourly", KEY, SUMS, found.hourly)
    if found.latency:
        connection.accumulate("latency", LATENCY_KEY, LATENCY_SUMS, found.latency)


def tally(exchanges: Iterable[Exchange]) -> Tally:
    """Add exchanges up, on every level."""
    finest: dict[_Key, list[int]] = defaultdict(lambda: [0] * len(SUMS))
    times: dict[_Key, list[int]] = defaultdict(lambda: [0] * len(LATENCY_SUMS))
    for exchange in exchanges:
        organisation, tag = exchange.organisation_id, exchange.tag or ""
        hour = int(exchange.started_at // HOUR_S) * HOUR_S
        whose = (
            *(organisation, hour, tag, exchange.project_id or "", exchange.account_id or ""),
            *(exchange.key_id or "", exchange.key or ""),
        )
        final = exchange.final
        what = ("", "") if final is None else (final.provider, final.model)
        sums = finest[*whose, *what]
        sums[_REQUESTS] += 1
        sums[_DURATION] += round(exchange.duration_s * 1000)
        fallen_back = False
        for attempt in exchange.attempts:
            if attempt is final:
                _add_attempt(sums, attempt)
            else:
                _add_attempt(finest[*whose, attempt.provider, attempt.model], attempt)
            if attempt.kind == "fallback":
                fallen_back = True
        answered, first_s = exchange.outcome == "ok", exchange.first_token_s
        if answered:
            sums[_FALLBACKS] += fallen_back
        else:
            sums[_STOPPED_AT if exchange.outcome in _STOPPED else _FAILED] += 1
        if answered or first_s is not None:
            counts = times[organisation, hour, tag, *what]
            if answered:
                counts[bucket_of(exchange.duration_s, TOOK_S)] += 1
            if first_s is not None:
                counts[_FIRST + bucket_of(first_s, FIRST_S)] += 1
    return Tally(_on_levels(finest), _times_on_levels(times))


def _on_levels(finest: Mapping[_Key, list[int]]) -> list[tuple[Any, ...]]:
    found: dict[_Key, list[int]] = {}
    for (organisation, hour, tag, *rest), sums in finest.items():
        whose, what = rest[:4], rest[4:]
        day = hour // DAY_S * DAY_S
        found[organisation, "all", hour, tag, *rest] = sums
        for key in (
            (organisation, "total", hour, tag, *_NOBODY, *_NOTHING),
            (organisation, "model", hour, tag, *_NOBODY, *what),
            (organisation, "model day", day, tag, *_NOBODY, *what),
            (organisation, "key", hour, tag, *whose, *_NOTHING),
            (organisation, "key day", day, tag, *whose, *_NOTHING),
        ):
            _fold(found, key, sums)
    return [(*key, *found[key]) for key in sorted(found)]


def _times_on_levels(times: Mapping[_Key, list[int]]) -> list[tuple[Any, ...]]:
    found: dict[_Key, list[int]] = {}
    for (organisation, hour, tag, *what), counts in times.items():
        day = hour // DAY_S * DAY_S
        for key in (
            (organisation, "total", hour, tag, *_NOTHING),
            (organisation, "model", hour, tag, *what),
            (organisation, "model day", day, tag, *what),
        ):
            _fold(found, key, counts)
    return [(*key, *found[key]) for key in sorted(found)]


def _fold(found: dict[_Key, list[int]], key: _Key, sums: list[int]) -> None:
    known = found.get(key)
    found[key] = sums if known is None else list(map(int.__add__, known, sums))


_NOBODY = ("", "", "", "")
_NOTHING = ("", "")


def _add_attempt(sums: list[int], attempt: Attempt) -> None:
    """Add an attempt: as `store/records.py` has it in SQL."""
    outcome, usage, cost = attempt.outcome, attempt.usage, attempt.cost_nanousd
    answered = outcome in _ANSWERED
    sums[_ATTEMPTS] += 1
    if outcome != "ok" and outcome not in _STOPPED:
        sums[_FAILED_ATTEMPTS] += 1
    if usage is not None:
        sums[_PROMPT] += usage.prompt_tokens or 0
        sums[_COMPLETION] += usage.completion_tokens or 0
        sums[_CACHE_READ] += usage.cache_read_tokens or 0
        sums[_CACHE_WRITE] += usage.cache_write_tokens or 0
        sums[_REASONING] += usage.reasoning_tokens or 0
    completed = usage is not None and usage.completion_tokens is not None
    if cost is None:
        if answered or completed:
            sums[_UNKNOWN] += 1
    elif attempt.cost_source == "demo":
        sums[_DEMO] += cost
    else:
        sums[_COST] += cost
        sums[_PRICED] += 1
    if attempt.cost_source == "estimated" or (usage is not None and usage.estimated):
        sums[_ESTIMATED] += 1
    if answered and not completed and (usage is None or usage.prompt_tokens is None):
        sums[_UNMETERED] += 1


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


_READ = (
    *("id", "asked", "started_at", "duration_s", "first_token_s", "outcome", "gateway_key"),
    *("organisation_id", "project_id", "account_id", "key_id", "tag"),
)


def _floor(at: float) -> int:
    return int(at // HOUR_S) * HOUR_S
