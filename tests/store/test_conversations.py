"""Conversations are put together from what was recorded, turn by turn."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dragoman.store import Ledger, Place, Settings, Turn, conversation_of, find_conversation
from dragoman.store.schema import MIGRATIONS, VERSION
from dragoman.types.completion import Completion
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.message import Message, Text, ToolCall, assistant, system, user


def exchange(name: str, *, at: float = 1000.0) -> Exchange:
    attempt = Attempt(
        id=f"att_{name}", number=1, kind="first", provider="mycorp", model="m", started_at=at,
        outcome="ok",
    )  # fmt: skip
    return Exchange(
        id=f"req_{name}", asked="mycorp/m", started_at=at, outcome="ok", attempts=[attempt]
    )


def answer(text: str) -> Completion:
    return Completion(parts=(Text(text),), finish_reason="stop")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dragoman.db"


def test_turns_make_a_history_without_the_instructions(place: Place) -> None:
    turn = Turn(conversation_of("req_01"), Settings(refs=("mycorp/m",)))
    with Ledger(place) as ledger:
        first = [system("Be brief."), user("One?")]
        ledger.record(exchange("01"), first, answer("1"), source="cli", turn=Turn())
        ledger.record(exchange("02"), [user("Two?")], answer("2"), source="cli", turn=turn)
    found = find_conversation(place)
    assert found is not None
    assert (found.id, found.system, found.last_turn) == ("con_01", "Be brief.", 2)
    assert found.messages == (user("One?"), assistant("1"), user("Two?"), assistant("2"))
    assert found.settings == Settings(refs=("mycorp/m",))


def test_latest_conversation_is_the_one_that_was_answered_last(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("01"), [user("a")], answer("A"), source="cli", turn=Turn())
        ledger.record(exchange("02"), [user("b")], answer("B"), source="cli", turn=Turn())
        ledger.record(exchange("03"), [user("c")], answer("C"), source="cli", turn=Turn("con_01"))
        ledger.record(exchange("04"), [user("unanswered")], source="cli", turn=Turn())
    found = find_conversation(place)
    assert found is not None
    assert found.id == "con_01"


def test_turn_that_was_tried_again_counts_once_with_its_last_answer(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("01"), [user("a")], answer("first"), source="cli", turn=Turn())
        again = Turn("con_01", number=1)
        ledger.record(exchange("02"), [user("a")], answer("second"), source="cli", turn=again)
        ledger.record(exchange("03"), [user("a")], source="cli", turn=again)
    found = find_conversation(place)
    assert found is not None
    assert found.messages == (user("a"), assistant("second"))


def test_turn_without_an_answer_is_left_out(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("01"), [user("a")], answer("A"), source="cli", turn=Turn())
        ledger.record(exchange("02"), [user("b")], source="cli", turn=Turn("con_01"))
        ledger.record(exchange("03"), [user("c")], answer("C"), source="cli", turn=Turn("con_01"))
    found = find_conversation(place)
    assert found is not None
    assert [message.text for message in found.messages] == ["a", "A", "c", "C"]
    assert found.last_turn == 3


def test_instructions_change_from_the_turn_on_that_gave_them(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(
            exchange("01"), [system("A"), user("1")], answer("x"), source="cli", turn=Turn()
        )
        following = Turn("con_01")
        ledger.record(
            exchange("02"), [system("B"), user("2")], answer("y"), source="cli", turn=following
        )
        found = find_conversation(place)
        assert found is not None
        assert found.system == "B"
        ledger.record(
            exchange("03"), [system(""), user("3")], answer("z"), source="cli", turn=following
        )
    cleared = find_conversation(place)
    assert cleared is not None
    assert cleared.system is None


def test_calls_of_tools_that_never_ran_are_not_sent_again(place: Place) -> None:
    called = Completion(
        parts=(Text("Let me see."), ToolCall("c1", "weather", "{}")), finish_reason="tool_calls"
    )
    only = Completion(parts=(ToolCall("c2", "weather", "{}"),), finish_reason="tool_calls")
    with Ledger(place) as ledger:
        ledger.record(exchange("01"), [user("a")], called, source="cli", turn=Turn())
        ledger.record(exchange("02"), [user("b")], only, source="cli", turn=Turn("con_01"))
    found = find_conversation(place)
    assert found is not None
    assert found.messages == (user("a"), Message("assistant", (Text("Let me see."),)))


@pytest.mark.parametrize("part", ["con_0aa", "con_0", "0aa", "aa", "req_0bb", "bb", "req_0aa"])
def test_any_unmistakable_beginning_or_end_of_an_id_names_a_conversation(
    part: str, place: Place
) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("0aa"), [user("a")], answer("A"), source="cli", turn=Turn())
        ledger.record(exchange("0bb"), [user("b")], answer("B"), source="cli", turn=Turn("con_0aa"))
    found = find_conversation(place, part)
    assert found is not None
    assert found.id == "con_0aa"


@pytest.mark.parametrize("part", ["", "req_0", "c", "x", "con_0aa_", "%"])
def test_what_names_none_or_several_names_nobody(part: str, place: Place) -> None:
    with Ledger(place) as ledger:
        for name in ("0ac", "0bc"):
            ledger.record(exchange(name), [user("a")], answer("A"), source="cli", turn=Turn())
    assert find_conversation(place, part) is None


def test_without_a_record_there_is_nothing_to_continue(path: Path) -> None:
    assert find_conversation(path) is None
    assert not path.exists()


def test_file_of_the_first_version_is_taken_over_in_place(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        for number, asked in ((1, "mycorp/m"), (2, "a/x, b/y"), (3, "mycorp/m")):
            connection.execute(
                "INSERT INTO exchange (id, started_at, source, asked, outcome, cost_nanousd)"
                " VALUES (?, ?, 'cli', ?, 'ok', 7)",
                (f"req_{number}", float(number), asked),
            )
        for number, direction, role, text in (
            (1, "in", "user", "old"), (1, "out", "assistant", "answer"),
            (2, "in", "user", "both"), (2, "out", "assistant", "x"),
        ):  # fmt: skip
            connection.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?)",
                (f"req_{number}", direction == "out", direction, role,
                 f'[{{"type":"text","text":"{text}"}}]'),
            )  # fmt: skip
    connection.close()
    found = find_conversation(path, "con_1")
    assert found is not None
    assert found.messages == (user("old"), assistant("answer"))
    assert found.settings == Settings(refs=("mycorp/m",))
    several = find_conversation(path)
    assert several is not None
    assert several.settings.refs is None
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        kept = connection.execute("SELECT id, cost_nanousd, turn FROM exchange ORDER BY id")
        assert kept.fetchall() == [("req_1", 7, 1), ("req_2", 7, 1), ("req_3", 7, None)]
    connection.close()
