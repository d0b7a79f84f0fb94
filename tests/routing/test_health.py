"""What is remembered of deployments."""

from __future__ import annotations

import pytest

from dragoman.errors import (
    AuthFailed,
    BadRequest,
    ConnectFailed,
    DragomanError,
    NotFound,
    RateLimited,
    ServerError,
)
from dragoman.routing.health import FIRST_S, LONGEST_S, PROBE_S, Health
from tests.routing.build import deployment


def test_one_failure_is_one_mark_and_marks_double() -> None:
    health, one = Health(), deployment("a/x")
    waits = []
    now = 0.0
    for _ in range(9):
        health.failed(one, ServerError("down"), now)
        until = health.cooling_until(one, now)
        waits.append(until - now)
        now = until
    assert waits[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert waits[-1] == LONGEST_S


def test_retry_after_counts_instead() -> None:
    health, one = Health(), deployment("a/x")
    health.failed(one, RateLimited("slow down", retry_after=42.0), 0.0)
    assert health.cooling_until(one, 0.0) == 42.0


@pytest.mark.parametrize(
    ("error", "others_cool"),
    [
        (ServerError("down"), True),
        (ConnectFailed("refused"), True),
        (AuthFailed("bad key"), True),
        (RateLimited("slow down"), False),
        (NotFound("no such model"), False),
    ],
)
def test_a_fault_of_the_provider_cools_all_its_models_and_one_of_a_model_only_that(
    error: DragomanError, others_cool: bool
) -> None:
    health = Health()
    health.failed(deployment("a/x"), error, 0.0)
    assert health.cooling_until(deployment("a/x"), 1.0)
    assert bool(health.cooling_until(deployment("a/y"), 1.0)) is others_cool
    assert not health.cooling_until(deployment("b/x"), 1.0)


def test_the_callers_mistake_marks_nothing() -> None:
    health, one = Health(), deployment("a/x")
    health.failed(one, BadRequest("wrong"), 0.0)
    assert not health.cooling_until(one, 0.0)


def test_several_keys_of_a_provider_cool_apart() -> None:
    health = Health()
    health.failed(deployment("a/x", credential=0), RateLimited("slow down"), 0.0)
    assert health.cooling_until(deployment("a/x", credential=0), 0.0)
    assert not health.cooling_until(deployment("a/x", credential=1), 0.0)


def test_half_open_lets_one_probe_through() -> None:
    health, one = Health(), deployment("a/x")
    health.failed(one, ServerError("down"), 0.0)
    now = FIRST_S
    assert not health.cooling_until(one, now)
    health.began(one, now)
    assert health.cooling_until(one, now) == now + PROBE_S
    health.succeeded(one, now)
    assert not health.cooling_until(one, now)


def test_a_probe_that_ends_without_a_verdict_lets_the_next_through() -> None:
    health, one = Health(), deployment("a/x")
    health.failed(one, ServerError("down"), 0.0)
    health.began(one, FIRST_S)
    health.released(one)
    assert not health.cooling_until(one, FIRST_S)


def test_success_forgets_all_marks() -> None:
    health, one = Health(), deployment("a/x")
    health.failed(one, ServerError("down"), 0.0)
    health.failed(one, RateLimited("slow down"), 0.0)
    health.succeeded(one, 1.0)
    health.failed(one, ServerError("down"), 2.0)
    assert health.cooling_until(one, 2.0) == 2.0 + FIRST_S
