"""What we ask of a provider at the most."""

from __future__ import annotations

import pytest

from dragoman.routing.limits import Gate
from dragoman.types import Limits


def test_requests_a_minute_refill_evenly() -> None:
    gate = Gate(Limits(rpm=60))
    assert [gate.enter(0, 0.0) for _ in range(60)] == [0.0] * 60
    assert gate.enter(0, 0.0) == pytest.approx(1.0)
    assert gate.enter(0, 1.0) == 0.0
    assert gate.enter(0, 1.5) == pytest.approx(0.5)


def test_tokens_a_minute_count_the_estimate_and_then_the_truth() -> None:
    gate = Gate(Limits(tpm=6000))
    assert gate.enter(6000, 0.0) == 0.0
    gate.leave(excess_tokens=-3000)
    assert gate.enter(3000, 0.0) == 0.0
    assert gate.enter(100, 0.0) == pytest.approx(1.0)


def test_a_request_larger_than_the_limit_waits_for_all_of_it_and_goes() -> None:
    gate = Gate(Limits(tpm=100))
    assert gate.enter(5000, 0.0) == 0.0
    assert gate.enter(1, 0.0) > 60.0


def test_what_does_not_get_in_takes_nothing() -> None:
    gate = Gate(Limits(rpm=100, tpm=100))
    assert gate.enter(100, 0.0) == 0.0
    for _ in range(200):
        assert gate.enter(50, 0.0) > 0.0
    assert gate.enter(50, 30.0) == 0.0


def test_concurrency_waits_for_somebody_to_leave() -> None:
    gate = Gate(Limits(concurrency=1))
    heard: list[str] = []
    assert gate.enter(0, 0.0) == 0.0
    assert gate.enter(0, 0.0) == float("inf")
    gate.subscribe(lambda: heard.append("left"))
    gate.leave()
    assert heard == ["left"]
    assert gate.enter(0, 0.0) == 0.0
