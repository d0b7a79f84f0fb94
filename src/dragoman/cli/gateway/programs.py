"""Programs that can be pointed at the gateway: rows of programs.toml, filled in."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

KEY = "{key}"
"""A value that is this and nothing else is the gateway's key."""


class Program(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row; programs.toml says what its fields mean."""

    title: str
    docs: str
    program: str | None = None
    install: str | None = None
    needs_model: bool = False
    set: Mapping[str, str] = {}
    json: Mapping[str, Any] = {}
    unset: tuple[str, ...] = ()
    model: Mapping[str, str] = {}
    arguments: tuple[str, ...] = ()
    model_arguments: tuple[str, ...] = ()

    @property
    def lives_by_variables(self) -> bool:
        """Whether variables are all that it needs to be told."""
        return not self.arguments

    @property
    def takes_model(self) -> bool:
        """Whether a variable or an argument can name its model."""
        return bool(self.model or self.model_arguments or self.needs_model)

    def fill(self, url: str, model: str | None) -> tuple[dict[str, str], list[str]]:
        """Make the variables to set and the arguments to give. `KEY` stays where the key goes."""
        import json

        words = {"{url}": url} | ({"{model}": model} if model else {})
        variables = {**self.set, **(self.model if model else {})}
        filled = {name: _fill(text, words) for name, text in variables.items()}
        filled |= {name: json.dumps(_fill(value, words)) for name, value in self.json.items()}
        arguments = [*self.arguments, *(self.model_arguments if model else ())]
        return filled, _fill(arguments, words)


@functools.cache
def read_programs() -> Mapping[str, Program]:
    """Read all rows, by name."""
    import tomllib

    from msgspec import convert

    text = Path(__file__).with_name("programs.toml").read_text("utf-8")
    return convert(tomllib.loads(text), dict[str, Program])


def _fill(value: Any, words: Mapping[str, str]) -> Any:
    """Put words into every text in a value; not with `format`, for JSON has braces of its own."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(word, text)
        return value
    if isinstance(value, dict):
        return {_fill(name, words): _fill(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, words) for inner in value]
    return value
