"""The database for commands that set things up, as the operator of this instance."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from dragoman.cli.records.record import RecordUnusable, check_there, tell_of_new
from dragoman.cli.session import Session
from dragoman.types.exchange import DEFAULT_ORGANISATION

if TYPE_CHECKING:
    from dragoman.organisations.actor import Actor
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.organisations import Organisation
    from dragoman.organisations.safe import Safe
    from dragoman.store import Place, StoreError


class Office(NamedTuple):
    """What such a command works with; `actor` is what the audit log calls its user."""

    desk: Desk
    safe: Safe
    actor: Actor

    def organisation(self, name: str) -> Organisation:
        """Find an organisation by its name. Raises: NotFound."""
        from dragoman.organisations.failures import NotFound
        from dragoman.organisations.organisations import find_organisation

        with self.desk.read() as connection:
            found = find_organisation(connection, name)
        if found is None:
            raise NotFound(
                f"there is no organisation {name[:60]!r}",
                hint="dragoman organisations lists them, and makes one",
            )
        return found


@contextmanager
def open_office(session: Session, *, create: bool = False) -> Iterator[Office]:
    """Open the database to look things up and change them.

    `create`: what is set up may be the first thing in it. Raises: RecordUnusable.
    """
    from dragoman.organisations.actor import Actor
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.safe import Safe
    from dragoman.store import StoreError, database_place
    from dragoman.store.database import Server

    try:
        place = database_place(session.env)
    except StoreError as error:
        raise _unusable("DRAGOMAN_DATABASE_URL", error) from None
    if create:
        tell_of_new(session, place)
    else:
        check_there(session, place, "dragoman serve makes it")
    try:
        with closing(Desk(place)) as desk:
            # Whoever shares a server with others has to say which master key all of them use.
            safe = Safe(desk, session.env, create=not isinstance(place, Server))
            yield Office(desk, safe, Actor(name=f"{_user()} at the command line", operator=True))
    except StoreError as error:
        raise _unusable(place, error) from None


def _unusable(place: Place | str, error: StoreError) -> RecordUnusable:
    what = "the database of the gateway cannot be used"
    return RecordUnusable(place, error, what, "dragoman db status looks at it")


of_organisation = click.option(
    "--organisation",
    metavar="NAME",
    default=DEFAULT_ORGANISATION,
    show_default=True,
    help="Whose.",
)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
