"""References to variables inside strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.interpolate import (
    MalformedReference,
    MissingVariable,
    has_reference,
    interpolate,
    variables,
)

ENV = {"A": "one", "EMPTY": "", "DOLLAR": "$A ${A}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("${A}", "one"),
        ("<${A}|${A}>", "<one|one>"),
        ("${EMPTY}", ""),
        ("${NONE:-b}", "b"),
        ("${EMPTY:-b}", "b"),
        ("${A:-b}", "one"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b $5 {}", "a:-b $5 {"),
        ("$A", "$A"),
        ("$", "$"),
        ("100$", "100$"),
        ("$$", "$"),
        ("$$$$", "$$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$one"),
        ("${DOLLAR}", "$A ${A}"),
    ],
)
def test_references_are_replaced_once(text: str, expected: str) -> None:
    assert interpolate(text, ENV) == expected


@pytest.mark.parametrize(
    "text", ["${", "${}", "${A", "${A-B}", "${A:b}", "${1A}", "${A:-${B}}", "${ A }", "x${A:+b}"]
)
def test_what_only_looks_like_a_reference_is_refused(text: str) -> None:
    with pytest.raises(MalformedReference):
        interpolate(text, ENV)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(MissingVariable) as caught:
        interpolate("${A} ${NOT_THERE}", ENV)
    assert caught.value.variable == "NOT_THERE"


@given(st.text())
def test_doubling_every_dollar_escapes_any_text(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}) == text


@given(st.text(alphabet="${}:-Ax"))
def test_any_text_is_replaced_or_refused(text: str) -> None:
    try:
        interpolate(text, {"A": "y"})
    except (MalformedReference, MissingVariable):
        assert has_reference(text)


def test_references_are_found_at_any_depth() -> None:
    assert has_reference({"a": [1, {"b": "${X}"}]})
    assert not has_reference({"a": [1, {"b": "$X"}], "c": None})
    assert variables("${A} $${B} ${C:-d}") == ["A", "C"]
