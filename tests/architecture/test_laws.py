"""Laws of the source that imports alone cannot break: the import contracts are in pyproject.toml.

docs/explanation/architecture.md says why each of them is one.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.catalog import PROVIDERS_FILE
from tests.architecture.sources import PACKAGE, ROOT, list_sources, parse, walk_literals

PROVIDERS = frozenset(tomllib.loads(PROVIDERS_FILE.read_text("utf-8"))["providers"])

OTHER_MEANINGS = {"local", "demo"}
"""Words that mean something else too: an egress policy, the source of a price."""

OTHER_TOOLS = "config/dialects"
"""Readers of other tools' files, which name the tool whose shape they read."""

FOREIGN = re.compile(r"\b(stop_reason|content_block\w*|message_stop|system_fingerprint)\b")
AT_HOME = ("wire/anthropic_messages/", "wire/openai_completions/", "wire/openai_responses/")
AT_HOME_TOO = ("transport/demo/", "compat/")
"""The demo speaks a format of its own accord; a shim has the words of the library it stands for."""

LONGEST_FILE = 450
LONGEST_FUNCTION = 60
WRITTEN_OUT = ("store/schema.py", "store/migrations/versions/")
"""Statements one after the other: made by a script, or kept as they once were."""

VAGUE = re.compile(r"utils?|helpers?|common|misc|manager")


def _places_of_provider_names() -> Iterator[str]:
    for path in list_sources():
        inside = path.relative_to(PACKAGE).as_posix()
        if inside.startswith(("catalog/", "adapters/", OTHER_TOOLS)):
            continue
        for line, text in walk_literals(parse(path)):
            if text in PROVIDERS - OTHER_MEANINGS:
                yield f"{inside}:{line} {text!r}"


def test_no_provider_is_named_outside_the_catalog() -> None:
    assert list(_places_of_provider_names()) == []


def _thought_out() -> Iterator[Path]:
    for path in list_sources():
        if not path.relative_to(PACKAGE).as_posix().startswith(WRITTEN_OUT):
            yield path


def test_files_stay_short_enough_to_hold_one_idea() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in _thought_out()}
    assert {path.name: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def test_functions_stay_short_enough_to_read_at_once() -> None:
    long = [
        f"{path.relative_to(PACKAGE)}:{node.name}"
        for path in _thought_out()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path.name for path in list_sources() if VAGUE.fullmatch(path.stem)] == []


def test_the_words_of_a_format_stay_in_its_folder() -> None:
    found = [
        inside
        for path in list_sources()
        if not (inside := path.relative_to(PACKAGE).as_posix()).startswith(AT_HOME + AT_HOME_TOO)
        and FOREIGN.search(path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_nothing_is_mocked_and_nothing_is_left_for_later(folder: str) -> None:
    left = re.compile(r"unittest\.mock|from unittest import mock|\bTODO\b|\bFIXME\b|\bXXX\b")
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__) and left.search(path.read_text("utf-8"))
    ]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PACKAGE))
        for path in list_sources()
        if path.stat().st_size and not ast.get_docstring(parse(path))
    ]
    assert silent == []
