"""Reads tables that people write: typed values, and everything that is wrong, with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.adapters.described.json_path import Path
from dragoman.document.locate import Key
from dragoman.document.parse import Document
from dragoman.errors import ConfigError

_SHOWN = 5
"""How many mistakes are told in full."""


class Tables:
    """A document that is read. A value that is wrong is noted, and read as None."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[tuple[str, str, str | None]] = []

    def problem(self, path: Key, what: str, hint: str | None = None) -> None:
        """Note what is wrong at `path`."""
        name = ".".join(str(key) for key in path)
        self.problems.append((self.document.place(path), f"{name} {what}".strip(), hint))

    def error(self) -> ConfigError:
        (place, what, hint), *others = self.problems
        more = "".join(f"; {where}: {other}" for where, other, _ in others[: _SHOWN - 1])
        rest = len(others) - _SHOWN + 1
        return ConfigError(
            f"{what}{more}" + (f"; and {rest} more" if rest > 0 else ""), place=place, hint=hint
        )

    # -- values

    def known(self, path: Key, table: Mapping[str, Any], names: Iterable[str]) -> None:
        """Report the keys of a table that nothing knows."""
        names = tuple(names)
        for key in table:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
                self.problem((*path, key), "is unknown", hint)

    def table(self, table: Mapping[str, Any], name: str, path: Key) -> Mapping[str, Any] | None:
        return self._typed(table, name, path, dict, "a table")  # type: ignore[no-any-return]

    def text(self, table: Mapping[str, Any], name: str, path: Key) -> str | None:
        return self._typed(table, name, path, str, "text")  # type: ignore[no-any-return]

    def flag(self, table: Mapping[str, Any], name: str, path: Key) -> bool:
        return bool(self._typed(table, name, path, bool, "true or false"))

    def _typed(
        self, table: Mapping[str, Any], name: str, path: Key, kind: type, called: str
    ) -> Any:
        value = table.get(name)
        if value is None or isinstance(value, kind):
            return value
        self.problem((*path, name), f"must be {called}")
        return None

    def texts(self, table: Mapping[str, Any], name: str, path: Key) -> frozenset[str]:
        value = table.get(name, [])
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return frozenset(value)
        self.problem((*path, name), "must be a list of words")
        return frozenset()

    def choice(
        self, table: Mapping[str, Any], name: str, path: Key, names: Iterable[str]
    ) -> str | None:
        value = self.text(table, name, path)
        if value is None or value in names:
            return value
        self.problem((*path, name), f"must be one of {', '.join(names)}")
        return None

    def path(self, table: Mapping[str, Any], name: str, path: Key) -> Path | None:
        text = self.text(table, name, path)
        if text is None:
            return None
        try:
            return Path(text)
        except ValueError as error:
            self.problem((*path, name), str(error), "a path is written like $.choices[0].text")
            return None
