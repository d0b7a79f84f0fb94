"""Deliveries to webhooks: kept in the database until they have been accepted or given up.

Law: news are written in the transaction that makes them true, so that no crash loses them. A worker
claims a delivery for a limited time before it tries it. If it dies, another worker tries again, so
a webhook may get the same news twice, under the same id. None is tried for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from msgspec import Struct

from dragoman.organisations.delivery import write_body
from dragoman.organisations.webhooks import Event, list_listening
from dragoman.types.identifier import new_id
from dragoman.types.paging import Page, Slice, cut

if TYPE_CHECKING:
    from dragoman.store.database import Connection

State: TypeAlias = Literal["waiting", "delivered", "failed"]
STATES: tuple[State, ...] = get_args(State)

PAUSES_S = (1.0, 5.0, 30.0, 120.0)
"""The pauses between tries: five tries in all, over two and a half minutes."""
LEASE_S = 30.0
"""How long a claim holds; a try takes 20 seconds at most."""
_SHOWN = "id, webhook, event, at, state, tries, due_at, tried_at, status, reason"
_DUE = "state = 'waiting' AND due_at <= :now AND until <= :now"


class Delivery(Struct, frozen=True, kw_only=True):
    """One piece of news for one webhook, and how its delivery stands. Times are Unix time.

    `status` is that of the last answer, None where there was none; `reason` is why the last try
    failed. `due_at` is the time of the next try while it is `waiting`.
    """

    id: str
    webhook: str
    event: str
    at: float
    state: State
    tries: int
    due_at: float
    tried_at: float | None
    status: int | None
    reason: str | None


class Errand(Struct, frozen=True, kw_only=True):
    """A delivery to be tried now, by whoever claimed it as `holder`."""

    id: str
    organisation_id: str
    webhook: str
    event: str
    body: str
    tries: int
    holder: str


def announce(
    connection: Connection, organisation_id: str, event: Event, data: Mapping[str, Any], at: float
) -> int:
    """Write down a delivery for each webhook of an organisation that wants to hear of an event.

    Call it in the transaction in which that became true. Returns: how many webhooks there are.
    Raises: StoreError.
    """
    rows = []
    for webhook in list_listening(connection, organisation_id, event):
        id_ = new_id("dlv")
        body = write_body(id_, event, at, data).decode()
        rows.append((id_, organisation_id, webhook.name, event, at, body, at))
    if rows:
        columns = ("id", "organisation_id", "webhook", "event", "at", "body", "due_at")
        connection.insert("delivery", columns, rows)
    return len(rows)


def claim(connection: Connection, now: float, limit: int) -> list[Errand]:
    """Claim what is due, at most `limit` of it, for `LEASE_S`. Raises: StoreError."""
    due = {"now": now, "limit": limit}
    # To look first costs a busy database less than to write.
    if not connection.rows(f"SELECT 1 FROM delivery WHERE {_DUE} LIMIT 1", {"now": now}):  # noqa: S608
        return []
    rows = connection.rows(
        f"UPDATE delivery SET holder = :holder, until = :until WHERE {_DUE} AND id IN"  # noqa: S608
        f" (SELECT id FROM delivery WHERE {_DUE} ORDER BY due_at, id LIMIT :limit)"
        " RETURNING id, organisation_id, webhook, event, body, tries, holder",
        {**due, "holder": new_id("hld"), "until": now + LEASE_S},
    )
    found = [Errand(**{name: row[name] for name in Errand.__struct_fields__}) for row in rows]
    return sorted(found, key=lambda one: one.id)


def settle(
    connection: Connection,
    errand: Errand,
    now: float,
    *,
    status: int | None,
    reason: str | None,
    hopeless: bool = False,
) -> State | None:
    """Write down the result of a try: a success where there is no `reason` against it.

    `hopeless`: it is not tried again. Returns: how it stands; None when another worker has claimed
    it since, or it was deleted with its webhook. Raises: StoreError.
    """
    tries = errand.tries + 1
    state: State = "waiting"
    due_at = now
    if reason is None:
        state = "delivered"
    elif hopeless or tries > len(PAUSES_S):
        state = "failed"
    else:
        due_at = now + PAUSES_S[tries - 1]
    rows = connection.rows(
        "UPDATE delivery SET state = :state, tries = :tries, due_at = :due_at, holder = NULL,"
        " until = 0, tried_at = :now, status = :status, reason = :reason"
        " WHERE id = :id AND holder = :holder RETURNING id",
        {
            "state": state,
            "tries": tries,
            "due_at": due_at,
            "now": now,
            "status": status,
            "reason": reason,
            "id": errand.id,
            "holder": errand.holder,
        },
    )
    return state if rows else None


def list_deliveries(
    connection: Connection,
    organisation_id: str,
    page: Page,
    *,
    webhook: str | None = None,
    state: State | None = None,
) -> Slice[Delivery]:
    """List deliveries, the latest first. Raises: StoreError."""
    conditions, values = ["organisation_id = :of"], {"of": organisation_id, "limit": page.limit + 1}
    for column, value in (("webhook", webhook), ("state", state)):
        if value is not None:
            conditions.append(f"{column} = :{column}")
            values[column] = value
    if page.after is not None:
        conditions.append("id < :after")
        values["after"] = page.after
    rows = connection.rows(
        f"SELECT {_SHOWN} FROM delivery WHERE {' AND '.join(conditions)}"  # noqa: S608
        " ORDER BY id DESC LIMIT :limit",
        values,
    )
    found = [Delivery(**{name: row[name] for name in Delivery.__struct_fields__}) for row in rows]
    return cut(found, page, lambda one: one.id)


def begin_outage(connection: Connection, organisation_id: str, provider: str, at: float) -> bool:
    """Note that a provider is down since then; False where somebody has noted it already.

    `organisation_id` is '' for the operator's providers. Raises: StoreError.
    """
    rows = connection.rows(
        "INSERT INTO outage (organisation_id, provider, at) VALUES (:of, :provider, :at)"
        " ON CONFLICT DO NOTHING RETURNING provider",
        {"of": organisation_id, "provider": provider, "at": at},
    )
    return bool(rows)


def end_outage(connection: Connection, organisation_id: str, provider: str) -> bool:
    """Note that a provider is back; False where somebody has noted it already.

    Raises: StoreError.
    """
    rows = connection.rows(
        "DELETE FROM outage WHERE organisation_id = :of AND provider = :provider"
        " RETURNING provider",
        {"of": organisation_id, "provider": provider},
    )
    return bool(rows)


def list_outages(connection: Connection) -> list[tuple[str | None, str]]:
    """List the providers that are noted to be down, and whose they are. Raises: StoreError."""
    rows = connection.rows("SELECT organisation_id, provider FROM outage")
    return [(row["organisation_id"] or None, row["provider"]) for row in rows]
