"""What an organisation's first page tells: figures, their trend, who and what, what failed."""

from __future__ import annotations

from datetime import UTC, tzinfo

from msgspec import Struct
from msgspec.structs import asdict

from dragoman.ledger.queries.requests import bounded
from dragoman.ledger.queries.sums import Figures, Filters, Period
from dragoman.ledger.queries.usage import (
    TOP,
    Group,
    Point,
    Step,
    read_groups,
    read_total,
    read_trend,
)
from dragoman.store.database import Connection
from dragoman.store.selection import Selection

FAILURES = 10
HOURLY_UP_TO_S = 3 * 86_400
"""A longer time is told by days."""


class Failing(Struct, frozen=True, kw_only=True):
    """An exchange that failed."""

    id: str
    started_at: float
    asked: str
    provider: str | None
    model: str | None
    outcome: str
    error: str | None
    status: int | None


class Overview(Struct, frozen=True, kw_only=True):
    """See the module. `before` is of the period of the same length before this one."""

    period: Period
    now: Figures
    before: Figures
    step: Step
    points: tuple[Point, ...]
    models: tuple[Group, ...]
    keys: tuple[Group, ...]
    failures: tuple[Failing, ...]


def read_overview(
    connection: Connection, period: Period, filters: Filters, zone: tzinfo = UTC, *, top: int = TOP
) -> Overview:
    """Read it. Raises: StoreError."""
    step: Step = "hour" if period.until - period.since <= HOURLY_UP_TO_S else "day"
    now, line = read_trend(connection, period, filters, step, zone)
    models = read_groups(connection, period, filters, "model", timed=False)
    keys = read_groups(connection, period, filters, "key", timed=False)
    return Overview(
        period=period,
        now=now,
        before=read_total(connection, period.before, filters),
        step=step,
        points=line.points,
        models=tuple(models[:top]),
        keys=tuple(keys[:top]),
        failures=read_failures(connection, period, filters),
    )


def read_failures(
    connection: Connection, period: Period, filters: Filters, *, limit: int = FAILURES
) -> tuple[Failing, ...]:
    """List the latest exchanges that failed. Raises: StoreError."""
    selection = Selection(
        **asdict(filters), failed=True, since=float(period.since), until=float(period.until)
    )
    conditions, values = bounded(selection)
    rows = connection.rows(
        f"SELECT {', '.join(Failing.__struct_fields__)} FROM exchange"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        {**values, "limit": limit},
    )
    return tuple(Failing(**dict(row)) for row in rows)
