"""Sessions: who has signed in in a browser, until they leave or have been away for long.

A session is found by the digest of its token: 256 random bits, so no pepper is needed, and who
signs in does not depend on the master key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.organisations.accounts import Account, find_account
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import NotFound
from dragoman.organisations.tokens import digest_of, make_token
from dragoman.store.database import Connection
from dragoman.types.credential import Secret
from dragoman.types.identifier import new_id

KIND = "ds"
"""How the token of a session begins."""
IDLE_S = 12 * 3600.0
ABSOLUTE_S = 7 * 86_400.0
TOUCH_S = 60.0
"""So often it is noted that a session is used."""
AGENT_LIMIT = 200

_PEPPER = b"dragoman session"
_COLUMNS = "id, account_id, created_at, used_at, expires_at, address, agent"


class Session(Struct, frozen=True, kw_only=True):
    """A session. It ends at `expires_at`, or `IDLE_S` after `used_at`."""

    id: str
    account_id: str
    created_at: float
    used_at: float
    expires_at: float
    address: str | None
    agent: str | None


def open_session(
    connection: Connection, account_id: str, now: float, *, address: str | None, agent: str | None
) -> Secret:
    """Make a session with a new token, inside a transaction; gives the token."""
    token = make_token(KIND, _PEPPER)
    columns = ("id", "digest", "account_id", "created_at", "used_at", "expires_at")
    shown = "".join(c for c in agent or "" if c.isprintable())[:AGENT_LIMIT] or None
    row = (new_id("ses"), token.digest, account_id, now, now, now + ABSOLUTE_S, address, shown)
    connection.insert("session", (*columns, "address", "agent"), [row])
    return token.text


def find_session(connection: Connection, token: str, now: float) -> tuple[Session, Account] | None:
    """Find whose session this is: None when it has ended, or its account is disabled."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM session WHERE digest = :digest"  # noqa: S608
        " AND expires_at > :now AND used_at > :idle",
        {"digest": digest_of(token, _PEPPER), "now": now, "idle": now - IDLE_S},
    )
    if not rows:
        return None
    session = _read(rows[0])
    account = find_account(connection, session.account_id)
    if account is None or not account.enabled:
        return None
    if now - session.used_at > TOUCH_S:
        connection.write(
            "UPDATE session SET used_at = :now WHERE id = :id", {"now": now, "id": session.id}
        )
    return session, account


def is_open(connection: Connection, session_id: str | None, account_id: str, now: float) -> bool:
    """Whether this is a session of that account, and has not ended."""
    return any(one.id == session_id for one in list_sessions(connection, account_id, now))


def list_sessions(connection: Connection, account_id: str, now: float) -> list[Session]:
    """List the sessions of an account that have not ended, the newest first."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM session WHERE account_id = :account"  # noqa: S608
        " AND expires_at > :now AND used_at > :idle ORDER BY created_at DESC, id DESC",
        {"account": account_id, "now": now, "idle": now - IDLE_S},
    )
    return [_read(row) for row in rows]


def end_session(desk: Desk, actor: Actor, session_id: str) -> None:
    """End a session of who asks. Raises: NotFound for one that is not theirs."""
    with desk.change(actor, "end", "session", session_id) as change:
        values = {"id": session_id, "account": actor.account_id or ""}
        where = "WHERE id = :id AND account_id = :account"
        if not change.connection.rows(f"SELECT 1 FROM session {where}", values):  # noqa: S608
            raise NotFound("there is no such session")
        change.connection.write(f"DELETE FROM session {where}", values)  # noqa: S608
        change.note({"session": "open"}, None)


def end_by_token(connection: Connection, token: str) -> None:
    """End the session of a token, inside a transaction; that there is none is no error."""
    digest = digest_of(token, _PEPPER)
    connection.write("DELETE FROM session WHERE digest = :digest", {"digest": digest})


def sweep_sessions(connection: Connection, now: float) -> None:
    """Remove the sessions that have ended, inside a transaction."""
    connection.write(
        "DELETE FROM session WHERE expires_at <= :now OR used_at <= :idle",
        {"now": now, "idle": now - IDLE_S},
    )


def _read(row: Mapping[str, Any]) -> Session:
    return Session(**dict(row))
