"""The ledger behind the gateway: in batches, and through trouble."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from dragoman.server.book import Book
from dragoman.store import Ledger
from dragoman.types.exchange import Attempt, Exchange
from tests.server.process import wait_until


def exchange(number: int, *, asked: str = "m") -> Exchange:
    attempt = Attempt(
        id=f"req_{number:05}-1", number=1, kind="first", provider="a", model="m", started_at=1.0
    )
    return Exchange(id=f"req_{number:05}", asked=asked, started_at=1.0, attempts=[attempt])


def count(path: Path, table: str = "exchange") -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def test_rows_are_written_soon_and_all_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    book = Book(path, interval_s=0.01)
    book.ended(exchange(0))
    wait_until(lambda: path.exists() and book.depth == 0)
    for number in range(1, 1201):
        book.ended(exchange(number))
    book.close()
    assert (count(path), count(path, "attempt"), book.dropped) == (1201, 1201, 0)


def test_a_database_that_is_busy_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    book = Book(path, interval_s=0.01)
    book.ended(exchange(1))
    time.sleep(2.3)  # longer than one wait for the lock
    other.execute("ROLLBACK")
    other.close()
    book.close()
    assert (count(path), book.dropped) == (1, 0)


def test_a_row_that_cannot_be_written_costs_itself_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.db"
    book = Book(path, interval_s=60)
    book.ended(exchange(1))
    book.ended(exchange(2, asked="\ud800"))
    book.ended(exchange(3))
    book.close()
    assert (count(path), book.dropped) == (2, 1)
    assert "req_00002" in caplog.text


def test_what_waits_is_bounded_and_what_is_lost_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gone"
    folder.write_text("a file where the folder should be")
    book = Book(folder / "ledger.db", interval_s=0.01, limit=5)
    for number in range(8):
        book.ended(exchange(number))
    wait_until(lambda: bool(caplog.records))
    assert (book.depth, book.dropped) == (5, 3)
    book.close()
    assert book.dropped == 8
    assert caplog.text.count("the ledger cannot be written") == 1


def test_the_same_exchange_twice_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        ledger.record_all([exchange(1)], source="gateway")
        ledger.record_all([exchange(1), exchange(2)], source="gateway")
    assert (count(path), count(path, "attempt")) == (2, 2)
