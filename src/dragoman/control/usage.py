"""`/organisations/{org}/usage`, `/overview`: what was used, by whom, on what, over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.di import Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from msgspec import Struct
from msgspec.structs import asdict, replace

from dragoman.errors import InvalidRequest
from dragoman.ledger.export import MEDIA_TYPES, Format, write_rows
from dragoman.ledger.queries.names import find_ids
from dragoman.ledger.queries.overview import Overview, read_overview
from dragoman.ledger.queries.sums import Figures, Filters
from dragoman.ledger.queries.times import read_period, read_zone
from dragoman.ledger.queries.usage import (
    TOP,
    By,
    Group,
    Line,
    Step,
    read_groups,
    read_series,
    read_total,
)
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation
from dragoman.store.database import Connection
from dragoman.types.calendar import DAY_S, HOUR_S

STEPS_LIMIT = 1500
TOP_LIMIT = 50
_STEP_S: Mapping[Step, int] = {
    "hour": HOUR_S, "day": DAY_S, "week": 7 * DAY_S, "month": 28 * DAY_S,
}  # fmt: skip
_GROUP = ("id", "name", *Figures.__struct_fields__)

OneBy = Literal["model", "provider", "key", "project", "member", "tag", "day", "hour"]
LineBy = Literal["model", "provider", "key", "project", "member", "tag"]
Since = Annotated[
    str | None, Parameter(max_length=64, description="`7d`, `24h`, a date, or Unix seconds")
]
Until = Annotated[str | None, Parameter(max_length=64, description="The same; now when left out")]
Zone = Annotated[
    str | None, Parameter(max_length=64, description="Whose days: `Europe/Berlin`; UTC at first")
]
Chosen = Annotated[str | None, Parameter(max_length=300)]
Lines = Annotated[int, Parameter(ge=1, le=TOP_LIMIT, description="Groups with a line of their own")]


class Asked(Struct, frozen=True):
    """What is looked at, as it was asked."""

    since: str | None
    until: str | None
    timezone: str | None
    filters: Filters

    def of(self, connection: Connection, organisation_id: str | None) -> Filters:
        """Find the ids of what was named."""
        found = find_ids(connection, organisation_id, self.filters)
        return replace(self.filters, organisation_id=organisation_id, **found)


def read_asked(
    since: Since = None,
    until: Until = None,
    timezone: Zone = None,
    project: Chosen = None,
    member: Chosen = None,
    key: Chosen = None,
    provider: Chosen = None,
    model: Chosen = None,
    tag: Chosen = None,
) -> Asked:
    """Read what the query says. Raises: InvalidRequest."""
    filters = Filters(
        project_id=project, account_id=member, key=key, provider=provider, model=model, tag=tag
    )
    return Asked(since, until, timezone, filters)


ASKED = {"asked": Provide(read_asked, sync_to_thread=False)}


class UsageShown(Struct, frozen=True, kw_only=True):
    """Figures of whole hours from `since` to `until` (Unix seconds), in all and in groups."""

    since: int
    until: int
    by: By
    total: Figures
    groups: list[Group]


class Series(Struct, frozen=True, kw_only=True):
    """Figures over time; every line has the same steps."""

    since: int
    until: int
    step: Step
    lines: list[Line]


@get(
    "/organisations/{org:str}/usage",
    opt={"least": "viewer"},
    dependencies=ASKED,
    responses={200: ResponseSpec(UsageShown, generate_examples=False, description="Figures")},
    sync_to_thread=True,
)
def show_usage(
    desk: Desk,
    organisation: Organisation,
    asked: Asked,
    by: OneBy = "model",
    format: Format = "json",  # noqa: A002
) -> Response[Any]:
    """Add up what the organisation used, the last 30 days unless told otherwise.

    Times are widened to whole hours. `project`, `member` and `key` are names or ids. A `tag` of
    `demo` is made-up traffic, an empty one everything else. `format` may be `csv` or `jsonl`: the
    groups alone, as a file.
    """
    return _usage(desk, organisation.id, asked, by, format)


@get(
    "/usage",
    opt={"operator": True},
    dependencies=ASKED,
    responses={200: ResponseSpec(UsageShown, generate_examples=False, description="Figures")},
    sync_to_thread=True,
)
def show_all_usage(
    desk: Desk,
    asked: Asked,
    by: By = "organisation",
    format: Format = "json",  # noqa: A002
) -> Response[Any]:
    """Add up what all organisations used together."""
    return _usage(desk, None, asked, by, format)


@get(
    "/organisations/{org:str}/usage/series",
    opt={"least": "viewer"},
    dependencies=ASKED,
    sync_to_thread=True,
)
def show_series(
    desk: Desk,
    organisation: Organisation,
    asked: Asked,
    step: Step = "day",
    by: LineBy | None = None,
    top: Lines = TOP,
    quantiles: bool = True,
) -> Series:
    """Add up what was used over time: one line, or one for each of the `top` groups and `others`.

    The last 30 days unless told otherwise. Steps in which nothing was used are there, and empty.
    Groups are read faster without `quantiles`.
    """
    zone = read_zone(asked.timezone)
    period = read_period(asked.since, asked.until, desk.clock(), zone, default_s=30 * DAY_S)
    if (period.until - period.since) / _STEP_S[step] > STEPS_LIMIT:
        raise InvalidRequest(
            f"that would be more than {STEPS_LIMIT} steps",
            param="step",
            hint="ask for larger steps, or for less time",
        )
    with desk.read() as connection:
        filters = asked.of(connection, organisation.id)
        lines = read_series(connection, period, filters, step, zone, by, top, timed=quantiles)
    return Series(since=period.since, until=period.until, step=step, lines=lines)


@get(
    "/organisations/{org:str}/overview",
    opt={"least": "viewer"},
    dependencies=ASKED,
    sync_to_thread=True,
)
def show_overview(desk: Desk, organisation: Organisation, asked: Asked) -> Overview:
    """Tell how things are: figures and those of the time before, charts, tops, last failures.

    The last 7 days unless told otherwise.
    """
    zone = read_zone(asked.timezone)
    period = read_period(asked.since, asked.until, desk.clock(), zone, default_s=7 * DAY_S)
    with desk.read() as connection:
        return read_overview(connection, period, asked.of(connection, organisation.id), zone)


def _usage(
    desk: Desk, organisation_id: str | None, asked: Asked, by: By, form: Format
) -> Response[Any]:
    zone = read_zone(asked.timezone)
    period = read_period(asked.since, asked.until, desk.clock(), zone, default_s=30 * DAY_S)
    with desk.read() as connection:
        filters = asked.of(connection, organisation_id)
        groups = read_groups(connection, period, filters, by, zone)
        total = read_total(connection, period, filters)
    if form == "json":
        found = UsageShown(
            since=period.since, until=period.until, by=by, total=total, groups=groups
        )
        return Response(found, media_type="application/json")
    rows = [{"id": one.id, "name": one.name, **asdict(one.figures)} for one in groups]
    return Response(
        write_rows(form, _GROUP, rows).encode(),
        media_type=MEDIA_TYPES[form],
        headers={"content-disposition": f'attachment; filename="usage.{form}"'},
    )


HANDLERS = (show_usage, show_all_usage, show_series, show_overview)
