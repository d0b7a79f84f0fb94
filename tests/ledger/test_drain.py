"""Journals on their way into the database: once each, through trouble, and after a death."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.ledger.drain import BATCH, BUSY, PATIENCE, Drain, open_ledger
from dragoman.ledger.folder import SET_ASIDE, Position
from dragoman.ledger.frames import frame
from dragoman.ledger.journal import OUTCOME, REMEMBERED, Journal
from dragoman.ledger.reading import Reader
from dragoman.store import Ledger, Place
from dragoman.store.database import StoreError, open_database
from dragoman.types.allowance import Charge
from dragoman.types.exchange import Exchange
from tests.ledger.exchanges import begun, exchange
from tests.server.process import wait_until
from tests.upstream.postgres import PostgresServer

QUOTA = Charge(
    allowance_id="q", kind="key", subject="file:team", measure="spend", since=86400, assumed=5000
)


INTERVAL_S = 0.01


class Clock:
    """A clock that is moved by hand, and counts who looks at it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now


def rows(place: Place, statement: str) -> list[tuple[object, ...]]:
    with closing(open_database(place)) as connection:
        return [tuple(dict(row).values()) for row in connection.rows(statement)]


def ids(place: Place) -> list[object]:
    return [row[0] for row in rows(place, "SELECT id FROM exchange ORDER BY id")]


def used(place: Place) -> list[tuple[object, ...]]:
    return rows(place, "SELECT allowance_id, subject, since, amount FROM consumption")


def summed(place: Place) -> list[tuple[object, ...]]:
    return rows(place, "SELECT requests, cost_nanousd FROM hourly WHERE level = 'total'")


def dead(journals: Path, write: Callable[[Journal], None]) -> Path:
    """Leave what a worker leaves that was killed."""
    journal = Journal(journals)
    write(journal)
    journal.close()
    journal.folder.close()
    return journal.folder.path


@contextmanager
def drained(place: Place, journals: Path, **options: object) -> Iterator[Drain]:
    drain = Drain(place, Journal(journals), interval_s=INTERVAL_S, **options)  # type: ignore[arg-type]
    try:
        yield drain
    finally:
        drain.close()


def test_what_ended_is_in_the_database_soon_and_all_at_the_end(
    place: Place, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "j", segment_bytes=50_000)
    drain = Drain(place, journal, interval_s=0.01)
    journal.ended(exchange(0))
    wait_until(lambda: drain.depth == 0)
    assert ids(place) == ["req_00000"]
    for number in range(1, 1201):
        journal.intend(begun(number))
        journal.ended(exchange(number))
    drain.close()
    assert len(ids(place)) == 1201
    assert rows(place, "SELECT count(*) FROM attempt") == [(1201,)]
    assert summed(place) == [(1201, sum(range(1201)))]
    assert (drain.dropped, list((tmp_path / "j").iterdir())) == (0, [])


def test_a_batch_fills_while_a_hundred_wait_but_for_so_long_only(tmp_path: Path) -> None:
    clock, numbers, batches = Clock(), count(), list[int]()

    def note(_: object, batch: Sequence[Exchange]) -> None:
        batches.append(len(batch))

    def write(drain: Drain) -> None:
        drain.journal.ended(exchange(next(numbers)))

    def fill(drain: Drain, depth: int) -> None:
        for _ in range(20):  # some may be on their way already
            while drain.depth < depth:
                write(drain)
            let_it_look()
            if drain.depth == depth:
                return
        raise AssertionError("what is to wait is written")

    def let_it_look() -> None:
        seen = clock.looks + 4  # to drain takes three: one that begins now is over
        wait_until(lambda: clock.looks >= seen)

    place = tmp_path / "a.db"
    with drained(place, tmp_path / "j", clock=clock, followers=(note,)) as drain:
        write(drain)
        wait_until(lambda: drain.depth == 0)  # so few are written although no time passes
        fill(drain, BUSY)
        batches.clear()
        clock.now += PATIENCE * INTERVAL_S * 0.9
        fill(drain, BATCH - 1)
        assert batches == []
        write(drain)
        wait_until(lambda: drain.depth == 0)
        assert batches == [BATCH]
        fill(drain, BUSY)
        batches.clear()
        clock.now += PATIENCE * INTERVAL_S * 1.1
        wait_until(lambda: drain.depth == 0)
        assert batches == [BUSY]
        fill(drain, BUSY)
    assert len(ids(place)) == next(numbers)  # at the end nothing waits


@pytest.mark.parametrize(("count", "is_read"), [(REMEMBERED, False), (REMEMBERED + 1, True)])
def test_what_was_remembered_is_not_read_and_what_were_too_many_is(
    tmp_path: Path, count: int, is_read: bool
) -> None:
    journal = Journal(tmp_path / "j")
    for number in range(count):
        journal.ended(exchange(number))
    segment = journal.folder.segment(1)
    segment.write_bytes(segment.read_bytes().replace(b"req_00007", b"re?_00007", 1))
    drain = Drain(tmp_path / "a.db", journal, interval_s=INTERVAL_S)
    try:
        wait_until(lambda: drain.depth == 0)
        journal.ended(exchange(count))  # the next is remembered again
        segment.write_bytes(b"?" * segment.stat().st_size)
    finally:
        drain.close()
    wanted = [f"req_{number:05}" for number in range(count + 1) if number != 7 or not is_read]
    assert (ids(tmp_path / "a.db"), drain.dropped) == (wanted, int(is_read))


def test_segments_are_deleted_when_they_are_in_the_database(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", segment_bytes=2000)
    drain = Drain(tmp_path / "a.db", journal, interval_s=0.01)
    for number in range(100):
        journal.ended(exchange(number))
    wait_until(lambda: drain.depth == 0)
    assert journal.folder.segments() == [journal.written().segment]
    drain.close()


def test_what_a_dead_worker_left_is_in_the_database_once_however_often_it_is_drained(
    place: Place, tmp_path: Path
) -> None:
    def write(journal: Journal) -> None:
        for number in (1, 2):
            journal.intend(begun(number))
            journal.ended(exchange(number, charges=(QUOTA,)))

    found: list[str] = []

    def note(batch: Sequence[Exchange]) -> None:
        found.extend(one.id for one in batch)

    for _ in range(2):  # as if its folder had not been deleted in time
        dead(tmp_path / "j", write)
        with drained(place, tmp_path / "j", found=note):
            wait_until(lambda: len(list((tmp_path / "j").iterdir())) == 1)
    assert ids(place) == ["req_00001", "req_00002"]
    assert rows(place, "SELECT count(*) FROM attempt") == [(2,)]
    assert used(place) == [("q", "file:team", 86400, 3)]
    assert summed(place) == [(2, 3)]
    assert found == ["req_00001", "req_00002"] * 2


def test_what_a_dead_worker_was_in_the_middle_of_is_interrupted_and_its_cost_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "a.db"

    def write(journal: Journal) -> None:
        journal.intend(begun(1))
        middle = begun(2)
        middle.charges = (QUOTA,)
        journal.intend(middle)
        journal.ended(exchange(1))

    dead(tmp_path / "j", write)
    with drained(place, tmp_path / "j"):
        wait_until(lambda: "left 1 exchanges, and was in the middle of 1 others" in caplog.text)
    assert rows(place, "SELECT id, outcome FROM exchange ORDER BY id") == [
        ("req_00001", "ok"),
        ("req_00002", "interrupted"),
    ]
    assert rows(place, "SELECT id, outcome, cost_nanousd FROM attempt ORDER BY id")[1] == (
        "req_00002-1",
        "interrupted",
        None,
    )
    assert used(place) == [("q", "file:team", 86400, 5000)]


def test_what_was_drained_before_the_death_is_not_drained_again(tmp_path: Path) -> None:
    """What was deleted from the database meanwhile does not come back."""
    place, journals = tmp_path / "a.db", tmp_path / "j"
    journal = Journal(journals)
    journal.ended(exchange(1))
    journal.folder.note_drained(journal.written())
    journal.ended(exchange(2))
    journal.close()
    journal.folder.close()
    with drained(place, journals):
        wait_until(lambda: len(list(journals.iterdir())) == 1)
    assert ids(place) == ["req_00002"]


def test_a_record_that_was_torn_off_is_skipped_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def write(journal: Journal) -> None:
        journal.ended(exchange(1))
        journal.ended(exchange(2))

    segment = dead(tmp_path / "j", write) / "00000001.log"
    segment.write_bytes(segment.read_bytes()[:-5])
    with drained(tmp_path / "a.db", tmp_path / "j") as drain:
        wait_until(lambda: "left 1 exchanges" in caplog.text)
    assert (ids(tmp_path / "a.db"), drain.dropped) == (["req_00001"], 0)
    assert "the last record is incomplete" in caplog.text


def test_a_record_that_was_damaged_is_set_aside_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def write(journal: Journal) -> None:
        for number in (1, 2, 3):
            journal.ended(exchange(number))

    segment = dead(tmp_path / "j", write) / "00000001.log"
    data = segment.read_bytes()
    at = data.index(b"req_00002") + 2
    segment.write_bytes(data[:at] + b"?" + data[at + 1 :])
    with drained(tmp_path / "a.db", tmp_path / "j") as drain:
        wait_until(lambda: "left 2 exchanges" in caplog.text)
    assert (ids(tmp_path / "a.db"), drain.dropped) == (["req_00001", "req_00003"], 1)
    (aside,) = (tmp_path / "j" / SET_ASIDE).iterdir()
    assert b"re?_00002" in aside.read_bytes()
    assert str(aside) in caplog.text


def test_where_the_damage_is_is_told_as_the_place_in_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "j")
    journal.ended(exchange(1))
    start = journal.written().at
    with closing(journal.folder):
        data = b"?" * 9 + frame(OUTCOME, b"\x81\xa2id\x07")
        reader = Reader(tmp_path / "j")
        for _ in range(2):
            assert list(reader.read(journal.folder, 1, data, start)) == []
        journal.close()
    assert caplog.text.count(f" 9 bytes at {start} are no record") == 1
    assert caplog.text.count(f" {len(data) - 9} bytes at {start + 9} are no record") == 1
    assert reader.dropped == 2


def test_a_record_of_another_version_is_set_aside(tmp_path: Path) -> None:
    path = dead(tmp_path / "j", lambda journal: journal.ended(exchange(1)))
    with (path / "00000001.log").open("ab") as file:
        file.write(frame(OUTCOME, b"\x81\xa2id\x07"))
    with drained(tmp_path / "a.db", tmp_path / "j"):
        wait_until(lambda: not path.exists())
    assert len(list((tmp_path / "j" / SET_ASIDE).iterdir())) == 1
    assert ids(tmp_path / "a.db") == ["req_00001"]


def test_a_row_that_cannot_be_written_costs_itself_alone(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "j")
    for number in range(1, 51):
        journal.ended(exchange(number, status=2**63 if number in (2, 40) else 200))
    drain = Drain(place, journal, interval_s=0.01)
    try:
        wait_until(lambda: drain.depth == 0)
    finally:
        drain.close()
    good = [number for number in range(1, 51) if number not in (2, 40)]
    assert ids(place) == [f"req_{number:05}" for number in good]
    assert summed(place) == [(48, sum(good))]
    aside = {path.read_bytes()[7:16] for path in (tmp_path / "j" / SET_ASIDE).iterdir()}
    assert (aside, drain.dropped) == ({b"req_00002", b"req_00040"}, 2)
    assert "req_00002" in caplog.text


def test_what_another_writes_at_the_same_time_is_there_once(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """As when a worker has died, and what it was writing is still on its way."""
    place = postgres_server.new()
    journal = Journal(tmp_path / "j")
    for number in range(1, 51):
        journal.ended(exchange(number))
    with closing(open_database(place)) as other, closing(open_database(place)) as watch:
        drain: Drain | None = None
        try:
            with other.transaction():
                other.write(
                    "INSERT INTO exchange (id, started_at, source, asked, outcome)"
                    " VALUES ('req_00007', 1.0, 'gateway', 'm', 'ok')"
                )
                drain = Drain(place, journal, interval_s=0.01)
                wait_until(lambda: bool(watch.rows("SELECT 1 FROM pg_locks WHERE NOT granted")))
            wait_until(lambda: drain.depth == 0)
        finally:
            if drain is not None:
                drain.close()
    assert ids(place) == [f"req_{number:05}" for number in range(1, 51)]
    # The other one would have added its own to the sums.
    assert summed(place) == [(49, sum(range(51)) - 7)]
    assert drain.dropped == 0


def test_a_database_that_is_busy_is_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    Ledger(place).close()
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with drained(place, tmp_path / "j") as drain:
        drain.journal.ended(exchange(1))
        wait_until(lambda: drain.state().away)
        assert drain.state().waiting == 1
        other.execute("ROLLBACK")
        other.close()
        wait_until(lambda: not drain.state().away and drain.depth == 0)
    assert ids(place) == ["req_00001"]


def test_a_database_is_back_when_what_failed_has_been_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is to be written meanwhile: that nothing failed does not say that it is there."""
    looks: list[bool] = []
    back = threading.Event()

    def looked() -> None:
        looks.append(back.is_set())
        if not back.is_set():
            raise StoreError("the database does not answer")

    with drained(tmp_path / "a.db", tmp_path / "j", looked=looked, clock=Clock()) as drain:
        wait_until(lambda: len(looks) == 3 or "written again" in caplog.text)
        assert "written again" not in caplog.text
        assert drain.state().away
        back.set()
        wait_until(lambda: not drain.state().away)
    assert looks.count(True) == 1
    assert caplog.text.count("the ledger cannot be written") == 1
    assert caplog.text.count("the ledger is written again") == 1


def test_to_end_is_not_to_be_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def looked() -> None:
        raise StoreError("the database does not answer")

    with drained(tmp_path / "a.db", tmp_path / "j", looked=looked) as drain:
        wait_until(lambda: drain.state().away)
    assert "written again" not in caplog.text


def test_what_cannot_be_written_at_the_end_is_there_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tmp_path / "gone"
    gone.write_text("a file where the folder should be")
    with drained(gone / "a.db", tmp_path / "j") as drain:
        for number in range(8):
            drain.journal.ended(exchange(number))
        wait_until(lambda: drain.state().away)
    assert caplog.text.count("the ledger cannot be written") == 1
    assert "8 exchanges wait in" in caplog.text
    drain.journal.folder.close()  # as its process would
    gone.unlink()
    with drained(gone / "a.db", tmp_path / "j"):
        wait_until(lambda: (gone / "a.db").exists() and len(ids(gone / "a.db")) == 8)


def test_a_follower_that_fails_takes_the_exchanges_back_and_is_tried_again(tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    failures = [StoreError("no"), ValueError("a bug")]

    def follow(connection: object, exchanges: Sequence[Exchange]) -> None:
        del connection, exchanges
        if failures:
            raise failures.pop()

    with drained(place, tmp_path / "j", followers=[follow]) as drain:
        drain.journal.ended(exchange(1))
        wait_until(lambda: drain.state().away)
        with suppress(StoreError):
            assert ids(place) == []
        wait_until(lambda: drain.depth == 0)
    assert (ids(place), failures) == (["req_00001"], [])


def test_journals_of_another_database_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = dead(tmp_path / "journal" / "old.db", lambda journal: journal.ended(exchange(1)))
    drain = open_ledger(tmp_path / "new.db", {})
    drain.close()
    assert f"{left} waits for another database" in caplog.text
    assert ids(tmp_path / "new.db") == []
    assert left.exists()


def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    with pytest.raises(ConfigError) as told:
        open_ledger(tmp_path / "a.db", {})
    assert "log = false" in (told.value.hint or "")


def test_the_position_is_read_again_or_is_the_beginning(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.folder.drained() == Position()
    journal.folder.note_drained(Position(3, 70))
    journal.folder.note_drained(Position(3, 80))
    assert journal.folder.drained() == Position(3, 80)
    (journal.folder.path / "drained").write_bytes(b"half")
    assert journal.folder.drained() == Position()
    journal.close()
    journal.folder.remove()
