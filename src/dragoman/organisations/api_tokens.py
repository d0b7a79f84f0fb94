"""Tokens with which programs use the control plane, each as the account whose it is.

Gateway keys never open the control plane, and these never open the data plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from dragoman.errors import InvalidRequest
from dragoman.organisations.accounts import Account, find_account
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.texts import check_name
from dragoman.organisations.tokens import digest_of, make_token
from dragoman.store.database import Connection
from dragoman.types.credential import Secret
from dragoman.types.identifier import new_id

KIND = "dt"
"""How such a token begins."""
TOUCH_S = 60.0
LIFE_LIMIT_S = 10 * 365 * 86_400.0

_PEPPER = b"dragoman api token"
_COLUMNS = "id, account_id, name, prefix, created_at, expires_at, used_at"


class ApiToken(Struct, frozen=True, kw_only=True):
    """A token, as it is shown: `prefix` is enough to recognise it by."""

    id: str
    account_id: str
    name: str
    prefix: str
    created_at: float
    expires_at: float | None
    used_at: float | None


class NewToken(NamedTuple):
    """A new token, and its text, which is shown once."""

    token: ApiToken
    text: Secret


def list_tokens(connection: Connection, account_id: str) -> list[ApiToken]:
    """List the tokens of an account by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM api_token WHERE account_id = :account ORDER BY name",  # noqa: S608
        {"account": account_id},
    )
    return [_read(row) for row in rows]


def create_token(desk: Desk, actor: Actor, name: str, *, life_s: float | None) -> NewToken:
    """Make a token for who asks, valid for so long or, with None, until it is deleted.

    Raises: InvalidRequest, Conflict for a name that is taken, or for who has no account.
    """
    check_name(name)
    if life_s is not None and not 60 <= life_s <= LIFE_LIMIT_S:
        raise InvalidRequest("a token is valid for 1 minute to 10 years", param="expires_in")
    account_id = actor.account_id
    if account_id is None:
        raise Conflict(
            "who asks has no account that a token could belong to",
            hint="make an operator's account first: POST /api/v1/accounts",
        )
    with desk.change(actor, "create", "api_token", name) as change:
        taken = change.connection.rows(
            "SELECT 1 FROM api_token WHERE account_id = :account AND name = :name",
            {"account": account_id, "name": name},
        )
        if taken:
            raise Conflict(f"you have a token '{name}' already", hint="take another name")
        token = make_token(KIND, _PEPPER)
        made = new_id("tok")
        until = None if life_s is None else change.now + life_s
        columns = ("id", "account_id", "name", "prefix", "digest", "created_at", "expires_at")
        row = (made, account_id, name, token.prefix, token.digest, change.now, until)
        change.connection.insert("api_token", columns, [row])
        change.note(None, {"token": token.prefix})
        (found,) = change.connection.rows(
            f"SELECT {_COLUMNS} FROM api_token WHERE id = :id",  # noqa: S608
            {"id": made},
        )
    return NewToken(_read(found), token.text)


def delete_token(desk: Desk, actor: Actor, name: str) -> None:
    """Delete a token of who asks: it opens nothing any more. Raises: NotFound."""
    values = {"account": actor.account_id or "", "name": name}
    with desk.change(actor, "delete", "api_token", name) as change:
        found = change.connection.rows(
            "SELECT prefix FROM api_token WHERE account_id = :account AND name = :name", values
        )
        if not found:
            raise NotFound("you have no such token")
        change.connection.write(
            "DELETE FROM api_token WHERE account_id = :account AND name = :name", values
        )
        change.note({"token": found[0]["prefix"]}, None)


def find_by_token(connection: Connection, token: str, now: float) -> Account | None:
    """Find whose token this is: None when it is nobody's, has expired, or nobody may use it."""
    rows = connection.rows(
        "SELECT id, account_id, used_at FROM api_token WHERE digest = :digest"
        " AND (expires_at IS NULL OR expires_at > :now)",
        {"digest": digest_of(token, _PEPPER), "now": now},
    )
    if not rows:
        return None
    account = find_account(connection, rows[0]["account_id"])
    if account is None or not account.enabled:
        return None
    if now - (rows[0]["used_at"] or 0.0) > TOUCH_S:
        connection.write(
            "UPDATE api_token SET used_at = :now WHERE id = :id",
            {"now": now, "id": rows[0]["id"]},
        )
    return account


def _read(row: Mapping[str, Any]) -> ApiToken:
    return ApiToken(**dict(row))
