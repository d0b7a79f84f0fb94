"""The change from one master key to another, while everything goes on.

Rows are sealed anew in batches, each a short transaction. Whoever is cut short begins again: what
is done is not looked at twice. A row that is changed meanwhile keeps the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from dragoman.organisations.sealing import MasterKeys, Purpose, Unreadable, sealed_with

if TYPE_CHECKING:
    from dragoman.organisations.actor import Actor
    from dragoman.organisations.desk import Desk

BATCH = 200


class Sealed(NamedTuple):
    """A column of sealed texts. What it is sealed for is the table and these two columns."""

    table: str
    column: str
    organisation: str = "organisation_id"
    name: str = "name"

    def purpose(self, organisation_id: str, name: str) -> Purpose:
        """Say what a row's text is sealed for."""
        return Purpose(organisation_id, self.table, name)


SEALED = (
    Sealed("provider", "token"),
    Sealed("webhook", "secret"),
    Sealed("setting", "value", organisation="''"),
)
"""Every column of sealed texts that there is, and so what a secret is sealed for:
`Purpose(organisation_id, "webhook", name)`. Of `setting` only some are, with no organisation."""


class Count(NamedTuple):
    """How many sealed texts a master key has in a table. `known`: it is among those given."""

    table: str
    key_id: str
    rows: int
    known: bool


class Rotated(NamedTuple):
    """What a rotation did. `unreadable` names the rows that opened with none of the keys."""

    key_id: str
    rows: int
    unreadable: tuple[str, ...]


def count_sealed(desk: Desk, keys: MasterKeys) -> list[Count]:
    """Count the sealed texts by table and master key. Raises: StoreError."""
    found: list[Count] = []
    for place in SEALED:
        with desk.read() as connection:
            # A sealed text is `v1.KEY.DATA`, and a key's id has 16 digits.
            rows = connection.rows(
                f"SELECT substr({place.column}, 4, 16) AS key_id, count(*) AS number"  # noqa: S608
                f" FROM {place.table} WHERE {place.column} LIKE 'v1.%' GROUP BY 1 ORDER BY 1"
            )
        found += [
            Count(place.table, row["key_id"], row["number"], row["key_id"] in keys.ids)
            for row in rows
        ]
    return found


def rotate(desk: Desk, keys: MasterKeys, actor: Actor, *, batch: int = BATCH) -> Rotated:
    """Seal everything anew that another master key sealed. Raises: StoreError."""
    done, unreadable = 0, []
    for place in SEALED:
        for rows, bad in _batches(desk, keys, place, batch):
            done += rows
            unreadable += bad
    if done:
        with desk.change(actor, "rotate", "master key", keys.current.id) as change:
            change.note(None, {"sealed": done, "unreadable": len(unreadable)})
    return Rotated(keys.current.id, done, tuple(unreadable))


def _batches(
    desk: Desk, keys: MasterKeys, place: Sealed, batch: int
) -> Iterator[tuple[int, list[str]]]:
    """Go through a table in the order of its key, a transaction each; what is new is passed by."""
    column, organisation = place.column, place.organisation
    after = ("", "")
    while True:
        with desk.read() as connection, connection.transaction():
            rows = connection.rows(
                f"SELECT {organisation} AS organisation_id, {place.name} AS name,"  # noqa: S608
                f" {column} AS sealed FROM {place.table}"
                f" WHERE {column} LIKE 'v1.%' AND {column} NOT LIKE :current"
                f" AND ({organisation} > :organisation_id OR"
                f" ({organisation} = :organisation_id AND {place.name} > :name))"
                f" ORDER BY 1, 2 LIMIT {batch}",
                {
                    "current": f"{sealed_with(keys.current.id)}%",
                    "organisation_id": after[0],
                    "name": after[1],
                },
            )
            if not rows:
                return
            done, unreadable = 0, []
            for row in rows:
                after = (row["organisation_id"], row["name"])
                purpose = place.purpose(*after)
                try:
                    opened = keys.open(row["sealed"], purpose)
                except Unreadable:
                    unreadable.append(f"{purpose} of {after[0]}".removesuffix(" of "))
                    continue
                connection.write(
                    f"UPDATE {place.table} SET {column} = :sealed"  # noqa: S608
                    f" WHERE {organisation} = :organisation_id AND {place.name} = :name"
                    f" AND {column} = :before",
                    {
                        "sealed": keys.seal(opened.reveal(), purpose),
                        "organisation_id": after[0],
                        "name": after[1],
                        "before": row["sealed"],
                    },
                )
                done += 1
        yield done, unreadable


def stale(counts: list[Count], keys: MasterKeys) -> int:
    """Say how many texts the sealing key has not sealed."""
    return sum(count.rows for count in counts if count.key_id != keys.current.id)
