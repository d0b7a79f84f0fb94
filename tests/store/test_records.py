"""What was recorded can be listed, searched, shown and added up, exactly."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman.store import Ledger, Place, StoreError, Turn, find_conversation
from dragoman.store.records import Records
from dragoman.store.selection import Selection
from dragoman.store.sums import GROUPS, By
from dragoman.types.completion import Completion
from dragoman.types.exchange import Attempt, CostSource, Exchange, Outcome
from dragoman.types.message import Media, Text, user
from dragoman.types.usage import Usage

MORNING = datetime(2026, 11, 20, 9, 0).astimezone().timestamp()
DAY = 86_400.0
USED = Usage(10, 5)


def attempt(
    name: str,
    number: int = 1,
    *,
    provider: str = "mycorp",
    outcome: Outcome = "ok",
    cost: int | None = 100,
    source: CostSource = "config",
    usage: Usage | None = USED,
    at: float = MORNING,
) -> Attempt:
    return Attempt(
        id=f"att_{name}{number}", number=number, kind="first", provider=provider, model="m",
        credential="$KEY", started_at=at, duration_s=0.5, first_token_s=0.2, outcome=outcome,
        status=200, usage=usage, cost_nanousd=cost, cost_source=source,
        error=None if outcome == "ok" else "upstream_error",
    )  # fmt: skip


def exchange(name: str, *attempts: Attempt, at: float = MORNING) -> Exchange:
    tried = list(attempts) or [attempt(name, at=at)]
    return Exchange(
        id=f"req_{name}", asked="smart", route="smart", started_at=at, duration_s=0.6,
        outcome=tried[-1].outcome, attempts=tried, warnings=["a was dropped"],
    )  # fmt: skip


def answer(text: str) -> Completion:
    return Completion(parts=(Text(text),), finish_reason="stop")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dragoman.db"


def test_list_is_the_latest_first_with_what_was_asked(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("1"), [user("Why?")], answer("So."), source="cli", turn=Turn())
        picture = Media(kind="image", media_type="image/png", data="AAAA")
        ledger.record(exchange("2"), [user("Look  at\nthis", picture)], source="cli")
        ledger.record(exchange("3"), source="cli")
    with Records(place) as records:
        found = records.recent()
        assert [(e.id, e.prompt) for e in found] == [
            ("req_3", ""), ("req_2", "Look at this [image]"), ("req_1", "Why?"),
        ]  # fmt: skip
        assert [e.id for e in records.recent(limit=2)] == ["req_3", "req_2"]
        assert (found[2].provider, found[2].cost_nanousd, found[2].turn) == ("mycorp", 100, 1)


def test_words_are_searched_in_what_was_said_and_not_in_how_it_is_stored(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("1"), [user("a Peppercorn")], answer("Überfahrt\n7"), source="cli")
        ledger.record(exchange("2"), [user("silk")], answer('say "no"'), source="cli")
    with Records(place) as records:

        def having(*words: str) -> list[str]:
            return [entry.id for entry in records.recent(query=words)]

        assert having("PEPPER") == ["req_1"]
        assert having("überfahrt") == having("pepper", "7") == ["req_1"]
        assert having("pepper", "silk") == []
        assert having('"no"') == ["req_2"]
        assert having("mycorp") == having("smart") == ["req_2", "req_1"]
        assert having("type") == having("%") == having("p_pper") == []


def test_bytes_that_are_no_text_are_in_no_record(place: Place) -> None:
    """As a shell hands them over: `dragoman logs -q $'\\xff'`."""
    with Ledger(place) as ledger:
        ledger.record(exchange("1"), [user("?")], answer("?"), source="cli", turn=Turn())
    with Records(place) as records:
        assert records.recent(query=["\udcff"]) == []
        assert records.find("\udcff") is None
    assert find_conversation(place, "\udcff") is None


def test_failures_and_times_and_conversations_are_picked_out(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("1"), source="cli", turn=Turn())
        failed = attempt("2", outcome="error", cost=None, usage=None)
        ledger.record(exchange("2", failed, at=MORNING + DAY), source="cli", turn=Turn())
    with Records(place) as records:
        assert [e.id for e in records.recent(selection=Selection(failed=True))] == ["req_2"]
        later = Selection(since=MORNING + 1)
        assert [e.id for e in records.recent(selection=later)] == ["req_2"]
        assert [e.id for e in records.recent(conversation="con_1")] == ["req_1"]


def test_record_comes_back_as_it_was(place: Place) -> None:
    usage = Usage(10, 5, cache_read_tokens=4, reasoning_tokens=2, estimated=True)
    first = attempt("1", 1, outcome="error", cost=None, usage=None)
    kept = exchange("1", first, attempt("1", 2, usage=usage))
    with Ledger(place) as ledger:
        ledger.record(kept, [user("Why?")], answer("So."), source="cli", turn=Turn())
    with Records(place) as records:
        found = records.find()
        assert found == records.find("req_1") == records.find("1")
        assert found is not None
        assert found.exchange == kept
        assert found.exchange.cost == Decimal("0.0000001")
        assert (found.sent, found.answer) == ((user("Why?"),), answer("So.").message)
        assert (found.conversation_id, found.turn) == ("con_1", 1)
        assert records.find("2") is None
        assert records.find("") is None


def test_sums_are_exact_and_unknown_costs_are_no_zeros(place: Place) -> None:
    with Ledger(place) as ledger:
        big = 9_007_199_254_740_993  # a float would make it even
        ledger.record(exchange("1", attempt("1", cost=big)), source="cli")
        ledger.record(exchange("2", attempt("2", cost=1)), source="cli")
        ledger.record(exchange("3", attempt("3", cost=None, source="unknown")), source="cli")
        dead = attempt("4", 1, outcome="error", cost=None, usage=None)
        local = attempt("4", 2, provider="box", cost=None, source="unknown", usage=None)
        ledger.record(exchange("4", dead, local), source="cli")
        demo = attempt("5", provider="demo", cost=500, source="demo")
        ledger.record(exchange("5", demo), source="cli")
    with Records(place) as records:
        found = {group.name: group for group in records.sums("provider")}
        assert list(found) == ["mycorp", "demo", "box"]
        mine = found["mycorp"]
        assert (mine.attempts, mine.failed, mine.priced, mine.unknown) == (4, 1, 2, 1)
        assert mine.cost_nanousd == big + 1
        assert (mine.prompt_tokens, mine.completion_tokens) == (30, 15)
        box = found["box"]
        assert (box.cost_nanousd, box.priced, box.unknown, box.unmetered) == (0, 0, 1, 1)
        assert (found["demo"].cost_nanousd, found["demo"].demo_nanousd) == (0, 500)
        assert [group.name for group in records.sums("model")] == ["mycorp/m", "demo/m", "box/m"]
        assert [group.name for group in records.sums("key")] == ["$KEY"]


def test_what_was_broken_off_is_unknown_and_no_zero(place: Place) -> None:
    """An attempt that lost a race, and the one of a worker that was killed."""
    unknown: dict[str, Any] = {"outcome": "interrupted", "cost": None, "source": "unknown"}
    with Ledger(place) as ledger:
        lost = attempt("1", 1, **unknown)
        ledger.record(exchange("1", lost, attempt("1", 2, cost=7)), source="gateway")
        ledger.record(exchange("2", attempt("2", usage=None, **unknown)), source="gateway")
    with Records(place) as records:
        (found,) = records.sums("provider")
    assert (found.attempts, found.failed, found.cost_nanousd, found.priced) == (3, 0, 7, 1)
    assert (found.unknown, found.unmetered) == (2, 1)


def test_days_are_those_of_the_clock_on_the_wall_in_their_order(place: Place) -> None:
    with Ledger(place) as ledger:
        for name, at in (("2", MORNING + DAY), ("1", MORNING), ("3", MORNING + DAY + 3600)):
            ledger.record(exchange(name, attempt(name, at=at), at=at), source="cli")
    with Records(place) as records:
        found = [(group.name, group.attempts) for group in records.sums("day")]
        assert found == [("2026-11-20", 1), ("2026-11-21", 2)]
        assert sum(g.attempts for g in records.sums("day", since=MORNING + 1)) == 2


@pytest.mark.parametrize("by", GROUPS)
def test_sums_of_a_period_read_nothing_that_was_before_it(by: By, path: Path) -> None:
    Ledger(path).close()
    with Records(path) as records:
        seen: list[str] = []
        records._connection.raw.set_trace_callback(seen.append)
        records.sums(by, since=5.0)
    with sqlite3.connect(path) as connection:
        plan = str(connection.execute(f"EXPLAIN QUERY PLAN {seen[-1]}").fetchall())
    connection.close()
    assert "USING INDEX attempt_started_at (started_at>?)" in plan


def test_reading_makes_no_file(path: Path) -> None:
    with pytest.raises(StoreError, match="nothing is recorded yet"):
        Records(path)
    assert not path.exists()


def test_clients_are_gateway_keys_and_else_where_they_ask_from(place: Place) -> None:
    with Ledger(place) as ledger:
        ledger.record(exchange("a"), source="cli")
        for name, key in (("b", "team"), ("c", "team"), ("d", None)):
            through = exchange(name)
            through.endpoint, through.key, through.status = "/messages", key, 200
            through.overhead_s = 0.001
            ledger.record_all([through], source="gateway")
    with Records(place) as records:
        sums = {found.name: found.attempts for found in records.sums("client")}
        shown = records.find("req_b")
    assert sums == {"team": 2, "cli": 1, "gateway": 1}
    assert shown is not None
    told = shown.exchange
    assert (told.endpoint, told.key, told.status, told.overhead_s) == (
        "/messages",
        "team",
        200,
        0.001,
    )


def test_what_is_written_with_others_is_what_was_told_of_it(place: Place) -> None:
    """Others have values where it has none, and none where it has some."""
    given = [exchange(f"{number:02}") for number in range(40)]
    for number, one in enumerate(given):
        (tried,) = one.attempts
        match number % 4:
            case 0:
                one.route, one.tag, one.warnings = None, "demo", ["slow", "zügig"]
                one.started_at, one.duration_s = 1.75e9 + 0.123456, 1e-7
            case 1:
                tried.usage = Usage(1, cache_read_tokens=0, reasoning_tokens=2**40)
                tried.cost_nanousd, tried.reason = 2**62, "a	b\n"
            case 2:
                tried.usage, tried.cost_nanousd, tried.number = Usage(0, 3, estimated=True), 0, 2
                refused = attempt(f"{number}x", outcome="error", usage=None, cost=None)
                one.attempts = [refused, tried]
            case _:
                one.attempts, one.outcome = [], "error"
    with Ledger(place) as ledger:
        ledger.record_all(given, source="gateway")
    with Records(place) as records:
        found = [records.find(one.id) for one in given]
    assert [one and one.exchange for one in found] == given
