"""The ledger keeps exchanges whole, for its owner's eyes, and says so when it cannot."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from dragoman.store import Ledger, Place, StoreError, UnwritableRow, database_path
from dragoman.store.database import open_database
from dragoman.store.schema import VERSION
from dragoman.types.completion import Completion
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.message import Message, Part, Reasoning, Text, system, user
from dragoman.types.usage import Usage


def exchange(identity: str = "req_1") -> Exchange:
    refused = Attempt(
        id=f"{identity}_a",
        number=1,
        kind="first",
        provider="ollama",
        model="qwen2.5-coder:32b",
        started_at=1000.0,
        duration_s=0.002,
        error="connect_failed",
        reason="connection refused",
    )
    answered = Attempt(
        id=f"{identity}_b",
        number=2,
        kind="fallback",
        provider="mycorp",
        model="gpt-oss-120b",
        credential="$CORP_KEY",
        started_at=1000.1,
        duration_s=0.5,
        pause_s=0.098,
        first_token_s=0.2,
        outcome="ok",
        status=200,
        request_id="their-id",
        answered_model="gpt-oss-120b-0901",
        finish_reason="stop",
        usage=Usage(18, 13, cache_read_tokens=4, reasoning_tokens=5, cost=Decimal("0.1")),
        cost_nanousd=1_234_567,
        cost_source="config",
    )
    return Exchange(
        id=identity,
        asked="coder",
        route="coder",
        started_at=1000.0,
        stream=True,
        duration_s=0.6,
        first_token_s=0.3,
        outcome="ok",
        attempts=[refused, answered],
        warnings=["temperature was dropped"],
    )


QUESTION = [system("Be brief."), user("Why?")]
ANSWER = Completion(parts=(Reasoning("Hm."), Text("Because.")), finish_reason="stop")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "dragoman.db"


def rows(place: Place, query: str) -> list[tuple[object, ...]]:
    connection = open_database(place)
    found = [tuple(dict(row).values()) for row in connection.rows(query)]
    connection.close()
    return found


def test_exchange_is_kept_with_who_answered_and_for_how_much(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange(), QUESTION, ANSWER, source="cli")
    assert rows(
        place,
        "SELECT id, source, asked, route, stream, provider, model, outcome, attempt_count,"
        " prompt_tokens, completion_tokens, cache_read_tokens, reasoning_tokens, usage_estimated,"
        " cost_nanousd, cost_source, error, finish_reason, first_token_s, duration_s, started_at"
        " FROM exchange",
    ) == [
        (
            "req_1", "cli", "coder", "coder", 1, "mycorp", "gpt-oss-120b", "ok", 2,
            18, 13, 4, 5, 0, 1_234_567, "config", None, "stop", 0.3, 0.6, 1000.0,
        )
    ]  # fmt: skip


def test_every_attempt_is_kept_in_order(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange(), source="cli")
    assert rows(
        place,
        "SELECT number, kind, provider, outcome, status, error, reason, credential, request_id,"
        " cost_nanousd FROM attempt WHERE exchange_id = 'req_1' ORDER BY number",
    ) == [
        (1, "first", "ollama", "error", None, "connect_failed", "connection refused", None, None,
         None),
        (2, "fallback", "mycorp", "ok", 200, None, None, "$CORP_KEY", "their-id", 1_234_567),
    ]  # fmt: skip


def test_messages_can_be_read_back(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange(), QUESTION, ANSWER, source="cli")
    found = rows(place, "SELECT direction, role, parts FROM message ORDER BY position")
    assert [row[0] for row in found] == ["in", "in", "out"]
    read = [Message(role, msgspec.json.decode(parts, type=tuple[Part, ...]))  # type: ignore[arg-type]
            for _, role, parts in found]  # fmt: skip
    assert read == [*QUESTION, ANSWER.message]


def test_only_the_owner_may_read_any_of_its_files(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.record(exchange(), source="cli")
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_version_and_journal_are_set(path: Path) -> None:
    Ledger(path).close()
    assert rows(path, "PRAGMA user_version") == [(VERSION,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_what_fails_half_way_leaves_nothing(place: Place) -> None:
    broken = exchange("req_2")
    broken.attempts[1].id = "req_2_a"
    with Ledger(place) as ledger:
        ledger.record(exchange(), QUESTION, ANSWER, source="cli")
        with pytest.raises(StoreError, match=r"(?i)unique"):
            ledger.record(broken, QUESTION, ANSWER, source="cli")
        ledger.record(exchange("req_3"), source="cli")
    assert rows(place, "SELECT id FROM exchange ORDER BY id") == [("req_1",), ("req_3",)]
    assert rows(place, "SELECT count(*) AS n FROM attempt") == [(4,)]


def test_what_nobody_can_add_up_is_told_as_a_row_that_cannot_be_written(place: Place) -> None:
    def follow(connection: object, exchanges: Sequence[Exchange]) -> None:
        del connection
        for one in exchanges:
            round(one.duration_s)

    with Ledger(place, followers=[follow]) as ledger:
        odd = exchange("req_2")
        odd.duration_s = float("inf")
        for record in (ledger.record, lambda one, source: ledger.record_all([one], source=source)):
            with pytest.raises(UnwritableRow, match="cannot be added up"):
                record(odd, source="gateway")
        half = Message("user", (Text("\ud800"),))
        with pytest.raises(UnwritableRow, match="what was said"):
            ledger.record(exchange("req_3"), [half], source="cli")
    assert rows(place, "SELECT id FROM exchange") == []


def test_of_many_at_once_what_is_there_stays_and_the_others_are_told(place: Place) -> None:
    told: list[list[str]] = []
    many = [exchange(f"req_{number:03}") for number in range(250)]
    with Ledger(place, followers=[lambda _, new: told.append([one.id for one in new])]) as ledger:
        ledger.record_all(many[:100], source="gateway")
        ledger.record_all(many, source="cli")
    assert told == [[one.id for one in many[:100]], [one.id for one in many[100:]]]
    counted = (
        "SELECT source, count(*) AS many, (SELECT count(*) FROM attempt) FROM exchange GROUP BY 1"
    )
    assert sorted(rows(place, counted)) == [("cli", 150, 500), ("gateway", 100, 500)]


def test_two_writers_wait_for_each_other(place: Place) -> None:
    with Ledger(place) as one, Ledger(place) as other:
        for number in range(20):
            one.record(exchange(f"req_1{number:02}"), source="cli")
            other.record(exchange(f"req_2{number:02}"), source="cli")
    assert rows(place, "SELECT count(*) AS n FROM exchange") == [(40,)]


def directory_in_the_way(path: Path) -> None:
    path.mkdir(parents=True)


def text_in_the_way(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("this is not a database, and it is longer than its header would be" * 9)


def newer_database(path: Path) -> None:
    Ledger(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def file_for_a_folder(path: Path) -> None:
    path.parent.write_text("a file")


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (directory_in_the_way, "unable to open database file"),
        (text_in_the_way, "file is not a database"),
        (newer_database, "made by a newer version"),
        (file_for_a_folder, "File exists"),
    ],
)
def test_what_cannot_be_opened_says_why(
    prepare: Callable[[Path], None], reason: str, path: Path
) -> None:
    prepare(path)
    with pytest.raises(StoreError, match=reason) as caught:
        Ledger(path)
    assert str(path) in str(caught.value)


def test_deleting_an_exchange_deletes_what_belongs_to_it(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange(), QUESTION, ANSWER, source="cli")
    connection = open_database(place)
    connection.write("DELETE FROM exchange")
    connection.close()
    assert rows(place, "SELECT count(*) AS n FROM attempt") == [(0,)]
    assert rows(place, "SELECT count(*) AS n FROM message") == [(0,)]


def test_database_is_where_data_belongs() -> None:
    assert database_path({"XDG_DATA_HOME": "/data", "HOME": "/home/me"}) == Path(
        "/data/dragoman/dragoman.db"
    )
    assert database_path({"HOME": "/home/me"}) == Path("/home/me/.local/share/dragoman/dragoman.db")
