"""The hourly sums of exchanges: written with them, or anew from them, with the same result.

Law: whoever inserts exchanges adds them up here in the same transaction, once. Sums are whole
numbers, so that the order of additions never shows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.ledger.latencies import FIRST_S, TOOK_S, bucket_of
from dragoman.store.database import Connection
from dragoman.store.records import attempt_of
from dragoman.store.schema import TABLES
from dragoman.types.exchange import Attempt, Exchange

HOUR_S = 3600
KEY = (
    *("organisation_id", "level", "hour", "tag"),
    *("project_id", "account_id", "key_id", "gateway_key", "provider", "model"),
)
SUMS = TABLES["hourly"][len(KEY) :]
_AT: Mapping[str, int] = {name: number for number, name in enumerate(SUMS)}

FORGOTTEN = "ledger.forgotten"
"""The setting that holds before which time exchanges have been deleted, in Unix seconds."""

_STOPPED = ("client_closed", "interrupted")
_ANSWERED = ("ok", "truncated", "client_closed")

_REQUESTS, _FAILED, _STOPPED_AT, _DURATION = (
    _AT[name] for name in ("requests", "failed", "stopped", "duration_ms")
)
_ATTEMPTS, _FAILED_ATTEMPTS = _AT["attempts"], _AT["failed_attempts"]
_TOOK, _FIRST = _AT["took_0"], _AT["first_0"]
_TOKENS = tuple(
    (_AT[name], name)
    for name in (
        *("prompt_tokens", "completion_tokens", "cache_read_tokens"),
        *("cache_write_tokens", "reasoning_tokens"),
    )
)
_COST, _PRICED, _DEMO = _AT["cost_nanousd"], _AT["priced"], _AT["demo_nanousd"]
_UNKNOWN, _ESTIMATED, _UNMETERED = _AT["unknown"], _AT["estimated"], _AT["unmetered"]

_Additions = list[tuple[int, int]]
"""What is added to which sum, by its position."""
_Key = tuple[Any, ...]


def follow(connection: Connection, exchanges: Sequence[Exchange]) -> None:
    """Add exchanges that were just inserted to the sums, in the transaction that inserts them.

    Raises: StoreError.
    """
    rows = tally(exchanges)
    if rows:
        connection.accumulate("hourly", KEY, SUMS, rows)


def tally(exchanges: Iterable[Exchange]) -> list[tuple[Any, ...]]:
    """Add exchanges up: rows of `hourly`, sorted by their keys, on every level."""
    found: dict[_Key, list[int]] = {}
    for exchange in exchanges:
        whose = (
            exchange.project_id or "",
            exchange.account_id or "",
            exchange.key_id or "",
            exchange.key or "",
        )
        hour = int(exchange.started_at // HOUR_S) * HOUR_S
        organisation, tag = exchange.organisation_id, exchange.tag or ""
        parts = [(exchange.provider or "", exchange.model or "", _of_exchange(exchange))]
        parts += [(one.provider, one.model, _of_attempt(one)) for one in exchange.attempts]
        for provider, model, additions in parts:
            for level, of_whom, of_what in (
                ("total", _NOBODY, _NOTHING),
                ("model", _NOBODY, (provider, model)),
                ("key", whose, _NOTHING),
                ("all", whose, (provider, model)),
            ):
                key = (organisation, level, hour, tag, *of_whom, *of_what)
                sums = found.get(key)
                if sums is None:
                    sums = found[key] = [0] * len(SUMS)
                for position, amount in additions:
                    sums[position] += amount
    return [(*key, *found[key]) for key in sorted(found)]


_NOBODY = ("", "", "", "")
_NOTHING = ("", "")


def _of_exchange(exchange: Exchange) -> _Additions:
    outcome = exchange.outcome
    additions = [(_REQUESTS, 1), (_DURATION, round(exchange.duration_s * 1000))]
    if outcome == "ok":
        additions.append((_TOOK + bucket_of(exchange.duration_s, TOOK_S), 1))
    else:
        additions.append((_STOPPED_AT if outcome in _STOPPED else _FAILED, 1))
    if exchange.first_token_s is not None:
        additions.append((_FIRST + bucket_of(exchange.first_token_s, FIRST_S), 1))
    return additions


def _of_attempt(attempt: Attempt) -> _Additions:
    """Say what an attempt adds: as `store/records.py` has it in SQL."""
    additions = [(_ATTEMPTS, 1)]
    outcome, usage, cost = attempt.outcome, attempt.usage, attempt.cost_nanousd
    answered = outcome in _ANSWERED
    if outcome != "ok" and outcome not in _STOPPED:
        additions.append((_FAILED_ATTEMPTS, 1))
    if usage is not None:
        for position, name in _TOKENS:
            if tokens := getattr(usage, name):
                additions.append((position, tokens))
    completed = usage is not None and usage.completion_tokens is not None
    if cost is None:
        if answered or completed:
            additions.append((_UNKNOWN, 1))
    elif attempt.cost_source == "demo":
        additions.append((_DEMO, cost))
    else:
        additions += [(_COST, cost), (_PRICED, 1)]
    if attempt.cost_source == "estimated" or (usage is not None and usage.estimated):
        additions.append((_ESTIMATED, 1))
    if answered and not completed and (usage is None or usage.prompt_tokens is None):
        additions.append((_UNMETERED, 1))
    return additions


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
            connection.write("DELETE FROM hourly WHERE hour = :hour", {"hour": hour})
            found = list(_exchanges(connection, hour))
            follow(connection, found)
        hours += bool(found)
        exchanges += len(found)
        # SQLite has no queue: who waits to write must find a moment in which nobody does.
        time.sleep(time.monotonic() - began)
    return Rebuilt(hours, exchanges, left)


def forgotten_before(connection: Connection) -> float | None:
    """Say before which time exchanges have been deleted; None: never any. Raises: StoreError."""
    rows = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": FORGOTTEN})
    return msgspec.json.decode(rows[0]["value"], type=float) if rows else None


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
