"""The two layers above all files: variables, and what a call says.

`DRAGOMAN_DEFAULT_MODEL` (or `DRAGOMAN_MODEL`) sets `default_model`; two underscores go into a
table: `DRAGOMAN_PROVIDERS__MY_CORP__BASE_URL` sets the base URL of the provider `my-corp`. Lists
and tables are written as JSON. Variables of which the first word is no setting belong to others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dragoman.config import fields
from dragoman.config.secrets import key_variable
from dragoman.document.parse import Document

PREFIX = "DRAGOMAN_"
_SHORT = {"MODEL": "DEFAULT_MODEL"}


def read_environment(
    env: Mapping[str, str], overrides: Mapping[str, Any], providers: Iterable[str]
) -> Iterator[Document]:
    """Make documents of the variables and of a call's settings, where there are any."""
    data, places = _from_variables(env, list(providers))
    if data:
        yield Document(data, layer="env", places={"": "environment", **places})
    if overrides:
        yield Document(overrides, layer="call", places={"": "this call"})


def _from_variables(
    env: Mapping[str, str], providers: list[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    data: dict[str, Any] = {}
    places: dict[str, str] = {}
    known = fields.table(fields.TOP)
    names = (name for name in env if name.startswith(PREFIX))
    for variable in sorted(names, key=lambda name: (name.count("__"), name)):
        text = env[variable]
        word = variable.removeprefix(PREFIX)
        path = [part.lower() for part in _SHORT.get(word, word).split("__")]
        if path[0] not in known or not all(path) or not text.strip():
            continue
        if path[0] == "providers" and len(path) > 1:
            path[1] = _provider(path[1], providers)
        table = data
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[path[-1]] = _value(text)
        places["__".join(path)] = f"variable {variable}"
    return data, places


def _provider(part: str, providers: list[str]) -> str:
    """Find the provider that a variable means: its name may hold what no variable's can."""
    variable = key_variable(part)
    return next((name for name in providers if key_variable(name) == variable), part)


def _value(text: str) -> Any:
    if text.lstrip()[:1] in "[{":
        import json

        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
