"""Invitations as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.organisations.actor import Role
from dragoman.organisations.desk import Change

COLUMNS = "id, organisation_id, role, email, created_at, created_by, expires_at, accepted_at"


class Invitation(Struct, frozen=True, kw_only=True):
    """An invitation. With `email`, only the account of that address may accept it."""

    id: str
    organisation_id: str
    role: Role
    email: str | None
    created_at: float
    created_by: str | None
    expires_at: float
    accepted_at: float | None


def read_invitation(row: Mapping[str, Any]) -> Invitation:
    """Read a row of the table."""
    return Invitation(**dict(row))


def withdraw_invitations_of(change: Change, email: str, organisation_id: str | None = None) -> None:
    """Withdraw what somebody has made and nobody accepted, there or everywhere, in a change."""
    values = {"email": email}
    where = "created_by = :email AND accepted_at IS NULL"
    if organisation_id is not None:
        values["organisation"] = organisation_id
        where += " AND organisation_id = :organisation"
    withdrawn = change.connection.rows(
        f"DELETE FROM invitation WHERE {where} RETURNING id",  # noqa: S608
        values,
    )
    if withdrawn:
        change.note(None, {"withdrawn invitations": sorted(row["id"] for row in withdrawn)})
