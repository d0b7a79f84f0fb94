"""`/organisations/{org}/requests`: exchanges as pages, as files, and as they happen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from litestar.response import Stream
from msgspec import Struct
from msgspec.structs import asdict, replace

from dragoman.control.authentication import guard
from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.control.usage import Chosen, Since, Until, Zone
from dragoman.discretion import conceal_attempt, concealed
from dragoman.errors import RequestError
from dragoman.ledger.demo_traffic import COUNT, COUNT_LIMIT, DEMO, make_traffic
from dragoman.ledger.export import MEDIA_TYPES, Format, write_rows
from dragoman.ledger.queries.names import find_ids
from dragoman.ledger.queries.requests import (
    BATCH,
    RequestLine,
    RequestWhole,
    Tail,
    find_request,
    list_requests,
)
from dragoman.ledger.queries.times import read_ends, read_zone
from dragoman.ledger.retention import delete_tagged
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import NotFound
from dragoman.organisations.organisations import Organisation
from dragoman.store.database import Connection
from dragoman.store.selection import Selection
from dragoman.types.exchange import NANO, Outcome
from dragoman.types.paging import Page

TAIL_S = 55.0
"""A tail ends then, and its reader comes again."""
LOOK_S = 1.0
_PAGE = msgspec.json.Encoder()

Dollars = Annotated[
    str | None,
    Parameter(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$", description="At least so many USD"),
]
Seconds = Annotated[float | None, Parameter(ge=0, description="At least so many seconds")]
Status = Annotated[int | None, Parameter(ge=100, le=599)]


class Wanted(Struct, frozen=True):
    """Which exchanges are wanted, as it was asked; names are still names."""

    selection: Selection

    def of(self, connection: Connection, organisation: Organisation) -> Selection:
        """Find the ids of what was named."""
        found = find_ids(connection, organisation.id, self.selection)
        return replace(self.selection, organisation_id=organisation.id, **found)


def read_wanted(
    since: Since = None,
    until: Until = None,
    timezone: Zone = None,
    outcome: Outcome | None = None,
    failed: bool | None = None,
    status: Status = None,
    error: Chosen = None,
    project: Chosen = None,
    member: Chosen = None,
    key: Chosen = None,
    provider: Chosen = None,
    model: Chosen = None,
    asked: Chosen = None,
    tag: Chosen = None,
    min_cost: Dollars = None,
    min_duration: Seconds = None,
) -> Wanted:
    """Read what the query says. Raises: InvalidRequest."""
    begin, end = read_ends(since, until, time.time(), read_zone(timezone))
    return Wanted(
        Selection(
            since=begin,
            until=end,
            outcome=outcome,
            failed=failed,
            status=status,
            error=error,
            project_id=project,
            account_id=member,
            key=key,
            provider=provider,
            model=model,
            asked=asked,
            tag=tag,
            least_nanousd=None if min_cost is None else int(Decimal(min_cost) * NANO),
            least_s=min_duration,
        )
    )


WANTED = {"wanted": Provide(read_wanted, sync_to_thread=False)}


@get(
    "/organisations/{org:str}/requests",
    opt={"least": "viewer"},
    dependencies=WANTED,
    responses={
        200: ResponseSpec(Listed[RequestLine], generate_examples=False, description="A page")
    },
    sync_to_thread=True,
)
def list_organisation_requests(
    desk: Desk,
    organisation: Organisation,
    wanted: Wanted,
    page: Page,
    format: Format = "json",  # noqa: A002
) -> Response[Any]:
    """List the organisation's requests, the latest first.

    `error` is a word in its error or an attempt's, `asked` the model as it was asked for. `format`
    may be `csv` or `jsonl`: all that fit, as a file. Costs are nano-dollars; null is unknown.
    """
    with desk.read() as connection:
        selection = wanted.of(connection, organisation)
        if format == "json":
            found: Listed[RequestLine] = listed(
                list_requests(connection, selection, page), lambda line: line
            )
            return Response(found, media_type="application/json")
    return Stream(
        _export(desk, selection, format),
        media_type=MEDIA_TYPES[format],
        headers={"content-disposition": f'attachment; filename="requests.{format}"'},
    )


@get(
    "/organisations/{org:str}/requests/tail",
    opt={"least": "viewer"},
    dependencies=WANTED,
    sync_to_thread=False,
)
def tail_requests(
    request: Request[Any, Any, Any],
    context: Context,
    organisation: Organisation,
    wanted: Wanted,
    after: Annotated[str | None, Parameter(max_length=100, description="The last one seen")] = None,
) -> Stream:
    """Tell of requests as they end: server-sent events, each with a request as its data.

    It ends after a minute; ask again with `Last-Event-ID` (as browsers do by themselves) or
    `after`, and nothing of the last minutes is left out.
    """
    last = request.headers.get("last-event-id") or after
    return Stream(
        _follow(request, context, organisation, wanted, last),
        media_type="text/event-stream",
    )


@get(
    "/organisations/{org:str}/requests/{request_id:str}",
    opt={"least": "viewer"},
    sync_to_thread=True,
)
def show_request(
    desk: Desk, actor: Actor, organisation: Organisation, request_id: str
) -> RequestWhole:
    """Show a request with all its attempts, and what was said where that is kept.

    What the configuration holds of it (addresses, files, names of variables) operators are shown.
    """
    with desk.read() as connection:
        found = find_request(connection, organisation.id, request_id)
    if found is None:
        raise NotFound("there is no such request", hint="the list has those that are kept")
    return found if actor.operator else _discreet(found)


def _discreet(found: RequestWhole) -> RequestWhole:
    """Show a request as the members of an organisation see it."""
    return replace(
        found,
        warnings=tuple(concealed(warning, found.attempts) for warning in found.warnings),
        attempts=tuple(map(conceal_attempt, found.attempts)),
    )


class Gone(Struct, frozen=True):
    """How many requests were deleted."""

    deleted: int


class MadeUp(Struct, frozen=True):
    """How many requests were made up, under which tag."""

    made: int
    tag: str


@delete(
    "/organisations/{org:str}/requests",
    opt={"least": "admin"},
    status_code=200,
    sync_to_thread=True,
)
def delete_requests(
    desk: Desk, actor: Actor, organisation: Organisation, tag: Annotated[str, Parameter()]
) -> Gone:
    """Delete made-up traffic, with its share of all sums; `tag` is `demo`. Real traffic stays."""
    if tag != DEMO:
        raise NotFound(
            "only made-up traffic can be deleted", hint="`tag=demo`; the rest goes by retention"
        )
    with desk.read() as connection:
        deleted = delete_tagged(connection, organisation.id, tag)
    with desk.change(
        actor, "delete", "demo_traffic", DEMO, organisation_id=organisation.id
    ) as change:
        change.note({"requests": deleted}, None)
    return Gone(deleted)


class Traffic(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be made up: so many requests; the same seed makes the same."""

    count: Annotated[int, msgspec.Meta(ge=1, le=COUNT_LIMIT)] = COUNT
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1


@post("/organisations/{org:str}/demo-traffic", opt={"least": "admin"}, sync_to_thread=True)
def make_demo_traffic(
    desk: Desk, actor: Actor, organisation: Organisation, data: Traffic | None = None
) -> MadeUp:
    """Make up requests of the last 7 days, to see what charts look like. Their cost is no money."""
    wanted = data or Traffic()
    made = make_traffic(
        desk.place, organisation.id, desk.clock(), count=wanted.count, seed=wanted.seed
    )
    with desk.change(
        actor, "create", "demo_traffic", DEMO, organisation_id=organisation.id
    ) as change:
        change.note(None, {"requests": made, "seed": wanted.seed})
    return MadeUp(made, DEMO)


async def _export(desk: Desk, selection: Selection, form: Format) -> AsyncIterator[str]:
    """Write all that fit, so many at once; nothing is held in between."""
    after: str | None = None
    columns = RequestLine.__struct_fields__
    head = True
    while True:
        found = await asyncio.to_thread(_read, desk, selection, Page(BATCH, after))
        text = write_rows(form, columns, map(asdict, found.items), head=head)
        if text:
            yield text
        head, after = False, found.after
        if after is None:
            return


def _read(desk: Desk, selection: Selection, page: Page) -> Any:
    with desk.read() as connection:
        return list_requests(connection, selection, page)


async def _follow(
    request: Request[Any, Any, Any],
    context: Context,
    organisation: Organisation,
    wanted: Wanted,
    last: str | None,
) -> AsyncIterator[str]:
    """Write events until the time is over or the gateway drains; a comment where nothing is new.

    Who asked has to be let in at every look: whoever may not see it any more, sees no more of it,
    and hears why when they ask again.
    """
    tail: Tail | None = None
    desk = context.desk

    def look() -> list[RequestLine]:
        nonlocal tail
        with desk.read() as connection:
            if tail is None:
                tail = Tail(wanted.of(connection, organisation), after=last, clock=desk.clock)
            return tail.look(connection)

    ends = time.monotonic() + TAIL_S
    yield "retry: 1000\n\n"
    while time.monotonic() < ends and not context.stopping():
        try:
            await guard(request, request.route_handler)
        except RequestError:
            return
        for line in await asyncio.to_thread(look):
            yield f"id: {line.id}\nevent: request\ndata: {_PAGE.encode(line).decode()}\n\n"
        yield ":\n\n"
        await asyncio.sleep(LOOK_S)


HANDLERS = (
    list_organisation_requests,
    tail_requests,
    show_request,
    delete_requests,
    make_demo_traffic,
)
