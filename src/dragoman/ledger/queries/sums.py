"""Reads the hourly sums: of the level that has the fewest rows and still tells what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from dragoman.ledger.latencies import FIRST_S, TOOK_S, find_quantile
from dragoman.ledger.rollups import LATENCY_SUMS, SUMS
from dragoman.store.database import Connection
from dragoman.store.selection import OF_MODEL
from dragoman.types.calendar import DAY_S, HOUR_S

Dimension: TypeAlias = Literal[
    "organisation_id", "tag", "project_id", "account_id", "key_id", "gateway_key", "provider",
    "model",
]  # fmt: skip
_WHOSE = frozenset({"project_id", "account_id", "key_id", "gateway_key", "key"})
_WHAT = frozenset({"provider", "model"})
_CONDITIONS: Mapping[str, str] = {
    "key": "(key_id = :key OR (key_id = '' AND gateway_key = :key))",
    "model": OF_MODEL,
}

_TOOK = tuple(name for name in LATENCY_SUMS if name.startswith("took_"))
_FIRST = tuple(name for name in LATENCY_SUMS if name.startswith("first_"))


class Filters(Struct, frozen=True, kw_only=True):
    """What is added up; None is anything. `tag` '' is what bears none: real traffic.

    `key` is a gateway key's id, or its name if it has none; `model` is one with its provider or
    without.
    """

    organisation_id: str | None = None
    project_id: str | None = None
    account_id: str | None = None
    key: str | None = None
    provider: str | None = None
    model: str | None = None
    tag: str | None = None


class Period(Struct, frozen=True):
    """Whole hours, in Unix seconds: from the beginning of one to the beginning of another."""

    since: int
    until: int

    @property
    def before(self) -> Period:
        """The period of the same length before this one."""
        return Period(2 * self.since - self.until, self.since)


class Figures(Struct, frozen=True, kw_only=True):
    """What was used. Money is in nano-dollars, times are in seconds.

    Of requests: `requests`, `failed`, `stopped` (the client left, or we stopped), `fallbacks`
    (answered by another model than the first), and the times. All else is of attempts, including
    those that failed, since they may cost something too. `cost_nanousd` adds up the known costs,
    of `priced` attempts; `unknown` counts those whose cost is not known: answers, and what was
    broken off. `demo_nanousd` are the demo's invented costs. `estimated` attempts have figures that
    are our own estimates; of `unmetered` ones nobody reported tokens. Quantiles are about
    as exact as the buckets of a histogram are wide; they are None where nothing was timed, and
    where figures are broken down or filtered by whose requests they were.
    """

    requests: int = 0
    failed: int = 0
    stopped: int = 0
    duration_ms: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nanousd: int = 0
    priced: int = 0
    demo_nanousd: int = 0
    unknown: int = 0
    estimated: int = 0
    unmetered: int = 0
    fallbacks: int = 0
    took_p50_s: float | None = None
    took_p95_s: float | None = None
    first_token_p50_s: float | None = None
    first_token_p95_s: float | None = None


def whole_hours(since: float, until: float) -> Period:
    """Take the hours that a time touches."""
    return Period(int(since // HOUR_S) * HOUR_S, int(-(-until // HOUR_S)) * HOUR_S)


def read_sums(
    connection: Connection,
    period: Period,
    filters: Filters,
    by: Sequence[Dimension] = (),
    starts: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Add up rows by dimensions: each row has these, and the sums.

    `starts` tells steps in time apart, by their beginnings, in order: the first step begins no
    later than the period, each ends where the next begins. A row has that of its step as `at`.

    Raises: StoreError.
    """
    chosen = _chosen(filters)
    needed = {*chosen, *by}
    whose, what = bool(needed & _WHOSE), bool(needed & _WHAT)
    level = "all" if whose and what else "key" if whose else "model" if what else "total"
    parts = _parts(period, level, daily=level in ("key", "model") and _are_days(starts))
    return _read(connection, "hourly", parts, chosen, by, starts, SUMS)


def read_times(
    connection: Connection,
    period: Period,
    filters: Filters,
    by: Sequence[Dimension] = (),
    starts: Sequence[int] | None = None,
) -> list[dict[str, Any]] | None:
    """Add up histograms by dimensions. None: they know nothing of whose exchanges were.

    `starts` as in `read_sums`.

    Raises: StoreError.
    """
    chosen = _chosen(filters)
    needed = {*chosen, *by}
    if needed & _WHOSE:
        return None
    level = "model" if needed & _WHAT else "total"
    parts = _parts(period, level, daily=level == "model" and _are_days(starts))
    return _read(connection, "latency", parts, chosen, by, starts, LATENCY_SUMS)


def add(rows: Sequence[Mapping[str, Any]], sums: Sequence[str] = SUMS) -> dict[str, int]:
    """Add rows up to one."""
    return {name: sum(row[name] for row in rows) for name in sums}


def with_times(figures: Figures, times: Mapping[str, int]) -> Figures:
    """Add what a histogram tells."""
    took, first = [times[name] for name in _TOOK], [times[name] for name in _FIRST]
    return replace(
        figures,
        took_p50_s=find_quantile(took, TOOK_S, 0.5),
        took_p95_s=find_quantile(took, TOOK_S, 0.95),
        first_token_p50_s=find_quantile(first, FIRST_S, 0.5),
        first_token_p95_s=find_quantile(first, FIRST_S, 0.95),
    )


def _chosen(filters: Filters) -> dict[str, Any]:
    return {name: value for name, value in asdict(filters).items() if value is not None}


def _are_days(starts: Sequence[int] | None) -> bool:
    """Whether no step begins within a day of UTC."""
    return starts is None or all(start % DAY_S == 0 for start in starts)


def _parts(period: Period, level: str, *, daily: bool) -> list[tuple[str, int, int]]:
    """Cover a period: whole days by rows of days, the rest by rows of hours."""
    first = -(-period.since // DAY_S) * DAY_S
    last = period.until // DAY_S * DAY_S
    if not daily or first >= last:
        return [(level, period.since, period.until)]
    parts = [
        (level, period.since, first),
        (f"{level} day", first, last),
        (level, last, period.until),
    ]
    return [part for part in parts if part[1] < part[2]]


def _read(
    connection: Connection,
    table: str,
    parts: Sequence[tuple[str, int, int]],
    chosen: Mapping[str, Any],
    by: Sequence[Dimension],
    starts: Sequence[int] | None,
    sums: Sequence[str],
) -> list[dict[str, Any]]:
    conditions = [_CONDITIONS.get(name) or f"{name} = :{name}" for name in chosen]
    at = {} if starts is None else {"at": f"{_step_of(starts)} AS at"}
    columns = ", ".join((*by, *at.values(), *sums))
    selects = []
    for level, since, until in parts:
        # Level and times are written out. Where they are values, PostgreSQL plans from the sixth
        # time on for any there might be, reads every level of all hours, and takes a second.
        within = [f"level = '{level}'", f"hour >= {since}", f"hour < {until}"]
        selects.append(
            f"SELECT {columns} FROM {table} WHERE {' AND '.join([*within, *conditions])}"  # noqa: S608
        )
    # PostgreSQL adds integers up to decimals of any length.
    added = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in sums)
    named = ", ".join((*by, *at))
    rows = connection.rows(
        f"SELECT {named + ', ' if named else ''}{added}"  # noqa: S608
        f" FROM ({' UNION ALL '.join(selects)}) AS part{' GROUP BY ' + named if named else ''}",
        chosen,
    )
    # Without groups SQL makes a row of nothing.
    return [dict(row) for row in rows if row[sums[0]] is not None]


def _step_of(starts: Sequence[int]) -> str:
    """Write in SQL the step in which an hour lies: steps are halved until one is left.

    Added up there, what is read is a row for each step instead of one for every hour.
    """
    if isinstance(starts, range) and starts.step == HOUR_S:
        return "hour"
    if len(starts) == 1:
        return f"CAST({starts[0]} AS BIGINT)"
    half = len(starts) // 2
    before, behind = _step_of(starts[:half]), _step_of(starts[half:])
    return f"CASE WHEN hour < {starts[half]} THEN {before} ELSE {behind} END"
