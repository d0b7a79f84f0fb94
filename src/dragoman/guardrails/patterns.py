"""What is looked for in a text, so that looking takes linear time, whoever wrote the pattern.

The engine is RE2: an automaton without backtracking, so that no pattern takes long for long texts
alone. What a character may take grows with the pattern; see `users_pattern`.
Python's own engine takes exponential time for some patterns, and a gateway's operator lets others
write them. What RE2 leaves out for that (look-around, back-references) is refused with its words.

Source: https://github.com/google/re2/wiki/Syntax (read 2026-11)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from dragoman.errors import ConfigError

LONGEST = 1000
"""Characters that a match in an answer may have: so much of a stream may have to be held back."""

LOOK_BACK = 2
"""Characters before a match that may decide whether it is one."""

PATTERN_LIMIT = 2000
"""Characters of a pattern."""

_MEMORY_BYTES = 8 * 1024 * 1024
_SMALL_BYTES = 128 * 1024
"""For a pattern of somebody not trusted: what it may take decides how long a character may take."""
_UNBOUNDED_BYTES = 32 * 1024
"""For one whose matches have no bound: it looks at a whole text at once, however long that is."""

Accept: TypeAlias = Callable[[str, int, int], tuple[int, int] | None]
"""Judges a match, by the text and its span: the span that is meant, or None."""

Past: TypeAlias = Callable[[str, int, int], int]
"""Says of a match that is not meant, by the text and its span, where the next may begin."""


class Found(NamedTuple):
    """A match: it was seen at `seen`, and `start` to `end` is what is meant of it."""

    seen: int
    start: int
    end: int


class Pattern:
    """Something to look for: a regular expression, and a check of what it finds.

    `width` is the most characters that a match can have, None without bound. A match begins with
    one of `openings` (a regular expression of at most `opening_width` characters), and consists of
    characters of `alphabet` alone, where these are given: they only make for less that is held
    back.
    """

    def __init__(
        self,
        label: str,
        source: str,
        *,
        width: int | None,
        alphabet: str | None = None,
        opening: str | None = None,
        opening_width: int = 0,
        accept: Accept | None = None,
        past: Past | None = None,
        memory_bytes: int = _MEMORY_BYTES,
    ) -> None:
        self.label = label
        self.width = width
        self._regex = compile_linear(source, memory_bytes)
        self._alphabet = alphabet
        self._opening = compile_linear(opening) if opening is not None else None
        self._opening_width = opening_width
        self._accept = accept
        self._past = past

    def find_all(self, text: str, at: int) -> Iterator[Found]:
        """Find the matches at or behind `at`; the next is looked for when it is asked for."""
        if self._accept is None:
            # Not a search for each: the engine copies the whole text for one.
            for match in self._regex.finditer(text, at):
                seen, end = match.span()
                yield Found(seen, seen, end)
            return
        while match := self._regex.search(text, at):
            seen, end = match.span()
            meant = self._accept(text, seen, end)
            if meant is not None:
                yield Found(seen, *meant)
                at = meant[1]
            else:
                at = seen + 1 if self._past is None else self._past(text, seen, end)

    def settled(self, text: str, at: int) -> int:
        """Say up to where a match's beginning would be seen, whatever text follows."""
        if self.width is None:
            return at
        # One more than a match: what stands behind it may decide whether it is one.
        certain = max(len(text) - self.width - 1, at)
        if self._alphabet is not None:
            certain = max(certain, len(text.rstrip(self._alphabet)))
        elif self._opening is not None:
            opened = self._opening.search(text, certain)
            end = len(text) - self._opening_width if opened is None else opened.start()
            certain = max(certain, end)
        return certain


def compile_linear(source: str, memory_bytes: int = _MEMORY_BYTES) -> Any:
    """Compile a pattern for linear time. Raises: ConfigError."""
    if len(source) > PATTERN_LIMIT:
        raise ConfigError(f"a pattern has {len(source)} characters, at most {PATTERN_LIMIT}")
    re2 = _engine()
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory_bytes
    try:
        return re2.compile(source, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ConfigError(
            f"the pattern {source[:100]!r} cannot be used: {reason[:200]}",
            hint="patterns are RE2's: without look-around and back-references",
        ) from None


def users_pattern(source: str, *, bounded: bool, small: bool = False) -> Pattern:
    """Make a pattern out of what somebody wrote.

    `bounded`: it must say how long a match can be, because answers come in pieces. `small`: it may
    take little memory, and so little time for a character.

    Raises: ConfigError.
    """
    compile_linear(source)
    least, most = _widths(source)
    if least == 0:
        raise ConfigError(
            f"the pattern {source[:100]!r} matches the empty text", hint="write + rather than *"
        )
    if most is not None and most <= LONGEST:
        memory_bytes = _SMALL_BYTES if small else _MEMORY_BYTES
        return Pattern("pattern", source, width=most, memory_bytes=memory_bytes)
    if bounded:
        raise ConfigError(
            f"the pattern {source[:100]!r} has no bound: a match in an answer has at most {LONGEST}"
            " characters",
            hint="write {1,200} rather than + or *, or check requests alone: where = ['in']",
        )
    memory_bytes = _UNBOUNDED_BYTES if small else _MEMORY_BYTES
    return Pattern("pattern", source, width=None, memory_bytes=memory_bytes)


def _widths(source: str) -> tuple[int, int | None]:
    """Say how short and how long a match can be; None where it has no bound, or nobody can tell."""
    parser = importlib.import_module("re._parser")
    try:
        least, most = parser.parse(source).getwidth()
    except (ValueError, RecursionError, OverflowError, importlib.import_module("re").error):
        return 1, None  # RE2 knows some spellings that Python does not
    return int(least), None if most >= 2**32 - 1 else int(most)


def _engine() -> Any:
    try:
        return importlib.import_module("re2")
    except ImportError:
        raise ConfigError(
            "guardrails need google-re2, which is not installed",
            hint="pip install 'dragoman[server]'",
        ) from None
