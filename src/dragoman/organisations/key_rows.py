"""Gateway keys as the database has them: found by what is sent, listed, looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dragoman.organisations.failures import NotFound
from dragoman.store.json_column import read_json
from dragoman.types.gateway_key import ANYTHING, IssuedKey, KeyRules
from dragoman.types.paging import Page, Slice, cut

if TYPE_CHECKING:
    from dragoman.organisations.actor import Actor
    from dragoman.store.database import Connection

_SELECT = (
    "SELECT k.id, k.organisation_id, k.project_id, p.name AS project, k.account_id,"
    " a.email AS member, k.name, k.prefix, k.rules, k.expires_at, k.revoked_at, k.used_at,"
    " k.previous_prefix, k.previous_until, k.created_by, k.created_at, k.updated_at, k.version"
    " FROM gateway_key k LEFT JOIN project p ON p.id = k.project_id"
    " LEFT JOIN account a ON a.id = k.account_id"
)


def find_by_digest(connection: Connection, digest: str, now: float) -> IssuedKey | None:
    """Find the key that a text opens, by the text's digest; None for none, or one that is over.

    Raises: StoreError.
    """
    rows = connection.rows(
        f"{_SELECT} WHERE k.digest = :digest"
        " OR (k.previous_digest = :digest AND k.previous_until > :now)",
        {"digest": digest, "now": now},
    )
    key = _read(rows[0]) if rows else None
    return key if key is not None and key.opens(now) else None


def list_keys(
    connection: Connection,
    organisation_id: str,
    page: Page,
    *,
    account_id: str | None = None,
    revoked: bool = True,
    valid_at: float | None = None,
) -> Slice[IssuedKey]:
    """List an organisation's keys, newest last; only those of one account, where one is given.

    With `valid_at` none that has expired by then.
    """
    rows = connection.rows(
        f"{_SELECT} WHERE k.organisation_id = :organisation_id AND k.id > :after"
        + (" AND k.account_id = :account_id" if account_id is not None else "")
        + ("" if revoked else " AND k.revoked_at IS NULL")
        + ("" if valid_at is None else " AND (k.expires_at IS NULL OR k.expires_at > :valid_at)")
        + " ORDER BY k.id LIMIT :limit",
        {
            "organisation_id": organisation_id,
            "after": page.after or "",
            "limit": page.limit + 1,
            **({} if account_id is None else {"account_id": account_id}),
            **({} if valid_at is None else {"valid_at": valid_at}),
        },
    )
    return cut([_read(row) for row in rows], page, lambda key: key.id)


def get_key(connection: Connection, actor: Actor, organisation_id: str, key_id: str) -> IssuedKey:
    """Find a key that the actor may see. Raises: NotFound, also for somebody else's."""
    rows = connection.rows(
        f"{_SELECT} WHERE k.organisation_id = :organisation_id AND k.id = :id",
        {"organisation_id": organisation_id, "id": key_id},
    )
    key = _read(rows[0]) if rows else None
    if key is None or not _in_hand(actor, key):
        raise NotFound(f"there is no key {key_id[:60]!r}", hint="list the keys to see which are")
    return key


def account_to_see(actor: Actor, organisation_id: str) -> str | None:
    """Say whose keys the actor may see alone; None for everybody's."""
    return None if actor.may("admin", organisation_id) else actor.account_id or ""


def note_uses(connection: Connection, uses: Mapping[str, float]) -> None:
    """Write down when keys were used last, by id. It is no change: nobody has to hear of it.

    Raises: StoreError.
    """
    with connection.transaction():
        # In one order for everybody: two workers that write the same rows never wait in a circle.
        for key_id in sorted(uses):
            connection.write(
                "UPDATE gateway_key SET used_at = :at"
                " WHERE id = :id AND (used_at IS NULL OR used_at < :at)",
                {"id": key_id, "at": uses[key_id]},
            )


def _read(row: Mapping[str, Any]) -> IssuedKey:
    values = dict(row)
    values["rules"], problem = read_json(values["rules"], KeyRules, ANYTHING)
    if problem is not None:
        values["problem"] = f"its rules cannot be read, so it opens nothing: {problem}"
    return IssuedKey(**values)


def _in_hand(actor: Actor, key: IssuedKey) -> bool:
    if actor.may("admin", key.organisation_id):
        return True
    own = key.account_id is not None and key.account_id == actor.account_id
    return own and actor.role_in(key.organisation_id) is not None
