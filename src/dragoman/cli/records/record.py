"""The record of what was asked, opened for reading; what is wrong with it is told in lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import InputMissing

if TYPE_CHECKING:
    from dragoman.store import Place, StoreError
    from dragoman.store.records import Records

ELSE = "dragoman doctor looks at it; moved away, it makes room for a new record"
MISNAMED = "see that DRAGOMAN_DATABASE_URL names the right one; dragoman serve makes it"


class RecordUnusable(InputMissing):
    """The record cannot be read. `why` is the reason, and where the file is."""

    code = "record_unusable"

    def __init__(
        self,
        place: Place | str,
        error: StoreError,
        what: str = "the record of what was asked cannot be read",
        otherwise: str = ELSE,
    ) -> None:
        from dragoman.store.database import NothingRecorded

        told = str(error)
        missing = isinstance(error, NothingRecorded)
        own = told.removeprefix(f"{place}: ")
        super().__init__(own if missing else what, hint=error.hint or otherwise)
        named = told if told.startswith(str(place)) else f"{place}: {told}"
        self.why = f"there is no {place}" if missing else named


@contextmanager
def open_records(session: Session) -> Iterator[Records]:
    """Open the record, and close it. Raises: RecordUnusable, also for what is met on the way."""
    from dragoman.store.records import Records

    place = find_place(session)
    check_there(session, place)
    with readable(place), Records(place) as records:
        yield records


def find_place(session: Session) -> Place:
    """Say where the record is. Raises: RecordUnusable for a URL that is none."""
    from dragoman.store import StoreError, database_place

    try:
        return database_place(session.env)
    except StoreError as error:
        raise RecordUnusable("DRAGOMAN_DATABASE_URL", error) from None


def check_there(session: Session, place: Place, hint: str | None = None) -> None:
    """See that there is a database to look into: who looks makes none. Raises: RecordUnusable.

    `hint` says how to make it, where no other is meant.
    """
    from dragoman.store.database import NothingRecorded, is_there

    if not is_there(place):
        nothing = NothingRecorded(place)
        nothing.hint = MISNAMED if _is_named(session) else hint or nothing.hint
        raise RecordUnusable(place, nothing)


def check_named(session: Session, place: Place) -> None:
    """See that there is the database that a variable names: it may be misspelt.

    Raises: RecordUnusable.
    """
    if _is_named(session):
        check_there(session, place)


def tell_of_new(session: Session, place: Place) -> None:
    """Warn of a database that will be made where a variable names none: it may be misspelt."""
    from dragoman.store.database import is_there

    if not is_there(place) and _is_named(session):
        session.terminal.warn(f"there is no database at {place} yet: a new one is made")


def _is_named(session: Session) -> bool:
    from dragoman.store.database import VARIABLE, named_place

    return named_place(session.env, VARIABLE) is not None


@contextmanager
def readable(place: Place) -> Iterator[None]:
    """Tell of a record that cannot be read. Raises: RecordUnusable."""
    import msgspec

    from dragoman.store import StoreError

    try:
        yield
    except StoreError as error:
        raise RecordUnusable(place, error) from None
    except msgspec.MsgspecError as error:
        damaged = StoreError(f"a row in it is damaged ({error})")
        raise RecordUnusable(place, damaged) from None
