"""What is said of a budget without room: that it is used up, or that requests under way hold it."""

from __future__ import annotations

from typing import Any

from dragoman.ledger.counting import Decision, Line, term_of
from dragoman.server.limits.ratelimits import refusal
from dragoman.types.allowance import Allowance

REQUESTS = {"measure": "requests", "period": "minute", "amount": 1}


def budget(*, used: int, held: int, **more: Any) -> Line:
    """Make a line of a budget of 100, of which so much is used or held, and so much held alone."""
    allowance = Allowance(
        id="lim", name="n", organisation_id="o", kind="key", subject="k",
        **{"measure": "tokens", "period": "total", "amount": 100, **more},
    )  # fmt: skip
    line = Line(term_of(allowance, "k", 0, None), 10)
    line.used, line.held = used, held
    return line


def test_what_others_hold_for_a_moment_is_not_used_up() -> None:
    error = refusal([budget(used=100, held=60)], Decision([0], passed=False))
    assert (error.code, error.retry_after) == ("budget_exceeded", 1.0)
    assert "held by requests under way" in error.message
    assert "used up" not in error.message
    assert "in a moment" in (error.hint or "")
    assert "for more" not in (error.hint or "")


def test_what_is_used_up_is_said_to_be() -> None:
    for used, held in ((100, 0), (100, 5)):
        error = refusal([budget(used=used, held=held)], Decision([0], passed=False))
        assert error.retry_after is None
        assert "is used up" in error.message
        assert "for more" in (error.hint or "")


def test_what_would_fit_is_said_by_what_takes_so_much() -> None:
    refused = Decision([0], passed=False)
    by_length = refusal([budget(used=95, held=0)], refused).hint or ""
    assert by_length.startswith("allow it a shorter answer (`max_tokens`), or ask whoever runs")
    assumed = budget(used=95, held=0, measure="spend", unknown="assume", assumed_nanousd=10)
    hint = refusal([assumed], refused).hint or ""
    assert hint.startswith("ask a model whose price is known, or ask whoever runs")


def test_a_limit_of_a_minute_is_reached_only_when_nothing_is_left_of_it() -> None:
    refused = Decision([0], passed=False)
    roomy = refusal([budget(used=60, held=0, period="minute")], refused)
    assert roomy.message == (
        "this request may take more than the 40 tokens left of 100 tokens a minute for this key"
    )
    assert "allow it a shorter answer (`max_tokens`)" in (roomy.hint or "")
    for full in (budget(used=100, held=0, period="minute"), budget(used=1, held=0, **REQUESTS)):
        error = refusal([full], refused)
        assert error.message.endswith(" a minute for this key is reached")
        assert "max_tokens" not in (error.hint or "")
