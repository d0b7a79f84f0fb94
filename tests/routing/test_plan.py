"""Which deployment is asked next."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from dragoman.errors import (
    AuthFailed,
    BadRequest,
    ConnectFailed,
    ContentFiltered,
    ContextOverflow,
    DragomanError,
    NotFound,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
    StreamTruncated,
    Timeout,
)
from dragoman.routing.health import Health
from dragoman.routing.plan import Plan, Try, order
from dragoman.types import Deployment
from tests.routing.build import deployment


def follow(chain: list[Deployment], errors: list[DragomanError]) -> list[str]:
    """Run a plan against a list of failures; tell the way it takes."""
    health = Health()
    plan = Plan(chain, health, lambda: 0.5)
    following: Try | None = plan.first(0.0)
    way = []
    for error in errors:
        if following is None:
            break
        way.append(f"{following.kind} {following.deployment.ref}")
        health.failed(following.deployment, error, 0.0)
        following = plan.failed(following.deployment, error, 0.0)
    way.append(f"{following.kind} {following.deployment.ref}" if following else "give up")
    return way


TWO = ["a/x", "b/y"]


@pytest.mark.parametrize(
    "error",
    [ServerError("500"), RateLimited("429"), Overloaded("529"), ProtocolError("html")],
)
def test_retries_the_same_deployment_twice_then_moves_on(error: DragomanError) -> None:
    way = follow([deployment(ref) for ref in TWO], [error] * 4)
    assert way == ["first a/x", "retry a/x", "retry a/x", "fallback b/y", "give up"]


@pytest.mark.parametrize(
    "error",
    [ConnectFailed("refused"), Timeout("first_token", 4.0), Timeout("connect", 5.0)],
)
def test_no_answer_goes_straight_to_the_next(error: DragomanError) -> None:
    assert follow([deployment(ref) for ref in TWO], [error]) == ["first a/x", "fallback b/y"]


def test_no_answer_is_retried_when_nobody_else_is_left() -> None:
    way = follow([deployment("a/x")], [ConnectFailed("refused")] * 3)
    assert way == ["first a/x", "retry a/x", "retry a/x", "give up"]


@pytest.mark.parametrize("error", [AuthFailed("401"), NotFound("404")])
def test_a_fault_that_repeating_cannot_mend_moves_on_at_once(error: DragomanError) -> None:
    assert follow([deployment(ref) for ref in TWO], [error]) == ["first a/x", "fallback b/y"]


@pytest.mark.parametrize("error", [BadRequest("400"), ContentFiltered("no")])
def test_the_callers_fault_stops_everything(error: DragomanError) -> None:
    assert follow([deployment(ref) for ref in TWO], [error]) == ["first a/x", "give up"]


def test_truncation_before_content_is_retried() -> None:
    way = follow([deployment("a/x")], [StreamTruncated("cut")])
    assert way == ["first a/x", "retry a/x"]


def test_an_overflow_moves_to_a_larger_window_only() -> None:
    chain = [
        deployment("a/small", window=8_000),
        deployment("b/small", window=8_000),
        deployment("c/large", window=100_000),
    ]
    assert follow(chain, [ContextOverflow("too long")]) == ["first a/small", "fallback c/large"]


def test_a_step_kept_for_overflows_is_used_for_nothing_else() -> None:
    chain = [
        deployment("a/small", window=8_000),
        deployment("b/large", window=100_000, when="overflow"),
    ]
    assert follow(chain, [ContextOverflow("too long")]) == ["first a/small", "fallback b/large"]
    assert follow(chain, [ServerError("500")] * 3)[-1] == "give up"


def test_a_long_retry_after_is_waited_for_only_when_nobody_else_is_left() -> None:
    error = RateLimited("429", retry_after=20.0)
    assert follow([deployment(ref) for ref in TWO], [error])[-1] == "fallback b/y"
    assert follow([deployment("a/x")], [error])[-1] == "retry a/x"
    too_long = RateLimited("429", retry_after=3600.0)
    assert follow([deployment("a/x")], [too_long])[-1] == "give up"


def test_all_deployments_share_two_retries() -> None:
    chain = [deployment(f"{name}/x") for name in "abc"]
    way = follow(chain, [ServerError("500")] * 6)
    assert sum(step.startswith("retry") for step in way) == 2


def test_cooling_deployments_are_passed_over() -> None:
    health = Health()
    health.failed(deployment("a/x"), ServerError("down"), 0.0)
    plan = Plan([deployment(ref) for ref in TWO], health, lambda: 0.5)
    assert plan.first(1.0).deployment.ref == "b/y"


def test_when_all_cool_the_soonest_is_tried() -> None:
    health = Health()
    health.failed(deployment("a/x"), ServerError("down", retry_after=60.0), 0.0)
    health.failed(deployment("b/y"), ServerError("down", retry_after=30.0), 0.0)
    plan = Plan([deployment(ref) for ref in TWO], health, lambda: 0.5)
    assert plan.first(1.0).deployment.ref == "b/y"


def test_another_model_of_the_same_provider_is_tried_when_nobody_else_is_left() -> None:
    chain = [deployment("a/x", retries=0), deployment("a/y", retries=0)]
    assert follow(chain, [ServerError("500")]) == ["first a/x", "fallback a/y"]


def test_weights_share_the_traffic() -> None:
    chain = [deployment("a/x", weight=3.0), deployment("b/y", weight=1.0), deployment("c/z")]
    random = Random(7).random
    firsts = Counter(order(chain, random)[0].ref for _ in range(4000))
    assert 0.70 < firsts["a/x"] / 4000 < 0.80
    assert all(order(chain, random)[2].ref == "c/z" for _ in range(50))


def test_a_weight_of_zero_comes_last_of_its_group() -> None:
    chain = [deployment("a/x", weight=0.0), deployment("b/y", weight=1.0)]
    random = Random(7).random
    assert all(order(chain, random)[0].ref == "b/y" for _ in range(200))


def test_keys_of_one_provider_take_turns() -> None:
    chain = [deployment("a/x", credential=0), deployment("a/x", credential=1)]
    random = Random(7).random
    firsts = Counter(order(chain, random)[0].credential for _ in range(2000))
    assert 0.45 < firsts[0] / 2000 < 0.55
