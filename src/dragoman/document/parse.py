"""From a file's bytes to plain data: TOML, JSON or YAML, by suffix, and the place of each key.

What a parser says is passed on without the text that it quotes: that text may be a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from dragoman.document.locate import Index, Key, locate
from dragoman.errors import ConfigError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 1_000_000
LIST = "[]"
SYNTAXES = {".toml": "toml", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}

_TOML_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)$")
_QUOTED = re.compile(r"""'[^']{2,}'|"[^"]{2,}\"""")


class Place(NamedTuple):
    """Where a value stands; becomes text only when somebody asks."""

    document: Document
    path: Key

    def __str__(self) -> str:
        return self.document.place(self.path)


class Document:
    """One layer's data. `kind` says whose file it is: `dragoman`, `gptme`, `polpo`.

    `places`, where given, are texts for top-level keys that come from no file.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        layer: str,
        path: Path | None = None,
        text: str = "",
        syntax: str = "toml",
        places: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.layer = layer
        self.path = path
        self.text = text
        self.syntax = syntax
        self.kind = "dragoman"
        self._places = places or {}
        self._index: Index | None = None

    @property
    def index(self) -> Index:
        """The offsets of all keys; made on first use."""
        if self._index is None:
            self._index = locate(self.text, self.syntax)
        return self._index

    @property
    def folder(self) -> Path | None:
        """The folder that relative paths in this document start from."""
        return self.path.parent if self.path else None

    def place_of_second(self, path: Key) -> str:
        """Say where the second of two equal keys stands."""
        line, column = line_column(self.text, self.index.duplicates[path])
        return f"{self.path}:{line}:{column}"

    def place(self, path: Key) -> str:
        """Say where `path` stands: `FILE:LINE:COLUMN`, or what the layer calls it."""
        if self.path is None:
            for length in range(len(path), 0, -1):
                known = self._places.get("__".join(map(str, path[:length])))
                if known:
                    return known
            return self._places.get("", self.layer)
        offset = self.index.find(path)
        if offset is None:
            return str(self.path)
        line, column = line_column(self.text, offset)
        return f"{self.path}:{line}:{column}"


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Turn an offset into line and column, both from 1."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, start) + 1, offset - start + 1


def read_document(path: Path, layer: str, syntax: str | None = None) -> Document:
    """Read and parse a file.

    Raises: FileNotFoundError; ConfigError, with line and column, for anything else.
    """
    return parse_document(read_file(path), path, layer, syntax)


def parse_document(
    raw: bytes, path: Path, layer: str, syntax: str | None = None, *, lists: bool = False
) -> Document:
    """Parse a file's bytes; a suffix that says nothing is TOML, or JSON when it begins with `{`.

    `lists`: a list is taken too, under the key `LIST`: other tools' files may be one.

    Raises: ConfigError, with line and column.
    """
    text = _decode(raw, path)
    if syntax is None:
        guess = "json" if text.lstrip().startswith("{") else "toml"
        syntax = SYNTAXES.get(path.suffix.lower(), guess)
    try:
        data = _PARSERS[syntax](text, path)
        _measure(data, {})
    except RecursionError:
        raise ConfigError("is nested too deeply", place=str(path)) from None
    if isinstance(data, list) and lists:
        data = {LIST: data}
    if not isinstance(data, dict):
        raise not_a_table(path)
    return Document(data, layer=layer, path=path, text=text, syntax=syntax)


def not_a_table(path: Path | None) -> ConfigError:
    """Say that a file is no configuration."""
    return ConfigError(
        "is not a table of settings",
        place=f"{path}:1:1",
        hint="A configuration begins with keys such as default_model or providers.",
    )


def read_file(path: Path) -> bytes:
    """Read a file's bytes. Raises: FileNotFoundError; ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise ConfigError("is a folder, not a file", place=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES // 2**20} MiB", place=str(path))
    return raw


def _decode(raw: bytes, path: Path) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in raw[:4]:
        raise ConfigError(
            "is not UTF-8; it looks like UTF-16 or binary data",
            place=f"{path}:1:1",
            hint="Save it as UTF-8.",
        )
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line, column = line_column(raw[: error.start].decode(), error.start)
        raise ConfigError(
            "is not UTF-8", place=f"{path}:{line}:{column}", hint="Save it as UTF-8."
        ) from None


def _measure(value: Any, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Find depth and size, aliases counted each time. Raises: RecursionError beyond our limits."""
    if not isinstance(value, dict | list):
        return 0, 1
    if id(value) not in known:
        known[id(value)] = (MAX_DEPTH, 0)  # what contains itself is deeper than anything
        items = value.values() if isinstance(value, dict) else value
        depth, size = 0, 1
        for item in items:
            inner = _measure(item, known)
            depth, size = max(depth, inner[0]), size + inner[1]
        known[id(value)] = (depth + 1, size)
    depth, size = known[id(value)]
    if depth >= MAX_DEPTH or size > MAX_VALUES:
        raise RecursionError
    return depth, size


def _refuse(path: Path, line: int, column: int, problem: str, language: str) -> NoReturn:
    problem = _QUOTED.sub("…", problem).strip().rstrip(".")
    problem = problem[:1].lower() + problem[1:]
    raise ConfigError(
        f"is not valid {language}: {problem}",
        place=f"{path}:{line}:{column}",
        hint="Nothing in this file is used until that is mended.",
    ) from None


def _parse_toml(text: str, path: Path) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _TOML_POSITION.search(message)
        line, column = line_column(text, len(text))
        if position:
            line, column = int(position[1]), int(position[2])
        _refuse(path, line, column, message.rsplit(" (at ", 1)[0], "TOML")
    except ValueError:  # an integer of more than 4 300 digits
        raise ConfigError("has a number that is too large", place=str(path)) from None


def _parse_json(text: str, path: Path) -> Any:
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        _refuse(path, error.lineno, error.colno, error.msg, "JSON")
    except ValueError:  # an integer of more than 4 300 digits
        raise ConfigError("has a number that is too large", place=str(path)) from None


def _parse_yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        _refuse(path, line, column, error.problem or "cannot be read", "YAML")
    except yaml.YAMLError:
        _refuse(path, 1, 1, "has a character that YAML does not allow", "YAML")
    except ValueError:  # an impossible date or number
        _refuse(path, 1, 1, "has an impossible date or number", "YAML")
    return {} if data is None else data


_PARSERS = {"toml": _parse_toml, "json": _parse_json, "yaml": _parse_yaml}
