"""Put what was found of a provider's dialect into a TOML file of the user's; the rest stays."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import tomlkit

from dragoman.config.edit import Draft
from dragoman.config.importing import toml_value

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
    anchor = next((name for name in _ANCHORS if name in table), None)
    if "dialect" not in table and anchor is not None and draft.has_table(path):
        text = draft.with_line_after((*path, anchor), word)
    else:
        document: Any = tomlkit.parse(draft.text)
        kept = document["providers"][path[-1]]
        if not isinstance(kept.get("dialect"), Mapping):
            kept["dialect"] = tomlkit.inline_table()
        for name, value in found.items():
            kept["dialect"][name] = value
        text = tomlkit.dumps(document)
    if not isinstance(table.get("dialect"), Mapping):
        table["dialect"] = {}
    table["dialect"].update(found)
    draft.rewrite(text, expected, f"{word} at provider '{provider}'")
