"""What things are called that the ledger knows by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dragoman.ledger.queries.sums import Filters
from dragoman.store.database import Connection
from dragoman.store.selection import Selection

_OF: Mapping[str, str] = {
    "key": "SELECT id, name FROM gateway_key",
    "project": "SELECT id, name FROM project",
    "member": "SELECT account.id AS id, email AS name FROM account",
    "organisation": "SELECT id, name FROM organisation",
}
_FIELDS = {"project_id": "project", "account_id": "member", "key": "key"}
_MEMBERS = " JOIN member ON account_id = account.id WHERE member.organisation_id = :organisation_id"


def read_names(
    connection: Connection, kind: str, organisation_id: str | None
) -> Callable[[str], str]:
    """Read the names of all of a kind; what is called nothing (any more) keeps its id.

    Raises: StoreError.
    """
    if kind not in _OF:
        return str
    names = _read(connection, kind, organisation_id)
    return lambda id_: names.get(id_, id_)


def find_id(connection: Connection, kind: str, organisation_id: str | None, name: str) -> str:
    """Find the id of what is called so; what nothing is called is taken for an id.

    Exchanges outlive projects and keys, whose ids are all that is left of them.

    Raises: StoreError.
    """
    known = _read(connection, kind, organisation_id)
    return next((id_ for id_, called in known.items() if called == name), name)


def find_ids(
    connection: Connection, organisation_id: str | None, chosen: Filters | Selection
) -> dict[str, str]:
    """Find the ids of the project, member and key that filters name: by field, what is named.

    Raises: StoreError.
    """
    return {
        field: find_id(connection, kind, organisation_id, name)
        for field, kind in _FIELDS.items()
        if (name := getattr(chosen, field)) is not None
    }


def _read(connection: Connection, kind: str, organisation_id: str | None) -> Mapping[str, str]:
    statement = _OF[kind]
    if organisation_id is not None and kind != "organisation":
        statement += _MEMBERS if kind == "member" else " WHERE organisation_id = :organisation_id"
    # Of keys with one name only one is in force: the last one made.
    rows = connection.rows(f"{statement} ORDER BY id DESC", {"organisation_id": organisation_id})
    return {row["id"]: row["name"] for row in rows}
