"""Tokens with which programs use the control plane, each as the account whose it is.

Gateway keys never open the control plane, and these never open the data plane.
"""

from __future__ import annotations

from dragoman.organisations.accounts import Account, find_account
from dragoman.organisations.tokens import digest_of
from dragoman.store.database import Connection

KIND = "dt"
"""How such a token begins."""
TOUCH_S = 60.0

_PEPPER = b"dragoman api token"


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
