"""Counters that count nothing any more are let go, and never one that is being counted with."""

from __future__ import annotations

from dragoman.ledger.counting import Line, term_of
from dragoman.ledger.memory import PRUNE_AT, MemoryCounters
from dragoman.types.allowance import Allowance, Measure, Period
from dragoman.types.calendar import find_span

NOW = 1_795_000_000.0


def line(subject: str, measure: Measure, period: Period, limit: int = 1) -> Line:
    allowance = Allowance(
        id=measure, name=measure, organisation_id="default", kind="key", subject="*",
        measure=measure, period=period, amount=limit,
    )  # fmt: skip
    since, until = find_span(period, NOW) if allowance.is_quota else (0, None)
    return Line(term_of(allowance, subject, since, until), 1)


def test_the_counter_of_a_new_key_counts_however_many_there_are() -> None:
    counters = MemoryCounters()
    for number in range(PRUNE_AT - 1):
        assert counters.reserve_now([line(f"k{number}", "requests", "month")], NOW).passed
    for number in range(3):
        both = [
            line(f"new{number}", "concurrency", "now"),
            line(f"new{number}", "requests", "month", 2),
        ]
        assert counters.reserve_now(both, NOW).passed
        assert counters.reserve_now(both, NOW).refused == [0]
        counters.settle("h", both, [0, 1])
        assert counters.reserve_now(both, NOW).passed
        assert counters.reserve_now(both, NOW).refused == [0, 1]


def test_what_counts_nothing_any_more_is_let_go_and_all_else_stays() -> None:
    counters = MemoryCounters()
    day, held = line("k", "requests", "day", 9), line("held", "requests", "day", 9)
    for each in (day, held):
        assert counters.reserve_now([each], NOW).passed
    counters.settle("h", [day], [1])
    for number in range(PRUNE_AT - 2):
        idle = line(f"k{number}", "concurrency", "now")
        assert counters.reserve_now([idle], NOW).passed
        counters.settle("h", [idle], [0])
    tomorrow = NOW + 86_400
    assert counters.reserve_now([line("k", "tokens", "minute")], tomorrow).passed
    assert len(counters._counters) == 2
    more = Line(held.term, 9)
    assert not counters.reserve_now([more], tomorrow).passed
    assert more.held == 1
