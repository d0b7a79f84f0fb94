"""What things are called that the ledger knows by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dragoman.store.database import Connection

_OF: Mapping[str, str] = {
    "key": "SELECT id, name FROM gateway_key",
    "project": "SELECT id, name FROM project",
    "member": "SELECT account.id AS id, email AS name FROM account",
    "organisation": "SELECT id, name FROM organisation",
}
_MEMBERS = " JOIN member ON account_id = account.id WHERE member.organisation_id = :organisation_id"


def read_names(
    connection: Connection, kind: str, organisation_id: str | None
) -> Callable[[str], str]:
    """Read the names of all of a kind; what is called nothing (any more) keeps its id.

    Raises: StoreError.
    """
    statement = _OF.get(kind)
    if statement is None:
        return str
    if organisation_id is not None and kind != "organisation":
        statement += _MEMBERS if kind == "member" else " WHERE organisation_id = :organisation_id"
    rows = connection.rows(statement, {"organisation_id": organisation_id})
    names = {row["id"]: row["name"] for row in rows}
    return lambda id_: names.get(id_, id_)
