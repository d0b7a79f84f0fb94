"""The database as those see it who look things up and change them.

Law: every change goes through `Desk.change`, which writes it, what the audit log says of it, and
the new revision in one transaction. Workers read anew what they know when the revision has grown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from dragoman.organisations.actor import Actor
from dragoman.store.database import Connection, Place, StoreError, open_database
from dragoman.types.identifier import new_id

IDLE_LIMIT = 4
"""So many connections are kept open while nobody uses them."""


class Change:
    """A change on its way: the connection to write with, and what the audit log will say.

    Nothing is logged, and no revision made, when nothing is noted. `organisation_id` is whose audit
    log it stands in, None for the gateway's alone. `about` is what was done, to what kind of thing,
    and to which.
    """

    def __init__(
        self,
        connection: Connection,
        now: float,
        about: tuple[str, str, str],
        organisation_id: str | None = None,
    ) -> None:
        self.connection = connection
        self.now = now
        self.about = about
        self.organisation_id = organisation_id
        self.noted: dict[str, Any] = {}
        self.lines = [self]

    def part(self, action: str, kind: str, name: str) -> Change:
        """Begin a part that has a line of its own in the audit log, the gateway's alone."""
        made = Change(self.connection, self.now, (action, kind, name))
        made.lines = self.lines
        self.lines.append(made)
        return made

    def name(self, name: str) -> None:
        """Say which it is, as people call it, once it has been found."""
        action, kind, _ = self.about
        self.about = (action, kind, name)

    def note(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Say what was there and what is now; None for nothing. Never hand a secret in here.

        What is the same in both is left out. Noted several times, all of it stands.
        """
        old, new = before or {}, after or {}
        self.noted |= {
            name: [old.get(name), new.get(name)]
            for name in dict.fromkeys([*old, *new])
            if old.get(name) != new.get(name)
        }


class Desk:
    """Hands out connections to the database, to as many threads as ask.

    Example:
        desk = Desk(database_place(os.environ))
        with desk.change(actor, "create", "project", "web", organisation_id=id) as change:
            change.connection.insert("project", columns, [row])
            change.note(None, {"title": "Web"})
    """

    def __init__(self, place: Place, *, clock: Callable[[], float] = time.time) -> None:
        self.place = place
        self.clock = clock
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection. One that failed is not lent again. Raises: StoreError."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = open_database(self.place)
        try:
            yield connection
        except StoreError:
            connection.close()
            raise
        except BaseException:
            self._take_back(connection)
            raise
        self._take_back(connection)

    @contextmanager
    def change(
        self,
        actor: Actor,
        action: str,
        kind: str,
        name: str,
        *,
        organisation_id: str | None = None,
    ) -> Iterator[Change]:
        """Change something: all of it, with its line in the audit log, or nothing.

        `action` is a verb (`create`, `update`, `delete`, `rotate`), `kind` a noun, `name` which.

        Raises: StoreError.
        """
        with self.read() as connection, connection.transaction():
            # One change at a time: what it reads before it writes stays true.
            connection.write("UPDATE revision SET number = number WHERE id = 1")
            change = Change(connection, self.clock(), (action, kind, name), organisation_id)
            yield change
            lines = [line for line in change.lines if line.noted]
            if not lines:
                return
            connection.insert(
                "audit",
                (
                    *("id", "at", "organisation_id", "actor", "address"),
                    *("action", "kind", "object", "difference"),
                ),
                [
                    (
                        new_id("aud"),
                        line.now,
                        line.organisation_id,
                        actor.name,
                        actor.address,
                        *line.about,
                        msgspec.json.encode(line.noted).decode(),
                    )
                    for line in lines
                ],
            )
            connection.write("UPDATE revision SET number = number + 1 WHERE id = 1")

    def revision(self) -> int:
        """Read the number that grows with every change. Raises: StoreError."""
        with self.read() as connection:
            (row,) = connection.rows("SELECT number FROM revision WHERE id = 1")
        return int(row["number"])

    def close(self) -> None:
        """Close what is idle, and whatever comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_LIMIT:
                self._idle.append(connection)
                return
        connection.close()
