"""JSON paths: a small part of JSONPath, with which a description says where something stands.

    $                the whole
    $.a.b            a member of an object; its name has letters, digits, `_` and `-`
    $['a b']         a member with any name; double quotes do as well
    $[0]  $[-1]      an item of a list, from its beginning or its end
    $[*]  $.*        every item, or every member's value

There are no filters, slices, scripts and `..`: what a path costs can be told by looking at it.
Source: RFC 9535, sections 2.3.1 to 2.3.3 (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from dragoman.errors import ProtocolError

MAX_STEPS = 32
MAX_FOUND = 20_000
"""How many values a path may lead to: no answer of a model has more pieces."""

EVERY = object()
Step: TypeAlias = str | int | object

_STEP = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*)
      | (?P<every>\.\*|\[\*\])
      | \[(?P<index>0|-?[1-9][0-9]{0,8})\]
      | \[(?P<quoted>'[^'\\]*'|"[^"\\]*")\]""",
    re.VERBOSE,
)


class Path:
    """Where something stands in decoded JSON. `text` is the path as it was written."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        """Read a path. Raises: ValueError that says what is wrong, and where."""
        if not text.startswith("$"):
            raise ValueError("must begin with '$'")
        steps: list[Step] = []
        at = 1
        while at < len(text):
            found = _STEP.match(text, at)
            if found is None:
                raise ValueError(f"cannot be understood from '{text[at : at + 20]}' on")
            steps.append(_step(found))
            at = found.end()
        if len(steps) > MAX_STEPS:
            raise ValueError(f"has more than {MAX_STEPS} steps")
        self.text = text
        self._steps = tuple(steps)

    def find(self, value: Any) -> list[Any]:
        """List what stands there, in order. Raises: ProtocolError when it is far too much."""
        found = [value]
        for step in self._steps:
            found = [inner for outer in found for inner in _inside(outer, step)]
            if len(found) > MAX_FOUND:
                raise ProtocolError(f"the upstream's answer has over {MAX_FOUND} values at {self}")
        return found

    def first(self, value: Any) -> Any:
        """Find the first value that stands there and is not null; None when there is none."""
        return next((one for one in self.find(value) if one is not None), None)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Path({self.text})"


def _step(found: re.Match[str]) -> Step:
    if found["every"]:
        return EVERY
    if found["index"]:
        return int(found["index"])
    return found["name"] or found["quoted"][1:-1]


def _inside(value: Any, step: Step) -> Iterable[Any]:
    """List what one step leads to; nothing where the value is of another kind."""
    if step is EVERY:
        if isinstance(value, dict):
            return value.values()
        return value if isinstance(value, list) else ()
    if isinstance(step, int):
        inside = isinstance(value, list) and -len(value) <= step < len(value)
        return (value[step],) if inside else ()
    return (value[step],) if isinstance(value, dict) and step in value else ()
