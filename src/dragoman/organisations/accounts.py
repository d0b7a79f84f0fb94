"""Accounts: the people (and the operators among them) who sign in."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from dragoman.organisations.actor import Actor, Role
from dragoman.store.database import Connection

_COLUMNS = (
    "id, email, name, password, issuer, subject, operator, enabled, created_at, updated_at, version"
)


class Account(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. `password` is a digest, None for who has none."""

    id: str
    email: str
    name: str
    password: str | None
    issuer: str | None
    subject: str | None
    operator: bool
    enabled: bool
    created_at: float
    updated_at: float
    version: int

    def __repr__(self) -> str:
        return f"Account({self.id})"


def has_operator(connection: Connection) -> bool:
    """Whether somebody can sign in as operator: without one, who sits at the machine is it."""
    return bool(connection.rows("SELECT 1 FROM account WHERE operator = 1 AND enabled = 1 LIMIT 1"))


def find_account(connection: Connection, account_id: str) -> Account | None:
    """Find an account by its id."""
    return _find(connection, "id = :id", {"id": account_id})


def find_by_email(connection: Connection, email: str) -> Account | None:
    """Find an account by its e-mail address, written as it is kept."""
    return _find(connection, "email = :email", {"email": email})


def actor_of(connection: Connection, account: Account, address: str | None) -> Actor:
    """Say what an account may do: its roles as they are now."""
    rows = connection.rows(
        "SELECT organisation_id, role FROM member WHERE account_id = :id", {"id": account.id}
    )
    roles: dict[str, Role] = {row["organisation_id"]: row["role"] for row in rows}
    return Actor(
        name=account.email,
        account_id=account.id,
        operator=account.operator,
        roles=roles,
        address=address,
    )


def _find(connection: Connection, where: str, values: dict[str, Any]) -> Account | None:
    rows = connection.rows(f"SELECT {_COLUMNS} FROM account WHERE {where}", values)  # noqa: S608
    return read_account(rows[0]) if rows else None


def read_account(row: Any) -> Account:
    """Read a row of the table."""
    return Account(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        password=row["password"],
        issuer=row["issuer"],
        subject=row["subject"],
        operator=bool(row["operator"]),
        enabled=bool(row["enabled"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
