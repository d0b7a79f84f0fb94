"""What providers are still making in the background: what of it is to be asked for, and when.

Law: of as many workers as there are one asks for what is due: whoever moves its time on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.store.responses import COLUMNS, PROVIDER_TTL_S, StoredResponse, read_row

if TYPE_CHECKING:
    from dragoman.store.database import Connection

PAUSES_S = (60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0, 21_600.0, 86_400.0)
"""Between one question and the next, from the request on; the last goes on. Most are finished in
minutes, and who wants an answer asks for it every few seconds: what is left is what nobody wants.
One that is never finished is asked for 36 times, until its provider has forgotten it."""


class Debt(Struct, frozen=True, kw_only=True):
    """A response that is owed, and who asked for it. `is_orphaned`: its organisation is gone.

    What is known of the key is None where it is not the database's, or is there no more.
    """

    made: StoredResponse
    key_id: str | None
    key: str | None
    project_id: str | None
    account_id: str | None
    is_orphaned: bool


def due_after(made: StoredResponse, now: float) -> float:
    """Say when to look at a response next: the older it is, the later."""
    at = made.expires_at - PROVIDER_TTL_S
    for pause_s in PAUSES_S:
        at += pause_s
        if at > now:
            return at
    return now + PAUSES_S[-1]


def claim_due(connection: Connection, now: float, limit: int) -> list[Debt]:
    """Claim what is due, at most `limit`. Organisations take turns: none keeps others waiting.

    Raises: StoreError.
    """
    rows = connection.rows(
        f"SELECT {', '.join(f'due.{name}' for name in COLUMNS)},"  # noqa: S608
        " k.id AS key_id, k.name AS key_name, k.project_id, k.account_id, o.id AS found"
        " FROM (SELECT response.*, row_number() OVER"
        " (PARTITION BY organisation_id ORDER BY due_at) AS turn"
        " FROM response WHERE owed = 1 AND due_at <= :now AND expires_at > :now) AS due"
        " LEFT JOIN organisation o ON o.id = due.organisation_id"
        " LEFT JOIN gateway_key k"
        " ON k.id = due.gateway_key AND k.organisation_id = due.organisation_id"
        " ORDER BY turn, due.due_at LIMIT :limit",
        {"now": now, "limit": limit},
    )
    debts = [
        Debt(
            made=read_row(row),
            key_id=row["key_id"],
            key=row["key_name"],
            project_id=row["project_id"],
            account_id=row["account_id"],
            is_orphaned=row["found"] is None,
        )
        for row in rows
    ]
    return [debt for debt in debts if _move_on(connection, debt.made, now)]


def _move_on(connection: Connection, made: StoredResponse, now: float) -> bool:
    """Set the next time; False if another worker has, or it is owed no more."""
    return bool(
        connection.rows(
            "UPDATE response SET due_at = :next WHERE gateway_key = :key AND id = :id"
            " AND owed = 1 AND due_at = :due RETURNING id",
            {"next": due_after(made, now), "key": made.key, "id": made.id, "due": made.due_at},
        )
    )
