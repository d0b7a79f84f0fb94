"""Markdown that is still being written, cut into blocks: what of it can no longer change.

A block is a paragraph, a heading, an item of a list, a fenced piece of code, a table, a rule. Text
comes in pieces of any size. What is settled of the open block may be shown: it will look the same
when more has come. An emphasis that is still open, a table that may grow, are not settled.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["text", "item", "heading", "code", "table", "rule"]

_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_ITEM = re.compile(r"(?P<indent> {0,3})([-*+]|\d{1,9}[.)])(\s+(?=\S)|\s*$)")
_RULE = re.compile(r" {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$")
_TABLE = re.compile(r" {0,3}\|")
_MARK = re.compile(r"[\s>]*([-*+]|\d{1,9}[.)]|#{1,6})?\s*$")
"""The beginning of a line that says nothing yet."""
_WHOLE: tuple[Kind, ...] = ("table", "rule")
"""Kinds that are shown when they are whole."""


class Block(Struct):
    """A block. `text` is its Markdown; `gap`: an empty line stood before it."""

    kind: Kind
    text: str
    gap: bool
    whole: bool = False


class Blocks:
    """Takes text in pieces, and gives blocks in their order.

    Example:
        blocks = Blocks()
        for piece in pieces:
            for block in blocks.feed(piece):
                ...  # the last one may not be whole; it comes again, longer
        for block in blocks.close():
            ...
    """

    def __init__(self) -> None:
        self._partial = ""
        self._lines: list[str] = []
        self._kind: Kind | None = None
        self._fence = ""
        self._gap = False
        self._blank = False
        self._any = False
        self._inner = 0

    def feed(self, text: str) -> Iterator[Block]:
        """Take more text. Yields: blocks that have become whole, then what is settled of the next.

        Iterate it to its end.
        """
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            yield from self._line(line)
        yield from self._settled()

    def close(self) -> Iterator[Block]:
        """Take the end of the text. Yields: what is left, as it is."""
        if self._partial:
            line, self._partial = self._partial, ""
            yield from self._line(line)
        yield from self._end()

    # -- lines

    def _line(self, line: str) -> Iterator[Block]:
        if self._fence:
            self._lines.append(line)
            if _closes(line, self._fence):
                self._fence = ""
                if self._kind == "code":
                    yield from self._end()
            return
        if not line.strip():
            # An item may go on after an empty line; nothing else does.
            if self._kind != "item":
                yield from self._end()
            self._blank = self._any
            return
        if not self._goes_on(line):
            yield from self._end()
            self._begin(line)
        elif self._blank:
            self._lines.append("")
            self._blank = False
        self._lines.append(line)
        if fence := _FENCE.match(line.lstrip() if self._kind == "item" else line):
            self._fence = fence["mark"]
        if self._kind in ("heading", "rule"):
            yield from self._end()

    def _goes_on(self, line: str) -> bool:
        """Tell whether a line belongs to the open block."""
        if self._kind is None:
            return False
        if self._kind == "item":
            if _ITEM.match(line) and not _RULE.match(line):
                return len(line) - len(line.lstrip()) >= self._inner
            indented = len(line) - len(line.lstrip()) >= self._inner
            return indented or not (self._blank or _starts(line))
        if self._kind == "table":
            return _TABLE.match(line) is not None
        return not _starts(line)

    def _begin(self, line: str) -> None:
        self._kind = _kind_of(line)
        self._gap, self._blank, self._any = self._blank, False, True
        item = _ITEM.match(line)
        self._inner = max(2, len(item["indent"]) + 2) if item else 0

    def _end(self) -> Iterator[Block]:
        if self._kind is not None:
            yield Block(self._kind, "\n".join(self._lines), self._gap, whole=True)
        self._kind, self._lines, self._fence = None, [], ""

    # -- what is settled

    def _settled(self) -> Iterator[Block]:
        """Yield how much of the open block can be shown, with the line that is being written."""
        if self._fence:
            yield Block(self._kind or "code", "\n".join(self._lines), self._gap)
            return
        words = self._partial[: settled_length(self._partial)]
        if not _is_told(self._partial) or _MARK.match(words):
            words = ""
        if words and not self._goes_on(words):
            yield from self._end()
            if (kind := _kind_of(words)) not in _WHOLE:
                yield Block(kind, words, self._blank)
        elif self._kind is not None and self._kind not in _WHOLE:
            lines = [*self._lines, *([""] if self._blank and words else []), words]
            yield Block(self._kind, "\n".join(lines), self._gap)


def settled_length(line: str) -> int:
    """Find how much of a line no later character can change: up to a space, or a wide character.

    Code, emphasis and links that are still open may become literal, or not.
    """
    settled = 0
    open_marks: list[str] = []
    position = 0
    while position < len(line):
        character = line[position]
        if character == "`":
            run = re.match(r"`+", line[position:])
            assert run is not None
            end = line.find(run[0], position + len(run[0]))
            if end < 0:
                return settled
            position = end + len(run[0])
            continue
        if character in "*_~":
            run = re.match(rf"{re.escape(character)}+", line[position:])
            assert run is not None
            _toggle(open_marks, run[0], line, position)
            position += len(run[0])
            continue
        if character == "[":
            link = re.match(r"\[[^\]]*\](\([^)]*\)|(?=[^(]))", line[position:])
            if link is None:
                return settled
            position += len(link[0])
            continue
        if (character in " \t" or _is_wide(character)) and not open_marks:
            settled = position + 1
        position += 1
    return settled


def _toggle(open_marks: list[str], run: str, line: str, position: int) -> None:
    """Open or close an emphasis; marks between spaces are themselves."""
    before = line[position - 1 : position]
    after = line[position + len(run) : position + len(run) + 1]
    if run in open_marks and before.strip():
        del open_marks[open_marks.index(run) :]
    elif after.strip() or not after:
        inside_word = run[0] == "_" and before.isalnum()
        if not inside_word and (run[0] != "~" or len(run) == 2):
            open_marks.append(run)


def _kind_of(line: str) -> Kind:
    if _FENCE.match(line):
        return "code"
    if _HEADING.match(line):
        return "heading"
    if _RULE.match(line):
        return "rule"
    if _ITEM.match(line):
        return "item"
    return "table" if _TABLE.match(line) else "text"


def _starts(line: str) -> bool:
    """Tell whether a line begins a block whatever stood before it."""
    return _kind_of(line) != "text"


def _is_told(line: str) -> bool:
    """Tell whether the beginning of a line says which kind of block it is of."""
    start = line.lstrip()
    if not start or start[0] in "~|":
        return False
    if start[0] == "`":
        return len(start) > 2 and not start.startswith("``")
    if start[0] in "-*_+#>" or start[0].isdigit():
        return len(start.split()) > 1 and set(start) - set("-*_ ") != set()
    return True


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and text == fence[0] * len(text)
