"""Another spelling is no other model; anything else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.routing.drift import is_other_model

CASES = json.loads(Path(__file__).with_name("cases").joinpath("drift.json").read_text("utf-8"))


@pytest.mark.parametrize(("asked", "answered"), CASES["same"])
def test_another_spelling_is_no_other_model(asked: str, answered: str | None) -> None:
    assert not is_other_model(asked, answered)


@pytest.mark.parametrize(("asked", "answered"), CASES["other"])
def test_another_model_is_noticed(asked: str, answered: str) -> None:
    assert is_other_model(asked, answered)


@pytest.mark.parametrize(
    ("routers", "is_router"),
    [(("openrouter/auto",), True), (("*",), True), (("openrouter/*",), True), (("other",), False)],
)
def test_a_router_may_choose(routers: tuple[str, ...], is_router: bool) -> None:
    assert is_other_model("openrouter/auto", "anthropic/claude", routers) is not is_router


@given(st.text(max_size=3000), st.text(max_size=3000))
def test_any_two_names_are_compared(one: str, other: str) -> None:
    assert not is_other_model(one, one)
    assert is_other_model(one, other) in (True, False)
