"""The audit log: every change, who made it, and what was different before. It is only read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.paging import Page, Slice, cut

_SELECT = (
    "SELECT audit.*, organisation.name AS organisation FROM audit"
    " LEFT JOIN organisation ON organisation.id = audit.organisation_id"
)
_FILTERS: Mapping[str, str] = {
    "organisation_id": "audit.organisation_id = :organisation_id",
    "actor": "actor = :actor",
    "action": "action = :action",
    "kind": "kind = :kind",
    "object": "object = :object",
    "since": "at >= :since",
    "until": "at < :until",
}


class AuditLine(Struct, frozen=True, kw_only=True):
    """A change. `difference` has what was and what is, by the name of what changed.

    `organisation` is the organisation's name, its id once it is deleted, None for the gateway's.
    Of one with a `problem` the difference cannot be read.
    """

    id: str
    at: float
    organisation: str | None
    actor: str
    address: str | None
    action: str
    kind: str
    object: str
    difference: dict[str, list[Any]]
    problem: str | None = None


def list_audit(
    connection: Connection, page: Page, **wanted: str | float | None
) -> Slice[AuditLine]:
    """List changes, the newest first: those of one `organisation_id`, or all.

    Filters: `actor`, `action`, `kind`, `object`, `since`, `until` (seconds since 1970).
    """
    values: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    where = [_FILTERS[name] for name in values]
    if page.after is not None:
        where.append("audit.id < :after")
        values["after"] = page.after
    clause = f" WHERE {' AND '.join(where)}" if where else ""
    rows = connection.rows(
        f"{_SELECT}{clause} ORDER BY audit.id DESC LIMIT :limit",
        {**values, "limit": page.limit + 1},
    )
    return cut([_read(row) for row in rows], page, lambda line: line.id)


def _read(row: Any) -> AuditLine:
    difference, unread = read_json(row["difference"], dict[str, list[Any]], {})
    return AuditLine(
        id=row["id"],
        at=row["at"],
        organisation=row["organisation"] or row["organisation_id"],
        actor=row["actor"],
        address=row["address"],
        action=row["action"],
        kind=row["kind"],
        object=row["object"],
        difference=difference,
        problem=None if unread is None else f"what was different cannot be read: {unread}",
    )
