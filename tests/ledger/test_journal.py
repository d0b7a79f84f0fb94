"""A worker's journal: what is in it when, and what it does when nothing can be written."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from dragoman.ledger.folder import Position, claim_abandoned, journal_folder, make_folder
from dragoman.ledger.frames import Record, scan
from dragoman.ledger.journal import INTENT, OUTCOME, Ended, Journal, JournalFull
from dragoman.ledger.reading import decode
from dragoman.store.database import Server
from dragoman.types.exchange import Exchange
from tests.ledger.exchanges import begun, exchange
from tests.server.process import wait_until


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal", segment_bytes=2000)
    yield made
    if made.folder.path.exists():
        made.close()
        made.folder.close()


def written(journal: Journal, number: int = 1) -> list[tuple[bytes, Exchange]]:
    data = journal.folder.segment(number).read_bytes()
    found = list(scan(data))
    assert all(isinstance(one, Record) for one in found)
    return [
        (one.kind, msgspec.msgpack.decode(one.said, type=Exchange))
        for one in found
        if isinstance(one, Record)
    ]


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let writes fail as on a full disk: the kernel writes what fits, and refuses the rest."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_ended_is_in_the_file_at_once(journal: Journal) -> None:
    journal.intend(begun(1))
    journal.ended(exchange(1))
    assert written(journal) == [(INTENT, begun(1)), (OUTCOME, exchange(1))]
    size = journal.folder.segment(1).stat().st_size
    assert (journal.written(), journal.count) == (Position(1, size), 1)


def test_it_is_for_its_owners_eyes_only(journal: Journal) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in journal.folder.path.iterdir()]
    assert set(modes) == {0o600}
    assert stat.S_IMODE(journal.folder.path.stat().st_mode) == 0o700


def test_what_has_no_end_is_carried_into_the_next_segment(journal: Journal) -> None:
    journal.intend(begun(999))
    number = 0
    while journal.written().segment < 3:
        number += 1
        journal.ended(exchange(number))
    assert written(journal, 3)[0] == (INTENT, begun(999))
    journal.ended(exchange(999))
    journal.leave_segment(0)
    assert written(journal, 4) == []
    told = [one.id for part in (1, 2, 3) for kind, one in written(journal, part) if kind == OUTCOME]
    assert told == [exchange(n).id for n in (*range(1, number + 1), 999)]


def test_a_text_that_is_no_utf8_and_a_number_without_end_are_written_all_the_same(
    journal: Journal,
) -> None:
    journal.ended(exchange(2**70, asked="a\ud800b"))
    ((_, found),) = written(journal)
    assert (found.asked, found.cost_nanousd) == ("a?b", 2**63 - 1)


def test_a_full_disk_refuses_new_work_and_loses_no_end_of_what_was_begun(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.intend(begun(1))
    journal.intend(begun(2))
    size = journal.written().at
    with no_file_larger_than(size + 20):  # a part of the next record fits
        journal.ended(exchange(1))
        with pytest.raises(JournalFull) as told:
            journal.check()
        journal.ended(exchange(2))
        assert journal.late == 2
        assert journal.folder.segment(1).stat().st_size == size  # nothing half
    wait_until(lambda: not journal.late)
    journal.check()
    ends = [one.id for kind, one in written(journal) if kind == OUTCOME]
    assert ends == ["req_00001", "req_00002"]
    assert (told.value.status, told.value.code) == (503, "ledger_full")
    assert str(journal.folder.path.parent) in (told.value.hint or "")
    assert caplog.text.count("the journal cannot be written") == 1
    assert "the journal is written again" in caplog.text


def test_a_full_disk_when_a_segment_is_full_too(journal: Journal) -> None:
    with no_file_larger_than(10):
        for number in range(20):
            journal.ended(exchange(number))
    wait_until(lambda: not journal.late)
    journal.close()
    found = [written(journal, number) for number in journal.folder.segments()]
    assert [one.id for part in found for _, one in part] == [exchange(n).id for n in range(20)]
    journal.folder.remove()


def test_what_ended_is_handed_on_once_also_what_had_to_wait(journal: Journal) -> None:
    journal.intend(begun(1))
    journal.ended(exchange(1))
    first = journal.take()
    assert [decode(one) for one in first.outcomes or ()] == [exchange(1)]
    assert (first.since, first.until, first.count) == (Position(1, 0), journal.written(), 1)
    with no_file_larger_than(first.until.at + 20):
        journal.ended(exchange(2))
        assert journal.take() == Ended(first.until, first.until, 1, [])
    wait_until(lambda: not journal.late)
    journal.leave_segment(0)
    second = journal.take()
    assert [decode(one) for one in second.outcomes or ()] == [exchange(2)]
    assert (second.since, second.until, second.count) == (first.until, Position(2, 0), 2)


def test_only_the_folders_of_the_dead_are_claimed(tmp_path: Path) -> None:
    mine = make_folder(tmp_path)
    code = (
        "import sys, pathlib; from dragoman.ledger.folder import make_folder\n"
        "make_folder(pathlib.Path(sys.argv[1])); print('made', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert len(list(tmp_path.iterdir())) == 2
        assert list(claim_abandoned(tmp_path)) == []
        other.kill()
        other.wait()
        (left,) = claim_abandoned(tmp_path)
    assert left.path.name.startswith(f"{other.pid}-")
    assert list(claim_abandoned(tmp_path)) == []  # it is ours now
    left.remove()
    mine.close()
    (again,) = claim_abandoned(tmp_path)
    assert again.path == mine.path
    again.close()


def test_each_database_has_journals_of_its_own() -> None:
    env = {"HOME": "/home/ada"}
    assert journal_folder(Path("/var/lib/a.db"), env) == Path("/var/lib/journal/a.db")
    server = Server("postgresql://ada:secret@db.example:5433/team?sslmode=require")
    folder = journal_folder(server, env)
    assert folder == Path("/home/ada/.local/share/dragoman/journal/ada@db.example_5433_team")
