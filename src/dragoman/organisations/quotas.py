"""Quotas: how much of something operators let an organisation have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from dragoman.organisations.failures import Conflict
from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.organisation import UNREAD_QUOTAS, Quotas

Counted: TypeAlias = Literal["keys", "providers", "projects", "members"]

_COUNTS: Mapping[Counted, str] = {
    "keys": "SELECT COUNT(*) AS n FROM gateway_key"
    " WHERE organisation_id = :id AND revoked_at IS NULL"
    " AND (expires_at IS NULL OR expires_at > :now)",
    "providers": "SELECT COUNT(*) AS n FROM provider WHERE organisation_id = :id"
    " AND definition IS NOT NULL",
    "projects": "SELECT COUNT(*) AS n FROM project WHERE organisation_id = :id",
    "members": "SELECT (SELECT COUNT(*) FROM member WHERE organisation_id = :id)"
    " + :invited * (SELECT COUNT(*) FROM invitation WHERE organisation_id = :id"
    " AND accepted_at IS NULL AND expires_at > :now) AS n",
}


class QuotaReached(Conflict):
    """The organisation has as many of them as operators allow."""

    code = "quota_reached"


def read_quotas(connection: Connection, organisation_id: str) -> tuple[Quotas, str | None]:
    """Read what operators allow an organisation: nothing where that cannot be read, and why not.

    Raises: StoreError.
    """
    rows = connection.rows(
        "SELECT quotas FROM organisation WHERE id = :id", {"id": organisation_id}
    )
    return read_json(rows[0]["quotas"] if rows else "{}", Quotas, UNREAD_QUOTAS)


def check_quota(
    connection: Connection,
    organisation_id: str,
    counted: Counted,
    now: float,
    *,
    invited: bool = True,
) -> None:
    """See that there may be one more, inside a change. Raises: QuotaReached.

    `invited`: who is invited counts as a member already.
    """
    quotas, unread = read_quotas(connection, organisation_id)
    if unread is not None:
        raise QuotaReached(
            f"how many {counted} this organisation may have cannot be read",
            hint="an operator of this gateway sets its quotas anew",
        )
    most: int | None = getattr(quotas, counted)
    if most is None:
        return
    values = {"id": organisation_id, "now": now, "invited": int(invited)}
    (row,) = connection.rows(_COUNTS[counted], values)
    if row["n"] >= most:
        raise QuotaReached(
            f"this organisation may have {most} {counted}, and has as many",
            hint="remove one, or ask an operator of this gateway for more",
        )
