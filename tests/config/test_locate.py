"""Where each key of a document stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from dragoman.document.locate import Key, locate
from dragoman.document.parse import line_column

TOML = """\
title = "x" # comment with = and [brackets]
a.b."c d".'e' = 1
text = \"\"\"
[not.a.table]
key = "no" \\\"""
\"\"\"
lit = '''
[[no]]
''''
"esc\\"aped" = 'a = "b'
list = [
  1, # one
  [2, 3],
  { x = 1, y = { z = 2 } },
]
inline = { p = 1, q = [ { r = 1 } ] }

[[things]]
name = 1
  [things.sub]
  deep = 2
  [[things.items]]
  i = 1
  [[things.items]]
  i = 2
[[things]]
name = 2
[[things.items]]
i = 3
[ spaced . table ]
k = 1979-05-27T07:32:00Z
"""

TOML_PLACES: dict[Key, tuple[int, int]] = {
    ("title",): (1, 1),
    ("a", "b", "c d", "e"): (2, 1),
    ("text",): (3, 1),
    ("lit",): (7, 1),
    ('esc"aped',): (10, 1),
    ("list",): (11, 1),
    ("list", 0): (12, 3),
    ("list", 1, 1): (13, 7),
    ("list", 2, "y", "z"): (14, 18),
    ("inline", "q", 0, "r"): (16, 27),
    ("things", 0): (18, 1),
    ("things", 0, "name"): (19, 1),
    ("things", 0, "sub", "deep"): (21, 3),
    ("things", 0, "items", 1, "i"): (25, 3),
    ("things", 1, "name"): (27, 1),
    ("things", 1, "items", 0, "i"): (29, 1),
    ("spaced", "table", "k"): (31, 1),
}


@pytest.mark.parametrize("path", TOML_PLACES, ids=str)
def test_keys_of_toml_are_found(path: Key) -> None:
    offset = locate(TOML, "toml").find(path)
    assert offset is not None
    assert line_column(TOML, offset) == TOML_PLACES[path]


def test_keys_of_json_are_found() -> None:
    text = '{\n  "a": [1, {"b\\"c": "}{,"}],\n  "d": {"e": null, "f": -1.5e3}\n}'
    index = locate(text, "json")
    places = {path: line_column(text, offset) for path, offset in index.offsets.items()}
    assert places[("a", 1, 'b"c')] == (2, 13)
    assert places[("d", "f")] == (3, 20)


def test_keys_of_yaml_are_found() -> None:
    text = "a:\n- 1\n- b: 'x: y'\n  c: |\n    d: e\n7: {f: g}\n"
    index = locate(text, "yaml")
    places = {path: line_column(text, offset) for path, offset in index.offsets.items()}
    assert places[("a", 1, "c")] == (4, 3)
    offset = index.find((7, "f"))
    assert offset is not None


def test_a_key_that_is_not_there_is_found_at_the_table_that_would_hold_it() -> None:
    index = locate(TOML, "toml")
    assert index.find(("things", 1, "missing", "x")) == index.find(("things", 1))
    assert index.find(("nowhere",)) is None


def _paths(value: Any, path: Key = ()) -> list[Key]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _paths(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _paths(item, (*path, number))
    return found


DATA = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), DATA, max_size=4))
def test_every_key_of_any_json_is_found(data: dict[str, Any]) -> None:
    for text in (json.dumps(data), json.dumps(data, indent=1, ensure_ascii=False)):
        index = locate(text, "json")
        assert set(index.offsets) == set(_paths(data))


NAMES = st.text(alphabet="abc-_ .é\"'\\#[", min_size=1, max_size=4)
TABLES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(alphabet="a\"'#[]{}=,\\\n", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, TABLES, max_size=4))
def test_every_key_of_any_toml_is_found(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    assert set(_paths(tomlkit.parse(text).unwrap())) <= set(locate(text, "toml").offsets)


@given(st.text(alphabet="ab[]{}=,.\"'#\n \\", max_size=40))
def test_any_text_can_be_looked_at(text: str) -> None:
    locate(text, "toml")
