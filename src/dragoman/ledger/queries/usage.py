"""What was used: in all, in groups, over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from dragoman.ledger.queries.names import read_names
from dragoman.ledger.queries.sums import (
    Dimension,
    Figures,
    Filters,
    Period,
    add,
    read_sums,
    read_times,
    with_times,
)
from dragoman.ledger.rollups import LATENCY_SUMS
from dragoman.store.database import Connection
from dragoman.types.calendar import HOUR_S

By: TypeAlias = Literal[
    "model", "provider", "key", "project", "member", "organisation", "tag", "day", "hour"
]
Step: TypeAlias = Literal["hour", "day", "week", "month"]
_DIMENSIONS: Mapping[By, tuple[Dimension, ...]] = {
    "model": ("provider", "model"),
    "provider": ("provider",),
    "key": ("key_id", "gateway_key"),
    "project": ("project_id",),
    "member": ("account_id",),
    "organisation": ("organisation_id",),
    "tag": ("tag",),
    "day": (),
    "hour": (),
}
OTHERS = "others"
"""What the groups are called together that have no line of their own in a series."""
TOP = 5
"""Groups that have lines of their own, unless more are asked for."""


class Group(Struct, frozen=True, kw_only=True):
    """Figures of one of a kind. `id` is '' for what belongs to none; `name` is for people.

    Days and hours have the time of their beginning as their id, in Unix seconds.
    """

    id: str
    name: str
    figures: Figures


class Point(Struct, frozen=True, kw_only=True):
    """Figures of a step in time. `at` is its beginning, in Unix seconds."""

    at: int
    figures: Figures


class Line(Struct, frozen=True, kw_only=True):
    """A line of a chart; all lines of a chart have the same steps."""

    id: str
    name: str
    points: tuple[Point, ...]


def read_groups(
    connection: Connection,
    period: Period,
    filters: Filters,
    by: By,
    zone: tzinfo = UTC,
    *,
    timed: bool = True,
) -> list[Group]:
    """Add up by groups: times in their order, everything else by cost, then by tokens.

    Without `timed` there are no quantiles, and less to read. Days are those of `zone`; a zone that
    is half an hour off has its days to the hour.

    Raises: StoreError.
    """
    starts = find_starts(period, by, zone) if by in ("day", "hour") else None
    grouped, times = _read_grouped(connection, period, filters, by, starts, timed=timed)
    name_of = _namer(connection, by, filters, zone)
    groups = [
        Group(id=id_, name=name_of(rows[0], id_), figures=_figures(rows, times[id_]))
        for id_, rows in grouped.items()
    ]
    if by in ("day", "hour"):
        return sorted(groups, key=lambda group: int(group.id))
    return sorted(groups, key=_by_cost)


def read_total(connection: Connection, period: Period, filters: Filters) -> Figures:
    """Add everything up. Raises: StoreError."""
    rows = read_sums(connection, period, filters)
    return _figures(rows, read_times(connection, period, filters) or ()) if rows else Figures()


def read_trend(
    connection: Connection,
    period: Period,
    filters: Filters,
    step: Step,
    zone: tzinfo,
    *,
    timed: bool = True,
) -> tuple[Figures, Line]:
    """Add everything up, in all and by steps in time, of `zone`.

    Without `timed` there are no quantiles, and less to read. Raises: StoreError.
    """
    starts = find_starts(period, step, zone)
    rows = read_sums(connection, period, filters, (), starts)
    times = (timed and read_times(connection, period, filters, (), starts)) or ()
    return _figures(rows, times), _line("", "", rows, times, starts)


def read_series(
    connection: Connection,
    period: Period,
    filters: Filters,
    step: Step,
    zone: tzinfo,
    by: By | None = None,
    top: int = TOP,
    *,
    timed: bool = True,
) -> list[Line]:
    """Add up by steps in time, of `zone`: one line, or one for each of the `top` groups.

    Steps in which nothing was used are there, and empty. There are no quantiles where it is about
    whose requests they were, nor without `timed`, which leaves less to read.

    Raises: StoreError.
    """
    if by is None:
        return [read_trend(connection, period, filters, step, zone, timed=timed)[1]]
    starts = find_starts(period, step, zone)
    lines, times = _read_grouped(connection, period, filters, by, starts, timed=timed)
    name_of = _namer(connection, by, filters, zone)
    groups = [
        Group(id=id_, name=name_of(found[0], id_), figures=_figures(found))
        for id_, found in lines.items()
    ]
    ordered = sorted(groups, key=_by_cost)
    shown = [_line(one.id, one.name, lines[one.id], times[one.id], starts) for one in ordered[:top]]
    rest = [one.id for one in ordered[top:]]
    if not rest:
        return shown
    summed, others = ([row for id_ in rest for row in of[id_]] for of in (lines, times))
    return [*shown, _line(OTHERS, OTHERS, summed, others, starts)]


def find_starts(period: Period, step: Step, zone: tzinfo) -> Sequence[int]:
    """Find where steps begin, the first of them no later than the period; all in Unix seconds.

    Days, weeks and months are those of `zone`; one that is half an hour off has them to the hour.
    """
    hours = range(period.since, period.until, HOUR_S)
    if step == "hour":
        return hours
    return list(dict.fromkeys(_begin(hour, step, zone) for hour in hours))


def _begin(hour: int, step: Step, zone: tzinfo) -> int:
    # The first midnight, where clocks are set back at midnight and there are two.
    then = datetime.fromtimestamp(hour, zone).replace(hour=0, minute=0, fold=0)
    if step == "week":
        then -= timedelta(days=then.weekday())
    elif step == "month":
        then = then.replace(day=1)
    return int(then.timestamp())


_Grouped: TypeAlias = Mapping[str, list[dict[str, Any]]]
"""Rows by the group that they are of; of one that has none, none."""


def _read_grouped(
    connection: Connection,
    period: Period,
    filters: Filters,
    by: By,
    starts: Sequence[int] | None,
    *,
    timed: bool,
) -> tuple[_Grouped, _Grouped]:
    """Read sums and histograms, by groups; without `timed` there are no histograms."""
    asked = (connection, period, filters, _DIMENSIONS[by], starts)
    times = read_times(*asked) if timed else None
    return _group(by, read_sums(*asked)), _group(by, times or ())


def _group(by: By, rows: Iterable[dict[str, Any]]) -> _Grouped:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[_identify(by, row)].append(row)
    return found


def _namer(
    connection: Connection, by: By, filters: Filters, zone: tzinfo
) -> Callable[[Mapping[str, Any], str], str]:
    """Say how groups are called."""
    known = read_names(connection, by, filters.organisation_id)

    def name(row: Mapping[str, Any], id_: str) -> str:
        if by in ("day", "hour"):
            return datetime.fromtimestamp(int(id_), zone).isoformat()
        found = known(id_)
        return str(row["gateway_key"]) or found if by == "key" and found == id_ else found

    return name


def _identify(by: By, row: Mapping[str, Any]) -> str:
    if by == "model":
        return f"{row['provider']}/{row['model']}" if row["provider"] or row["model"] else ""
    if by == "key":
        return str(row["key_id"] or row["gateway_key"])
    if by in ("day", "hour"):
        return str(row["at"])
    return str(row[_DIMENSIONS[by][0]])


def _line(
    id_: str,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    times: Sequence[Mapping[str, Any]],
    starts: Sequence[int],
) -> Line:
    steps, timed = _by_step(rows), _by_step(times)
    nothing = Figures()
    points = (
        Point(at=at, figures=_figures(steps[at], timed.get(at, ())) if at in steps else nothing)
        for at in starts
    )
    return Line(id=id_, name=name, points=tuple(points))


def _by_step(rows: Sequence[Mapping[str, Any]]) -> Mapping[int, list[Mapping[str, Any]]]:
    steps: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        steps[row["at"]].append(row)
    return steps


def _figures(rows: Sequence[Mapping[str, Any]], times: Sequence[Mapping[str, Any]] = ()) -> Figures:
    figures = Figures(**add(rows))
    return with_times(figures, add(times, LATENCY_SUMS)) if times else figures


def _by_cost(group: Group) -> tuple[int, int, int, str]:
    figures = group.figures
    tokens = figures.prompt_tokens + figures.completion_tokens
    return (-figures.cost_nanousd, -tokens, -figures.requests, group.id)
