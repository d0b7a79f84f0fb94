"""Tokens of one completion, in one convention for all providers."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Usage(Struct, frozen=True, omit_defaults=True, gc=False):
    """Tokens of one completion. Totals are inclusive; None means that nobody reported it.

    Invariants: cache_read_tokens + cache_write_tokens <= prompt_tokens and
    reasoning_tokens <= completion_tokens. `cache_write_1h_tokens` is the part of
    `cache_write_tokens` that is kept for an hour. `cost` is what the provider itself says that it
    charged, in USD. `suspect` marks figures that were impossible (negative, not numbers, above what
    was asked for) and have been clamped; `estimated` marks our own guess.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: Decimal | None = None
    estimated: bool = False
    suspect: bool = False

    @property
    def total_tokens(self) -> int | None:
        """Prompt and completion together, or None when neither was reported."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)
