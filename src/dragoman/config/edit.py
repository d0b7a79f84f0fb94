"""Change a TOML file of the user's as they would by hand: everything else stays as it is.

Tables are put in and taken out as text, at the places that the locator finds; what comes of it is
parsed, and must say exactly what was meant, or nothing is written.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from dragoman.config.importing import toml_key, toml_value
from dragoman.config.replace import alone, replace_file
from dragoman.document.locate import Key, locate
from dragoman.document.parse import MAX_BYTES, parse_document
from dragoman.errors import ConfigError

T = TypeVar("T")

_BOM = "\ufeff"


def edit_file(path: Path, change: Callable[[Draft], T]) -> T:
    """Change a file, or begin one. Returns: what `change` does.

    Raises: ConfigError when the file is broken, or cannot be changed without risk; OSError when it
    cannot be written. In both cases it is as it was.
    """
    with alone(path):
        draft = read_draft(path)
        before = draft.text
        result = change(draft)
        if draft.text != before:
            replace_file(path, draft.encoded())
    return result


def read_draft(path: Path) -> Draft:
    """Read a file for editing; one that is not there is empty. Raises: ConfigError."""
    if path.suffix.lower() not in (".toml", ""):
        raise ConfigError(
            f"is {path.suffix[1:].upper()}, and only TOML is edited here",
            place=str(path),
            hint="change it by hand",
        )
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Draft(path, "")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from None
    document = parse_document(raw[: MAX_BYTES + 1], path, "user", "toml")
    return Draft(path, document.text, bom=raw.startswith(_BOM.encode()))


class Draft:
    """A file while it is changed. `text` is what it will be, `data` what that says."""

    def __init__(self, path: Path, text: str, *, bom: bool = False) -> None:
        self.path = path
        self.text = text
        self.data: dict[str, Any] = tomllib.loads(text)
        self._bom = bom
        self._end = "\r\n" if "\r\n" in text else "\n"

    def encoded(self) -> bytes:
        """The file's bytes."""
        return ((_BOM if self._bom else "") + self.text).encode()

    # ------------------------------------------------------------------------------- providers

    def find_provider(self, name: str) -> Key | None:
        """Find where a provider stands, by name in any case."""
        for path, _ in self._providers(name):
            return path
        return None

    def settings(self, name: str) -> Mapping[str, Any]:
        """What the file says of a provider; nothing when it does not stand there."""
        return next((table for _, table in self._providers(name)), {})

    def add_provider(
        self, name: str, settings: Mapping[str, Any], comment: str | None = None
    ) -> None:
        """Add a provider's table at the end, in the shape that the file has.

        Raises: ConfigError.
        """
        providers = self.data.get("providers")
        expected = copy.deepcopy(self.data)
        if isinstance(providers, list):
            header, own = "[[providers]]", {"name": name, **settings}
            expected["providers"].append(own)
        else:
            header, own = f"[providers.{toml_key(name)}]", dict(settings)
            expected.setdefault("providers", {})[name] = own
        lines = [f"# {comment}"] if comment else []
        lines += [header, *(f"{toml_key(k)} = {toml_value(v)}" for k, v in own.items())]
        body = self.text.rstrip()
        gap = [body, ""] if body else []
        self._become(self._end.join([*gap, *lines, ""]), expected, "\n".join(lines))

    def remove_provider(self, name: str) -> bool:
        """Take a provider out, with what stands in its table; False when it is not there.

        Raises: ConfigError.
        """
        found = self.find_provider(name)
        if found is None:
            return False
        expected = copy.deepcopy(self.data)
        del expected["providers"][found[-1]]
        if not expected["providers"]:
            del expected["providers"]
        self._become(self._without(found), expected, f"the table of provider '{name}'")
        return True

    def set_flag(self, name: str, setting: str, value: bool | None) -> None:
        """Set a flag of a provider that stands in the file; None takes it out.

        Raises: ConfigError.
        """
        path = self.find_provider(name)
        assert path is not None
        expected = copy.deepcopy(self.data)
        table = expected["providers"][path[-1]]
        word = f"{setting} = {toml_value(value)}"
        table.pop(setting, None)
        text = self._without_line((*path, setting))
        if value is not None:
            table[setting] = value
            text = Draft(self.path, text)._with_line(path, word)
        self._become(text, expected, f"{word} at provider '{name}'")

    def set_top(self, setting: str, value: str, comment: str | None = None) -> None:
        """Set a setting that stands in no table and is not there yet. Raises: ConfigError."""
        expected = {**copy.deepcopy(self.data), setting: value}
        lines = [f"# {comment}"] if comment else []
        lines.append(f"{setting} = {toml_value(value)}")
        headers = locate(self.text, "toml").headers
        at = self._above(headers[0][0]) if headers else len(self.text)
        before, after = self.text[:at].rstrip(), self.text[at:]
        parts = [*([before, ""] if before else []), *lines, *(["", after] if after else [""])]
        self._become(self._end.join(parts), expected, "\n".join(lines))

    # -------------------------------------------------------------------------- other settings

    def has_table(self, path: Key) -> bool:
        """Tell whether a table has a header of its own."""
        return any(path == other for _, other in locate(self.text, "toml").headers)

    def with_line_after(self, path: Key, line: str) -> str:
        """The text with a line below that of a setting, as far in."""
        offset = locate(self.text, "toml").offsets[path]
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        end = len(self.text) if end < 0 else end
        before = self.text[start:end].rstrip("\r")
        margin = before[: len(before) - len(before.lstrip())]
        lines = [before, margin + line, self.text[end + 1 :]]
        return self.text[:start] + self._end.join(lines)

    def with_table_in(self, path: Key, lines: Sequence[str]) -> str:
        """The text with one more table at the end of a table and of those in it."""
        headers: list[tuple[int, Key]] = [*locate(self.text, "toml").headers]
        headers.append((len(self.text), ()))
        at = len(self.text)
        for (offset, other), (following, _) in pairwise(headers):
            if other[: len(path)] == path:
                at = self._end_of_table(offset, following)
        before, after = self.text[:at].rstrip(), self.text[at:]
        parts = [*([before, ""] if before else []), *lines, *(["", after] if after else [""])]
        return self._end.join(parts)

    def rewrite(self, text: str, expected: Mapping[str, Any], by_hand: str) -> None:
        """Take a new text, if it says what is expected; `by_hand` is what to write otherwise.

        Raises: ConfigError.
        """
        self._become(text, expected, by_hand)

    def _providers(self, name: str) -> Iterator[tuple[Key, Mapping[str, Any]]]:
        providers = self.data.get("providers")
        if isinstance(providers, list):
            pairs = [((n, t.get("name"), t)) for n, t in enumerate(providers) if _is_table(t)]
        elif isinstance(providers, dict):
            pairs = [(key, key, table) for key, table in providers.items()]
        else:
            pairs = []
        for key, called, table in pairs:
            if isinstance(called, str) and called.strip().lower() == name.lower():
                yield ("providers", key), table if _is_table(table) else {"api_key": table}

    # ------------------------------------------------------------------------------------ text

    def _become(self, text: str, expected: Mapping[str, Any], by_hand: str) -> None:
        """Take the new text, if it says what it should."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            data = None
        if data is None or _without_empty(data) != _without_empty(expected):
            raise ConfigError(
                "is written in a way that cannot be changed without risk",
                place=str(self.path),
                hint=f"change it by hand: {by_hand}",
            )
        self.text, self.data = text, data

    def _above(self, offset: int) -> int:
        """Where the comment begins that stands right above a header; the header, if none does.

        A comment at the very top is the file's, not the table's.
        """
        start = self.text.rfind("\n", 0, offset) + 1
        above = start
        while above and self._line_above(above).startswith("#"):
            above = self.text.rfind("\n", 0, above - 1) + 1
        return above if above else start

    def _line_above(self, start: int) -> str:
        return self.text[self.text.rfind("\n", 0, start - 1) + 1 : start].strip()

    def _without(self, table: Key) -> str:
        """The text without a table, the tables in it, and the comment right above it."""
        headers: list[tuple[int, Key]] = [*locate(self.text, "toml").headers]
        headers.append((len(self.text), ()))
        kept: list[str] = []
        position = 0
        for (offset, path), (following, _) in pairwise(headers):
            if path[: len(table)] != table:
                continue
            start = self._above(offset)
            kept.append(self.text[position:start])
            position = self._end_of_table(offset, following)
        kept.append(self.text[position:])
        return "".join(kept)

    def _end_of_table(self, start: int, following: int) -> int:
        """Where a table's own lines end: comments after an empty line are of what comes next."""
        lines = self.text[start:following].splitlines(keepends=True)
        count = len(lines)
        while count and (not lines[count - 1].strip() or lines[count - 1].lstrip()[:1] == "#"):
            count -= 1
        while count < len(lines) and lines[count].lstrip()[:1] == "#":
            count += 1
        while count < len(lines) and not lines[count].strip():
            count += 1
        return start + sum(map(len, lines[:count]))

    def _without_line(self, path: Key) -> str:
        """The text without a setting that takes one line."""
        offset = locate(self.text, "toml").offsets.get(path)
        if offset is None:
            return self.text
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return self.text[:start] + ("" if end < 0 else self.text[end + 1 :])

    def _with_line(self, table: Key, line: str) -> str:
        """The text with a line below a table's header."""
        for offset, path in locate(self.text, "toml").headers:
            if path == table:
                end = self.text.find("\n", offset)
                end = len(self.text) if end < 0 else end
                head = self.text[:end].rstrip("\r")
                return f"{head}{self._end}{line}{self._end}{self.text[end + 1 :]}"
        return self.text


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _without_empty(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without a table of providers that holds none: whether it is there says nothing."""
    return {k: v for k, v in data.items() if k != "providers" or v}
