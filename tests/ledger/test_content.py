"""What was said is kept where it is wanted; what cannot be kept is counted, and costs no other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dragoman.ledger.content import ContentLog, Heard
from dragoman.store import Place
from dragoman.store.database import open_database
from dragoman.types.content import ContentMode
from tests.server.process import wait_until

FAILS = """
CREATE TRIGGER refused BEFORE INSERT ON content WHEN NEW.exchange_id = 'refused'
BEGIN SELECT RAISE(ABORT, 'no such row'); END;
CREATE TRIGGER broken BEFORE INSERT ON content WHEN NEW.exchange_id = 'broken'
BEGIN SELECT json_extract('{', '$'); END;
"""


def heard(
    name: str, read: Callable[[], tuple[str, str]] | None = None, mode: ContentMode = "full"
) -> Heard:
    return Heard(name, "default", 1.0, mode, 100, read or (lambda: ("why?", "so")))


def kept(place: Place) -> dict[str, tuple[str, str]]:
    with closing(open_database(place)) as connection:
        rows = connection.rows("SELECT exchange_id, request, response FROM content")
        return {row["exchange_id"]: (row["request"], row["response"]) for row in rows}


@contextmanager
def keeping(place: Place, said: Sequence[Heard]) -> Iterator[ContentLog]:
    log = ContentLog(place)
    try:
        for one in said:
            log.keep(one)
        yield log
    finally:
        log.close()


def test_what_was_said_is_written_and_redacted_where_that_is_wanted(place: Place) -> None:
    def mail() -> tuple[str, str]:
        return "write to ada@example.com", "half a \ud800"

    with keeping(place, [heard("a", mail), heard("b", mail, "redacted")]) as log:
        wait_until(lambda: len(kept(place)) == 2)
    assert kept(place) == {
        "a": ("write to ada@example.com", "half a ?"),
        "b": ("write to [email]", "half a ?"),
    }
    assert log.dropped == 0


def test_what_cannot_be_read_is_counted_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def unread() -> tuple[str, str]:
        raise RecursionError("too deep")

    def unredacted() -> tuple[str, str]:
        return "text", None  # type: ignore[return-value]

    said = [heard("a", unread), heard("b", unredacted, "redacted"), heard("c")]
    with keeping(tmp_path / "a.db", said) as log:
        wait_until(lambda: list(kept(tmp_path / "a.db")) == ["c"])
        log.keep(heard("d"))
        wait_until(lambda: list(kept(tmp_path / "a.db")) == ["c", "d"])
    assert log.dropped == 2
    assert "too deep" in caplog.text


def test_a_database_that_fails_while_rows_are_written_one_by_one_loses_none(tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    open_database(place).close()
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript(FAILS)
    said = [heard(name) for name in ("refused", "broken", "c")]
    with keeping(place, said) as log:
        wait_until(lambda: log.dropped > 0)
        with closing(sqlite3.connect(place)) as connection:
            connection.execute("DROP TRIGGER broken")
        wait_until(lambda: set(kept(place)) == {"broken", "c"})
