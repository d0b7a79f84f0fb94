"""The record of what was asked, opened for reading; what is wrong with it is told in lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import InputMissing

if TYPE_CHECKING:
    from dragoman.store import Place
    from dragoman.store.records import Records

HINTS = (
    ("nothing is recorded", 'ask something first: dragoman "hello"'),
    ("DATABASE_URL", "set it to a database's URL, or take it away to use a file"),
    ("not installed", "pip install 'dragoman[postgres]'"),
    ("newer version", "update this dragoman, or move the file away to begin a new record"),
    ("locked", "another program is writing to it: try again in a moment"),
    ("connection failed", "see that the server runs there, and that user and password are right"),
    ("ermission", "give yourself the right to read it"),
)
"""What to do, by a word of the reason."""
ELSE = "dragoman doctor looks at it; moved away, it makes room for a new record"


class RecordUnusable(InputMissing):
    """The record cannot be read. `why` is the reason, and where the file is."""

    code = "record_unusable"

    def __init__(
        self,
        place: Place | str,
        reason: str,
        what: str = "the record of what was asked cannot be read",
        otherwise: str = ELSE,
    ) -> None:
        what_it_is = f"{place}: {reason}"
        hint = next((hint for word, hint in HINTS if word in what_it_is), otherwise)
        own = reason.removeprefix(str(place)).removeprefix(":").strip()
        missing = "nothing is recorded" in own
        super().__init__(own if missing else what, hint=hint)
        self.why = f"there is no {place}" if missing else f"{place}: {own}"


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
        raise RecordUnusable("DRAGOMAN_DATABASE_URL", str(error)) from None


@contextmanager
def readable(place: Place) -> Iterator[None]:
    """Tell of a record that cannot be read. Raises: RecordUnusable."""
    import msgspec

    from dragoman.store import StoreError

    try:
        yield
    except StoreError as error:
        raise RecordUnusable(place, str(error)) from None
    except msgspec.MsgspecError as error:
        raise RecordUnusable(place, f"a row in it is damaged ({error})") from None
