"""Where each key of a document stands, for messages: tomllib and json tell no positions.

A locator reads text that its parser has already accepted, so it need not judge it. It runs only
when a place is asked for.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

Key: TypeAlias = tuple[str | int, ...]


class Index:
    """The offset of each key, and the keys that one table holds twice.

    `headers` are those of a TOML document, `[…]` and `[[…]]`, in its order.
    """

    def __init__(self) -> None:
        self.offsets: dict[Key, int] = {}
        self.headers: list[tuple[int, Key]] = []
        self.duplicates: dict[Key, int] = {}

    def add(self, path: Key, offset: int) -> None:
        """Note a key; the second of two equal ones is a duplicate."""
        if path in self.offsets:
            self.duplicates.setdefault(path, offset)
        else:
            self.offsets[path] = offset

    def find(self, path: Key) -> int | None:
        """Find the offset of a key, or of the nearest table that holds it."""
        while path:
            for spelling in (path, (*path[:-1], str(path[-1]))):  # YAML has keys that are numbers
                if spelling in self.offsets:
                    return self.offsets[spelling]
            path = path[:-1]
        return None


def locate(text: str, syntax: str) -> Index:
    """Index a document; what is nested too deeply to follow has no place."""
    index = Index()
    try:
        _LOCATORS[syntax](text, index)
    except RecursionError:
        return index
    return index


# ------------------------------------------------------------------------------------------ TOML

_TOML_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}(?!\") | '{3}.*?'{3,5}(?!')
                 | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<mark>[\[\]{}=,.])
      | (?P<word>[^\s\[\]{}=,.\#"']+)""",
    re.VERBOSE | re.DOTALL,
)
_Token: TypeAlias = tuple[str, str, int]


class _Toml:
    """A cursor over the tokens of a TOML document."""

    def __init__(self, text: str, index: Index) -> None:
        self.index = index
        self.tokens: list[_Token] = [
            (match.lastgroup or "", match.group(), match.start())
            for match in _TOML_TOKEN.finditer(text)
            if match.lastgroup != "space"
        ]
        self.position = 0
        self.arrays: dict[Key, int] = {}  # the tables that an array of tables has so far

    def peek(self) -> _Token:
        if self.position < len(self.tokens):
            return self.tokens[self.position]
        return ("end", "", 0)

    def take(self) -> _Token:
        token = self.peek()
        self.position += 1
        return token

    def skip_newlines(self) -> None:
        while self.peek()[0] == "newline":
            self.position += 1

    def keys(self) -> tuple[list[str], int]:
        """Read a dotted key: its names, and where it begins."""
        start = self.peek()[2]
        names: list[str] = []
        while self.peek()[0] in ("word", "string"):
            kind, text, _ = self.take()
            names.append(_unquote(text) if kind == "string" else text)
            if self.peek()[1] != ".":
                break
            self.take()
        return names, start

    def document(self) -> None:
        table: Key = ()
        while self.peek()[0] != "end":
            kind, text, offset = self.peek()
            if kind == "newline":
                self.take()
            elif text == "[":
                table = self.header(offset)
            else:
                before = self.position
                self.assignment(table)
                if self.position == before:  # nothing that we know: go on behind it
                    self.take()

    def header(self, offset: int) -> Key:
        self.take()
        array = self.peek()[1] == "["
        if array:
            self.take()
        names, _ = self.keys()
        while self.peek()[1] == "]":
            self.take()
        path: Key = ()
        for name in names[:-1]:
            self.index.offsets.setdefault((*path, name), offset)
            path = self.inside((*path, name))
        path = (*path, *names[-1:])
        if array:
            self.index.offsets.setdefault(path, offset)
            self.arrays[path] = self.arrays.get(path, -1) + 1
            path = (*path, self.arrays[path])
        self.index.offsets.setdefault(path, offset)
        self.index.headers.append((offset, path))
        return path

    def inside(self, path: Key) -> Key:
        return (*path, self.arrays[path]) if path in self.arrays else path

    def assignment(self, table: Key) -> None:
        names, start = self.keys()
        path = table
        for name in names:
            path = (*path, name)
            self.index.offsets.setdefault(path, start)
        if self.peek()[1] == "=":
            self.take()
            self.value(path)

    def value(self, path: Key) -> None:
        text = self.peek()[1]
        if text == "[":
            self.take()
            self.items(path)
        elif text == "{":
            self.take()
            while self.peek()[1] not in ("}", ""):
                self.skip_newlines()
                before = self.position
                self.assignment(path)
                if self.peek()[1] == "," or self.position == before:
                    self.take()
            self.take()
        else:
            while self.peek()[0] not in ("newline", "end") and self.peek()[1] not in ",]}":
                self.take()

    def items(self, path: Key) -> None:
        number = 0
        self.skip_newlines()
        while self.peek()[1] not in ("]", ""):
            self.index.add((*path, number), self.peek()[2])
            before = self.position
            self.value((*path, number))
            self.skip_newlines()
            if self.peek()[1] == "," or self.position == before:
                self.take()
            self.skip_newlines()
            number += 1
        self.take()


def _locate_toml(text: str, index: Index) -> None:
    _Toml(text, index).document()


def _unquote(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1]
    if "\\" not in text:
        return text[1:-1]
    import tomllib

    try:
        return str(tomllib.loads(f"x = {text}")["x"])
    except tomllib.TOMLDecodeError:  # in text that is no TOML
        return text[1:-1]


# ------------------------------------------------------------------------------------------ JSON

_JSON_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[\[\]{}:,]|[^\s\[\]{}:,"]+', re.DOTALL)


def _locate_json(text: str, index: Index) -> None:
    tokens = [(match.group(), match.start()) for match in _JSON_TOKEN.finditer(text)]
    tokens.append(("", len(text)))
    position = 0

    def value(path: Key) -> None:
        nonlocal position
        opening = tokens[position][0]
        position += 1
        if opening not in ("{", "["):
            return
        number = 0
        while tokens[position][0] not in ("}", "]", ""):
            token, offset = tokens[position]
            if opening == "{":
                path_here = (*path, _json_name(token))
                position += 2
            else:
                path_here = (*path, number)
                number += 1
            index.add(path_here, offset)
            value(path_here)
            if tokens[position][0] == ",":
                position += 1
        position += 1

    value(())


def _json_name(token: str) -> str:
    if "\\" not in token:
        return token[1:-1]
    import json

    return str(json.loads(token))


# ------------------------------------------------------------------------------------------ YAML


def _locate_yaml(text: str, index: Index) -> None:
    import yaml

    seen: set[int] = set()

    def visit(node: Any, path: Key) -> None:
        if id(node) in seen:  # an alias: its first place counts
            return
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, item in node.value:
                here = (*path, str(key.value))
                index.add(here, key.start_mark.index)
                visit(item, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                index.add((*path, number), item.start_mark.index)
                visit(item, (*path, number))

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        visit(root, ())


_LOCATORS = {"toml": _locate_toml, "json": _locate_json, "yaml": _locate_yaml}
