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
    with readable(place), Records(place) as records:
        yield records


def find_place(session: Session) -> Place:
    """Say where the record is. Raises: RecordUnusable for a URL that is none."""
    from dragoman.store import StoreError, database_place

    try:
        return database_place(session.env)
    except StoreError as error:
        raise RecordUnusable("DRAGOMAN_DATABASE_URL", error) from None


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
