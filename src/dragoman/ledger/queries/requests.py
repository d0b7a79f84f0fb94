"""The exchanges themselves: listed by pages, one of them whole, those that have just ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.store.records import attempt_of
from dragoman.store.selection import Selection
from dragoman.types.exchange import Attempt
from dragoman.types.paging import Page, Slice, cut

SLACK_S = 300.0
"""An id's time and the recorded beginning are the same moment, unless a clock was set."""
BATCH = 1000
"""Exchanges that are read at once where there may be any number."""


class RequestLine(Struct, frozen=True, kw_only=True):
    """An exchange as lists have it. Times are seconds, money nano-dollars; None is unknown."""

    id: str
    started_at: float
    duration_s: float
    first_token_s: float | None
    source: str
    endpoint: str | None
    asked: str
    route: str | None
    stream: bool
    provider: str | None
    model: str | None
    outcome: str
    status: int | None
    error: str | None
    finish_reason: str | None
    attempt_count: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    usage_estimated: bool
    cost_nanousd: int | None
    cost_source: str
    gateway_key: str | None
    key_id: str | None
    project_id: str | None
    account_id: str | None
    tag: str | None


class Said(Struct, frozen=True, kw_only=True):
    """What was said in an exchange, as its organisation has it kept. Texts may be cut."""

    at: float
    mode: str
    request: str
    response: str


class RequestWhole(Struct, frozen=True, kw_only=True):
    """An exchange with its attempts, in their order, and what was said if that was kept."""

    line: RequestLine
    overhead_s: float | None
    warnings: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    content: Said | None


_COLUMNS = ", ".join(RequestLine.__struct_fields__)


def list_requests(connection: Connection, selection: Selection, page: Page) -> Slice[RequestLine]:
    """List exchanges, the latest first. Raises: StoreError."""
    found = _read(connection, selection, page.after, page.limit + 1)
    return cut(found, page, lambda line: line.id)


def every_request(connection: Connection, selection: Selection) -> Iterator[RequestLine]:
    """Read all exchanges, the latest first, so many at once. Raises: StoreError."""
    before: str | None = None
    while found := _read(connection, selection, before, BATCH):
        yield from found
        before = found[-1].id


def find_request(
    connection: Connection, organisation_id: str | None, id_: str
) -> RequestWhole | None:
    """Find an exchange of an organisation. Raises: StoreError."""
    conditions, values = Selection(organisation_id=organisation_id).conditions()
    rows = connection.rows(
        f"SELECT {_COLUMNS}, overhead_s, warnings FROM exchange"  # noqa: S608
        f" WHERE {' AND '.join(['id = :id', *conditions])}",
        {**values, "id": id_},
    )
    if not rows:
        return None
    row = dict(rows[0])
    attempts = connection.rows(
        "SELECT * FROM attempt WHERE exchange_id = :id ORDER BY number", {"id": id_}
    )
    said = connection.rows(
        "SELECT at, mode, request, response FROM content WHERE exchange_id = :id", {"id": id_}
    )
    overhead = row.pop("overhead_s")
    warnings, unread = read_json(row.pop("warnings") or "[]", tuple[str, ...], ())
    return RequestWhole(
        line=_line(row),
        overhead_s=overhead,
        warnings=warnings if unread is None else (f"what was told cannot be read: {unread}",),
        attempts=tuple(attempt_of(attempt) for attempt in attempts),
        content=Said(**dict(said[0])) if said else None,
    )


def bounded(selection: Selection) -> tuple[list[str], dict[str, Any]]:
    """Write a selection in SQL, its times also as bounds of ids: those are in an index."""
    conditions, values = selection.conditions()
    for column, name, slack in (("id >=", "since", -SLACK_S), ("id <=", "until", SLACK_S)):
        at = getattr(selection, name)
        if at is not None:
            conditions.append(f"exchange.{column} :{name}_id")
            values[f"{name}_id"] = id_at(at + slack)
    return conditions, values


def id_at(at: float) -> str:
    """Write the least id that an exchange of this time can have."""
    return f"req_{min(max(int(at * 1000), 0), 2**48 - 1):012x}"


WINDOW_S = 120.0
LONG_WINDOW_S = 3600.0
LONG_EVERY = 10
"""Every so many looks those are looked for too that took longer than the window."""


class Tail:
    """Tells which exchanges have ended since the last look, as they are written down.

    Ids are of their beginnings: one that took long appears among older ones. So each look goes
    some way back, and what has been told already is remembered.
    """

    def __init__(
        self,
        selection: Selection,
        *,
        after: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`after` is the last exchange that was told before; None: begin with what comes now."""
        self._selection = selection
        self._clock = clock
        self._told: dict[str, None] = {}
        self._looks = 0
        self._after = after

    def look(self, connection: Connection, *, limit: int = BATCH) -> list[RequestLine]:
        """Read what is new, the earliest first. The first look tells nothing, but from `after` on.

        Raises: StoreError.
        """
        first, self._looks = self._looks == 0, self._looks + 1
        found = self._newer(connection, WINDOW_S, limit)
        if first or self._looks % LONG_EVERY == 0:
            found += self._newer(connection, LONG_WINDOW_S, limit, least_s=WINDOW_S / 2)
        fresh = {line.id: line for line in found if line.id not in self._told}
        self._told |= dict.fromkeys(fresh)
        oldest = id_at(self._clock() - LONG_WINDOW_S)
        for id_ in [id_ for id_ in self._told if id_ < oldest]:
            del self._told[id_]
        told = [fresh[id_] for id_ in sorted(fresh)]
        if not first:
            return told
        return [line for line in told if self._after is not None and line.id > self._after]

    def _newer(
        self, connection: Connection, window_s: float, limit: int, *, least_s: float | None = None
    ) -> list[RequestLine]:
        conditions, values = self._selection.conditions()
        conditions.append("id >= :oldest")
        values["oldest"] = id_at(self._clock() - window_s)
        if least_s is not None:
            conditions.append("duration_s >= :longer")
            values["longer"] = least_s
        rows = connection.rows(
            f"SELECT {_COLUMNS} FROM exchange WHERE {' AND '.join(conditions)}"  # noqa: S608
            " ORDER BY id DESC LIMIT :limit",
            {**values, "limit": limit},
        )
        return [_line(row) for row in rows]


def _read(
    connection: Connection, selection: Selection, before: str | None, limit: int
) -> list[RequestLine]:
    conditions, values = bounded(selection)
    if before is not None:
        conditions.append("id < :before")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM exchange {where} ORDER BY id DESC LIMIT :limit",  # noqa: S608
        {**values, "before": before, "limit": limit},
    )
    return [_line(row) for row in rows]


def _line(row: Any) -> RequestLine:
    fields = dict(row)
    flags = {name: bool(fields[name]) for name in ("stream", "usage_estimated")}
    return RequestLine(**{**fields, **flags})
