"""JSON as models write it: what is sound is never touched, what is broken is mended in one pass."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.json_repair import DEEPEST, find_json, is_json, repair_json
from tests.wire import golden

TABLE: list[dict[str, str]] = json.loads((golden.CASES / "json-repair.json").read_bytes())

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)

HOSTILE = {
    "opening brackets": "[" * 10**6,
    "opening braces": "{" * 10**6,
    "nested names": '{"a":' * 200_000,
    "quotes": '"' * 10**6,
    "quotes in a string": '{"a":"' + '" ' * 500_000,
    "backslashes": '["' + "\\" * 10**6,
    "small lists": "[1] " * 250_000,
    "comments": "[" + "/*a" * 300_000,
    "fences": "```\n{" * 150_000,
    "blanks": '{"a":""' + " " * 10**6 + "x",
    "members without an end": '{"a":1,' * 150_000,
}


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case["name"])
def test_broken_json_is_mended(case: dict[str, str]) -> None:
    assert find_json(case["text"]) == case["json"]


@given(VALUES, st.sampled_from([None, 1, 4]), st.booleans())
def test_sound_json_is_never_changed(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert repair_json(text) == text
    assert find_json(text) == text


@given(OBJECTS, st.sampled_from(["```json\n{}\n```", "Here: {}", "{} That is all.", "```\n{}```"]))
def test_sound_json_is_found_as_it_stands(value: dict[str, Any], around: str) -> None:
    text = json.dumps(value)
    assert find_json(around.replace("{}", text)) == text


@given(OBJECTS.filter(bool), st.data())
def test_what_is_cut_off_becomes_json_again(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(1, len(text)))]
    assert isinstance(json.loads(repair_json(cut)), dict)


@given(st.text(alphabet="{}[]\"'`,:/\\#*ab1 \n“”", max_size=60))
def test_any_text_becomes_json_or_is_refused(text: str) -> None:
    try:
        made = find_json(text)
    except ValueError:
        return
    assert is_json(made)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_megabyte_takes_a_moment(name: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(ValueError):
        find_json(HOSTILE[name])
    assert time.monotonic() - started < 5


def test_what_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(ValueError, match="too deep"):
        repair_json("[" * (DEEPEST + 1))


@pytest.mark.parametrize("text", ["", "no JSON here", "#", "3 apples"])
def test_where_there_is_none_none_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        find_json(text)
