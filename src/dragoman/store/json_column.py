"""JSON in a column: where it cannot be read its row says so, and no other row suffers.

It was edited by hand, half restored, or written by a version that says what this one does not know.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_json(text: str, kind: type[T], instead: T) -> tuple[T, str | None]:
    """Read what a column says. Returns: it and None, or `instead` and why it cannot be read."""
    try:
        return msgspec.json.decode(text, type=kind), None
    except (msgspec.DecodeError, RecursionError) as error:
        return instead, str(error)
