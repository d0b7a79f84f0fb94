"""Templates: JSON with placeholders, filled in for each request.

    "{model}"                       alone: the value as it is, a list, a number
    "Bearer {api_key}"              within text: the value as text
    "{{literal}}"                   braces that are no placeholder
    { each = "messages", item = … } a list: `item` once for each of a list

What is not set is left out: the member of an object, the item of a list, the whole text around it.
So is an object of which nothing is left, unless it was empty from the start.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from dragoman.wire.json_text import encode_text

Scope: TypeAlias = Callable[[str], Any]
"""Finds what a placeholder stands for; None when it is not set."""

Render: TypeAlias = Callable[[Scope], Any]
"""A template that was read: gives its value, or None when nothing is left of it."""

Problem: TypeAlias = Callable[[tuple[str | int, ...], str, str | None], None]
"""Notes that something is wrong: where, what, and a hint."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z_]+(?:\.[\w-]+)?)\}|[{}]")

EACH = "each"
_EACH_KEYS = frozenset({EACH, "item", "by_role", "roles"})


class Lists:
    """Which lists there are, and which placeholders stand for what in their items.

    `names` are those of the request itself; each list has its own on top, and lists of its own.
    `option.NAME` stands for an option of the provider, whatever its name.
    """

    def __init__(self, names: Iterable[str], lists: Mapping[str, Lists] | None = None) -> None:
        self.names = frozenset(names)
        self.lists = lists or {}

    def knows(self, name: str) -> bool:
        """Tell whether a placeholder stands for something here."""
        return name in self.names or name.startswith("option.")


def read_template(
    value: Any, known: Lists, problem: Problem, path: tuple[str | int, ...]
) -> Render:
    """Read a template; what is wrong in it is noted, each with its place."""
    if isinstance(value, str):
        return read_text(value, known, problem, path)
    if isinstance(value, dict):
        if EACH in value:
            return _read_each(value, known, problem, path)
        members = {
            key: read_template(item, known, problem, (*path, key)) for key, item in value.items()
        }
        return _object(members)
    if isinstance(value, list):
        items = [read_template(x, known, problem, (*path, n)) for n, x in enumerate(value)]
        return _list(items)
    if value is None or isinstance(value, bool | int | float):
        return lambda scope: value  # noqa: ARG005 - it stands for itself
    problem(path, "is of a kind that JSON does not have", "write it as text")
    return lambda scope: None  # noqa: ARG005


def read_text(text: str, known: Lists, problem: Problem, path: tuple[str | int, ...]) -> Render:
    """Read text with placeholders."""
    pieces: list[str] = []
    names: list[str | None] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        name = found[1]
        if name is None:
            names.append(None)
            pieces[-1] += found[0][0]
            if found[0] in "{}":
                problem(path, f"has a '{found[0]}' that is part of no placeholder",
                        f"write '{found[0] * 2}' for the brace itself")  # fmt: skip
        else:
            names.append(name)
            if not known.knows(name):
                problem(path, f"has the unknown placeholder {{{name}}}", _hint(name, known))
    pieces.append(text[end:])
    if len(names) == 1 and names[0] is not None and pieces == ["", ""]:
        only = names[0]
        return lambda scope: scope(only)
    return _text(pieces, names)


def _hint(name: str, known: Lists) -> str:
    near = difflib.get_close_matches(name, known.names, 1)
    if near:
        return f"did you mean {{{near[0]}}}?"
    return "known here: " + ", ".join(sorted(known.names)) + ", option.NAME"


def _text(pieces: list[str], names: list[str | None]) -> Render:
    wanted = [name for name in names if name is not None]

    def render(scope: Scope) -> str | None:
        values = {name: scope(name) for name in wanted}
        if any(value is None for value in values.values()):
            return None
        said = [pieces[0]]
        for name, piece in zip(names, pieces[1:], strict=True):
            if name is not None:
                value = values[name]
                said.append(value if isinstance(value, str) else encode_text(value))
            said.append(piece)
        return "".join(said)

    return render


def _object(members: Mapping[str, Render]) -> Render:
    def render(scope: Scope) -> dict[str, Any] | None:
        filled = {key: member(scope) for key, member in members.items()}
        left = {key: value for key, value in filled.items() if value is not None}
        return left if left or not members else None

    return render


def _list(items: list[Render]) -> Render:
    def render(scope: Scope) -> list[Any] | None:
        filled = [item(scope) for item in items]
        left = [value for value in filled if value is not None]
        return left if left or not items else None

    return render


def _read_each(
    value: dict[str, Any], known: Lists, problem: Problem, path: tuple[str | int, ...]
) -> Render:
    """Read `{ each = …, item = …, by_role = …, roles = … }`."""
    for key in value:
        if key not in _EACH_KEYS:
            problem((*path, key), "is unknown beside 'each'", "item, by_role and roles are known")
    name = value[EACH]
    inner = known.lists.get(name) if isinstance(name, str) else None
    if inner is None:
        hint = f"one of {', '.join(sorted(known.lists))}" if known.lists else None
        problem((*path, EACH), "names no list that there is here", hint)
        return lambda scope: None  # noqa: ARG005
    roles = _words(value.get("roles", {}), problem, (*path, "roles"))
    by_role = value.get("by_role", {})
    if not isinstance(by_role, dict):
        problem((*path, "by_role"), "must be a table of items by role", None)
        by_role = {}
    if "item" not in value:
        problem(path, "has 'each' and no 'item'", 'item = { author = "{role}", … }')
    item = read_template(value.get("item"), inner, problem, (*path, "item"))
    special = {
        role: read_template(one, inner, problem, (*path, "by_role", role))
        for role, one in by_role.items()
    }

    def render(scope: Scope) -> list[Any] | None:
        entries: list[Mapping[str, Any]] = scope(f"{EACH}:{name}") or []
        made = []
        for entry in entries:
            role = entry.get("role")
            one = special.get(role, item) if isinstance(role, str) else item
            made.append(one(_entry_scope(entry, roles, scope)))
        left = [value for value in made if value is not None]
        return left or None

    return render


def _entry_scope(entry: Mapping[str, Any], roles: Mapping[str, str], outer: Scope) -> Scope:
    def find(name: str) -> Any:
        if name == "role":
            return roles.get(entry["role"], entry["role"])
        if name in entry:
            found = entry[name]
            return found() if callable(found) else found
        return outer(name) if name.startswith("option.") else None

    return find


def _words(value: Any, problem: Problem, path: tuple[str | int, ...]) -> Mapping[str, str]:
    """Read a table of words for words."""
    if isinstance(value, dict) and all(isinstance(word, str) for word in value.values()):
        return value
    problem(path, "must be a table of words", 'roles = { assistant = "bot" }')
    return {}
