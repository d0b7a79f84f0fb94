"""Counts of tokens as servers report them: any of them may be nonsense."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any

from dragoman.types.exchange import MOST_USD
from dragoman.types.usage import Usage

MAX_TOKENS = 1_000_000_000
"""No request uses more: a hundred times the largest context window there is."""


class TokenReader:
    """Reads counts and remembers in `suspect` whether one of them was impossible.

    Nothing impossible lowers a sum: negative is 0, a fraction is rounded up, and what is no number
    at all is unknown.
    """

    __slots__ = ("suspect",)

    def __init__(self) -> None:
        self.suspect = False

    def first(self, source: dict[str, Any], *names: str) -> int | None:
        """Read the first of these fields that has a value."""
        for name in names:
            if (value := source.get(name)) is not None:
                return self.count(value)
        return None

    def count(self, value: Any) -> int | None:
        """Read one count."""
        if value is None:
            return None
        number = value
        if type(number) is not int:
            self.suspect = self.suspect or not (isinstance(value, float) and value.is_integer())
            if isinstance(value, str):
                number = _number(value)
            if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
                return None
            if not math.isfinite(number):
                return None
            number = math.ceil(number)
        if 0 <= number <= MAX_TOKENS:
            return number
        self.suspect = True
        return min(max(number, 0), MAX_TOKENS)

    def usage(
        self,
        prompt: int | None,
        completion: int | None,
        *,
        cache_read: int | None = None,
        cache_write: int | None = None,
        cache_write_1h: int | None = None,
        reasoning: int | None = None,
        cost: Decimal | None = None,
    ) -> Usage | None:
        """Put inclusive counts together, parts held within their totals; None when all unknown."""
        read = self._within(cache_read, prompt)
        room = None if prompt is None else prompt - (read or 0)
        write = self._within(cache_write, room)
        counts = (prompt, completion, read, write, reasoning)
        if cost is None and not self.suspect and all(count is None for count in counts):
            return None
        return Usage(
            prompt,
            completion,
            read,
            write,
            self._within(cache_write_1h, write),
            self._within(reasoning, completion),
            cost,
            suspect=self.suspect,
        )

    def _within(self, part: int | None, total: int | None) -> int | None:
        if part is None or total is None or part <= total:
            return part
        self.suspect = True
        return total


def doubts(usage: Usage | None) -> tuple[str, ...]:
    """Say that counts were impossible, where they were."""
    if usage is not None and usage.suspect:
        return ("the provider reported impossible token counts; they have been clamped",)
    return ()


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def read_cost(value: Any) -> Decimal | None:
    """Read an amount of USD, exactly as written; None for what is no sound amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    amount = _number(str(value))
    if amount is None or not amount.is_finite():
        return None
    return amount if 0 <= amount <= MOST_USD else None
