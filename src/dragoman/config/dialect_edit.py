"""Put what was found of a provider's dialect into a TOML file of the user's; the rest stays."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import tomlkit

from dragoman.config.edit import Draft
from dragoman.config.importing import toml_key, toml_value
from dragoman.document.locate import Key

_ANCHORS = ("base_url", "preset", "name", "api", "default_model")
"""Settings of one line, below which there is room for another."""


def set_dialect(draft: Draft, provider: str, found: Mapping[str, Any]) -> None:
    """Set fields of a provider's dialect; what is not named stays as it was.

    A provider that the file does not have yet gets a table there, which says no more than this.

    Raises: ConfigError when the file cannot be changed without risk.
    """
    path = draft.find_provider(provider)
    if path is None:
        draft.add_provider(provider, {"dialect": dict(found)})
        return
    expected = copy.deepcopy(draft.data)
    table = expected["providers"][path[-1]]
    word = f"dialect = {toml_value(dict(found))}"
    known = table.get("dialect")
    anchor = next((name for name in _ANCHORS if name in table), None)
    if known is None and anchor is not None and draft.has_table(path):
        text = draft.with_line_after((*path, anchor), word)
    elif known and draft.has_table((*path, "dialect")):
        text = _in_its_table(draft, (*path, "dialect"), known, found)
    else:
        text = _in_place(draft, path, found, word)
    table["dialect"] = {**(known if isinstance(known, Mapping) else {}), **found}
    draft.rewrite(text, expected, f"{word} at provider '{provider}'")


def _in_place(draft: Draft, path: Key, found: Mapping[str, Any], word: str) -> str:
    """Change a value that stands on one line, or has no place yet."""
    document: Any = tomlkit.parse(draft.text)
    kept = document["providers"][path[-1]]
    if isinstance(kept.get("dialect"), Mapping):
        kept["dialect"].update(found)
    else:
        kept["dialect"] = tomlkit.parse(word)["dialect"]
    return tomlkit.dumps(document)


def _in_its_table(
    draft: Draft, table: Key, known: Mapping[str, Any], found: Mapping[str, Any]
) -> str:
    """Change fields in a table of their own, and put new ones below the last."""
    changed = {name: value for name, value in found.items() if name in known}
    text = _in_place(draft, table[:-1], changed, "") if changed else draft.text
    for name, value in reversed([*found.items()]):
        if name not in known:
            line = f"{toml_key(name)} = {toml_value(value)}"
            text = Draft(draft.path, text).with_line_after((*table, list(known)[-1]), line)
    return text
