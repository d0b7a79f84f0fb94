"""The first operator: by a link that is valid once, or by a variable.

A gateway that others can reach and that nothing guards waits to be set up. The token of the link
is kept as a digest, for a day; with the first operator it is gone.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from dragoman.errors import Unauthorized
from dragoman.organisations.accounts import Account, has_operator, make_account
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.passwords import check_password, digest_password
from dragoman.organisations.texts import read_email
from dragoman.organisations.tokens import digest_of, make_token
from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.credential import Secret

KIND = "su"
LIFE_S = 86_400.0
EMAIL = "operator@localhost"
"""Of the operator that a variable makes, where it says no other."""

_SETTING = "setup"
_PEPPER = b"dragoman setup"


def begin_setup(desk: Desk) -> Secret | None:
    """Make the token of the link; one from before is void. None when there is an operator."""
    with desk.change(SYSTEM, "begin", "setup", _SETTING) as change:
        if has_operator(change.connection):
            return None
        token = make_token(KIND, _PEPPER)
        value = {"digest": token.digest, "expires_at": change.now + LIFE_S}
        _forget(change.connection)
        change.connection.insert(
            "setting",
            ("name", "value", "created_at", "updated_at"),
            [(_SETTING, msgspec.json.encode(value).decode(), change.now, change.now)],
        )
        change.note(None, {"token": token.prefix})
    return token.text


def finish_setup(
    desk: Desk, token: str, email: str, password: str, *, name: str | None = None
) -> Account:
    """Make the first operator. Raises: Unauthorized, InvalidRequest."""
    with desk.read() as connection:  # before the work of a password's digest
        _check(connection, token, desk.clock())
    digest = digest_password(check_password(password))
    with desk.change(SYSTEM, "create", "account", read_email(email)) as change:
        _check(change.connection, token, change.now)
        made = make_account(change, email, name=name, password=digest, operator=True)
        _forget(change.connection)
        change.note(None, {"operator": True, "way": "setup"})
    return made


def ensure_operator(desk: Desk, email: str, password: str) -> bool:
    """Make an operator where there is none; whether one was made. Raises: InvalidRequest."""
    with desk.read() as connection:
        if has_operator(connection):
            return False
    digest = digest_password(check_password(password))
    with desk.change(SYSTEM, "create", "account", read_email(email)) as change:
        if has_operator(change.connection):
            return False
        make_account(change, email, password=digest, operator=True)
        _forget(change.connection)
        change.note(None, {"operator": True, "way": "variable"})
    return True


def _check(connection: Connection, token: str, now: float) -> None:
    """Raises: Unauthorized."""
    rows = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": _SETTING})
    kept, _ = read_json(rows[0]["value"] if rows else "{}", dict[str, Any], {})
    right = hmac.compare_digest(str(kept.get("digest", "")), digest_of(token, _PEPPER))
    if not right or now >= kept["expires_at"] or has_operator(connection):
        raise Unauthorized(
            "the link is not valid, or not any more",
            hint="start the gateway again: it prints a new one, unless it is set up",
            code="unauthorized",
        )


def _forget(connection: Connection) -> None:
    connection.write("DELETE FROM setting WHERE name = :name", {"name": _SETTING})
