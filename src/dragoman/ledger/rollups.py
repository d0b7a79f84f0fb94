"""The hourly sums of exchanges, written with them.

Law: whoever inserts exchanges adds them up here in the same transaction, once. Sums are whole
numbers, so that the order of additions never shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from dragoman.ledger.latencies import FIRST_S, TOOK_S, bucket_of
from dragoman.store.database import Connection
from dragoman.store.schema import TABLES
from dragoman.types.calendar import DAY_S, HOUR_S
from dragoman.types.exchange import STOPPED, Attempt, Exchange

KEY = (
    *("organisation_id", "level", "hour", "tag"),
    *("project_id", "account_id", "key_id", "gateway_key", "provider", "model"),
)
SUMS = TABLES["hourly"][len(KEY) :]
LATENCY_KEY = ("organisation_id", "level", "hour", "tag", "provider", "model")
LATENCY_SUMS = TABLES["latency"][len(LATENCY_KEY) :]
_AT: Mapping[str, int] = {name: number for number, name in enumerate(SUMS)}

_REQUESTS, _FAILED, _STOPPED_AT, _DURATION = (
    _AT[name] for name in ("requests", "failed", "stopped", "duration_ms")
)
_FALLBACKS = _AT["fallbacks"]
_ATTEMPTS, _FAILED_ATTEMPTS = _AT["attempts"], _AT["failed_attempts"]
# What is counted of times stands behind the sums.
_TOOK, _WIDTH = len(SUMS), len(SUMS) + len(LATENCY_SUMS)
_FIRST = _TOOK + LATENCY_SUMS.index("first_0")
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
    finest: dict[_Key, list[int]] = defaultdict(lambda: [0] * _WIDTH)
    for exchange in exchanges:
        final = exchange.final
        duration_s, first_s = exchange.duration_s, exchange.first_token_s
        key = (
            exchange.organisation_id,
            int(exchange.started_at // HOUR_S) * HOUR_S,
            exchange.tag or "",
            exchange.project_id or "",
            exchange.account_id or "",
            exchange.key_id or "",
            exchange.key or "",
            "" if final is None else final.provider,
            "" if final is None else final.model,
        )
        sums = finest[key]
        sums[_REQUESTS] += 1
        sums[_DURATION] += round(duration_s * 1000)
        fallen_back = False
        for attempt in exchange.attempts:
            if attempt is final:
                _add_attempt(sums, attempt)
            else:
                _add_attempt(finest[*key[:7], attempt.provider, attempt.model], attempt)
            if attempt.kind == "fallback":
                fallen_back = True
        if exchange.outcome == "ok":
            sums[_FALLBACKS] += fallen_back
            sums[_TOOK + bucket_of(duration_s, TOOK_S)] += 1
        else:
            sums[_STOPPED_AT if exchange.outcome in STOPPED else _FAILED] += 1
        if first_s is not None:
            sums[_FIRST + bucket_of(first_s, FIRST_S)] += 1
    return Tally(_on_levels(finest), _times_on_levels(finest))


def _on_levels(finest: Mapping[_Key, list[int]]) -> list[tuple[Any, ...]]:
    found: dict[_Key, list[int]] = {}
    for (organisation, hour, tag, *rest), counted in finest.items():
        sums = counted[:_TOOK]
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


def _times_on_levels(finest: Mapping[_Key, list[int]]) -> list[tuple[Any, ...]]:
    found: dict[_Key, list[int]] = {}
    for (organisation, hour, tag, *rest), counted in finest.items():
        counts, what = counted[_TOOK:], rest[4:]
        if not any(counts):
            continue
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
    """Add an attempt: as `store/sums.py` has it in SQL."""
    outcome, usage, cost = attempt.outcome, attempt.usage, attempt.cost_nanousd
    paid = attempt.is_paid
    sums[_ATTEMPTS] += 1
    if outcome != "ok" and outcome not in STOPPED:
        sums[_FAILED_ATTEMPTS] += 1
    if usage is not None:
        sums[_PROMPT] += usage.prompt_tokens or 0
        sums[_COMPLETION] += usage.completion_tokens or 0
        if usage.cache_read_tokens:
            sums[_CACHE_READ] += usage.cache_read_tokens
        if usage.cache_write_tokens:
            sums[_CACHE_WRITE] += usage.cache_write_tokens
        if usage.reasoning_tokens:
            sums[_REASONING] += usage.reasoning_tokens
    if cost is None:
        if paid:
            sums[_UNKNOWN] += 1
    elif attempt.cost_source == "demo":
        sums[_DEMO] += cost
    else:
        sums[_COST] += cost
        sums[_PRICED] += 1
    if attempt.cost_source == "estimated" or (usage is not None and usage.estimated):
        sums[_ESTIMATED] += 1
    if paid and not attempt.is_metered:
        sums[_UNMETERED] += 1
