"""`auto` routes: who is asked first, and why."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from dragoman.auto import blended_price, rank
from dragoman.errors import ConfigError, UnknownModel
from dragoman.registry import Registry
from dragoman.routing.health import MEASURED_S, Health
from dragoman.types import ModelInfo, Price
from tests.library.asking import Asker, configure
from tests.routing.build import deployment
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error

StartUpstream = Callable[..., FaultUpstream]


def cost(per_prompt: float, per_answer: float) -> dict[str, Any]:
    return {"cost": {"input": per_prompt, "output": per_answer}}


def refs(route: dict[str, Any], **providers: Any) -> list[str]:
    return [d.ref for d in resolve(route, **providers).deployments]


def resolve(route: dict[str, Any], **providers: Any) -> Any:
    tables = {
        name: {"base_url": f"http://{name}.test/v1", **table} for name, table in providers.items()
    }
    return Registry(configure(tables, routes={"smart": route})).resolve("smart")


# -- price


def test_the_cheapest_is_first_and_the_unknown_last() -> None:
    models = [
        {"id": "dear", **cost(5, 15)},
        "unknown",
        {"id": "cheap", **cost(0.1, 0.4)},
        {"id": "gift", "free": True},
        {"id": "described", "name": "No price is said"},
    ]
    route = {"auto": "price", "models": ["a/dear", "a/unknown", "a/described", "a/cheap", "a/gift"]}
    assert refs(route, a={"models": models}) == [
        "a/gift",
        "a/cheap",
        "a/dear",
        "a/unknown",
        "a/described",
    ]


def test_prompt_and_answer_are_weighed_three_to_one() -> None:
    assert blended_price(Price(input=Decimal(1), output=Decimal(5))) == Decimal(2)
    assert blended_price(Price(input=Decimal(1))) is None
    assert blended_price(None) is None


def test_explain_tells_the_order_and_why() -> None:
    models = [{"id": "dear", **cost(5, 15)}, {"id": "cheap", **cost(0.1, 0.4)}, "new"]
    route = {"auto": "price", "models": ["a/dear", "a/new", "a/cheap"]}
    told = resolve(route, a={"models": models}).steps
    assert [line for line in told if line.startswith("smart: auto")] == [
        "smart: auto 1. a/cheap: $0.175 per million tokens, 3 of prompt to 1 of answer",
        "smart: auto 2. a/dear: $7.5 per million tokens, 3 of prompt to 1 of answer",
        "smart: auto 3. a/new: no price is known: last",
        "smart: auto price",
    ]


# -- quality


def test_the_users_own_class_decides_and_a_step_before_a_model() -> None:
    models = [{"id": "good", "quality": 4}, {"id": "fair", "quality": 2}, "unrated"]
    route = {
        "auto": "quality",
        "models": ["a/unrated", "a/fair", "a/good", {"model": "b/best", "quality": 5}],
    }
    assert refs(route, a={"models": models}, b={}) == ["b/best", "a/good", "a/fair", "a/unrated"]


@pytest.mark.parametrize("value", [0, 6])
def test_a_class_goes_from_one_to_five(value: int) -> None:
    provider = {"base_url": "http://a.test/v1", "models": [{"id": "x", "quality": value}]}
    problems = configure({"a": provider}).providers["a"].problems
    assert "quality must be at" in str(problems[0])


# -- which models


def test_without_models_all_that_are_configured_take_part() -> None:
    a = {"models": [{"id": "dear", **cost(5, 15)}], "default_model": "dear"}
    b = {"models": [{"id": "cheap", **cost(1, 2)}, {"id": "cheaper", **cost(0.5, 1)}]}
    off = {"models": ["x"], "enabled": False}
    assert refs({"auto": "price"}, a=a, b=b, off=off) == ["b/cheaper", "b/cheap", "a/dear"]


def test_a_wildcard_stands_for_the_models_of_a_provider() -> None:
    a = {"models": [{"id": "one", "quality": 1}, {"id": "two", "quality": 2}]}
    b = {"models": ["other"]}
    assert refs({"auto": "quality", "models": ["a/*"]}, a=a, b=b) == ["a/two", "a/one"]
    with pytest.raises(UnknownModel):
        refs({"auto": "quality", "models": ["nobody/*"]}, a=a)


def test_too_many_models_are_an_error() -> None:
    with pytest.raises(ConfigError, match="more than 64"):
        refs({"auto": "price"}, a={"models": [f"m{n}" for n in range(65)]})


# -- latency


def test_the_quickest_as_measured_is_first_and_the_unmeasured_before() -> None:
    slow, quick, new = deployment("a/slow"), deployment("b/quick"), deployment("c/new")
    health = Health()
    health.succeeded(slow, 0.0, 2.0)
    health.succeeded(quick, 0.0, 0.25)
    ranked = rank([slow, quick, new], "latency", lambda d: health.latency(d, 1.0))
    assert [(found.deployment.ref, found.why) for found in ranked] == [
        ("c/new", "not measured lately: first, to find out"),
        ("b/quick", "0.25 s to the first token"),
        ("a/slow", "2.00 s to the first token"),
    ]


def test_measurements_are_mixed_and_grow_old() -> None:
    health, one = Health(), deployment("a/x")
    health.succeeded(one, 0.0, 1.0)
    health.succeeded(one, 1.0, 2.0)
    assert health.latency(one, 2.0) == pytest.approx(1.3)
    assert health.latency(one, 1.0 + MEASURED_S) is None
    health.succeeded(one, 2 * MEASURED_S, 5.0)
    assert health.latency(one, 2 * MEASURED_S) == 5.0


def test_weights_leave_nothing_to_chance() -> None:
    light = structs.replace(deployment("a/x"), weight=9.0, quality=1)
    heavy = structs.replace(deployment("b/x"), weight=1.0, quality=5)
    ranked = rank([light, heavy], "quality")
    assert [(r.deployment.ref, r.deployment.weight) for r in ranked] == [
        ("b/x", None),
        ("a/x", None),
    ]


def test_equals_keep_the_written_order() -> None:
    same = [
        structs.replace(deployment(f"{name}/x"), info=ModelInfo(id="x")) for name in ("c", "a", "b")
    ]
    assert [found.deployment for found in rank(same, "price")] == same


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_requests_learn_who_is_quick(kind: str, stream: bool, upstream: StartUpstream) -> None:
    slow = upstream(chat_stream(["Hello"]).stall(0.3, at=0))
    quick = upstream(chat_stream(["Hello"]))
    config = configure(
        {"slow": {"base_url": slow.base_url}, "quick": {"base_url": quick.base_url}},
        routes={"smart": {"auto": "latency", "models": ["slow/x", "quick/x"]}},
    )
    ask = Asker(kind, config)
    for _ in range(4):
        if stream:
            assert ask.stream("smart").error is None
        else:
            ask.chat("smart")
    assert (len(slow.requests), len(quick.requests)) == (1, 3)


def test_the_rest_of_the_order_is_the_fallback(upstream: StartUpstream) -> None:
    broken, sound = upstream(error(500)), upstream(chat("Hello"))
    config = configure(
        {
            "dear": {"base_url": sound.base_url, "models": [{"id": "x", **cost(5, 15)}]},
            "cheap": {
                "base_url": broken.base_url,
                "retries": 0,
                "models": [{"id": "x", **cost(1, 2)}],
            },
        },
        routes={"smart": {"auto": "price"}},
    )
    answer = Asker("sync", config).chat("smart")
    assert [(a.provider, a.outcome) for a in answer.attempts] == [
        ("cheap", "error"),
        ("dear", "ok"),
    ]
