"""What came of asking a provider whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct


class Checked(Struct, frozen=True):
    """The last answer. `at` is Unix time; `code` is that of the error, None: it is there."""

    at: float
    code: str | None = None


FindCheck: TypeAlias = Callable[[str | None, str], Checked | None]
"""Finds it by the organisation whose provider it is (None: the operator's), and its name."""


def nothing_checked(_: str | None, __: str) -> Checked | None:
    """Find nothing: nobody is asked."""
    return None
