"""How much to think, in words, where a caller has said it in tokens."""

from __future__ import annotations

from dragoman.types.request import Effort

_BUDGETS: tuple[tuple[int, Effort], ...] = (
    (0, "none"),
    (1024, "minimal"),
    (4096, "low"),
    (12288, "medium"),
)


def nearest_effort(budget_tokens: int) -> Effort:
    """Find the effort nearest to a budget; none is beyond `high`, which all models know."""
    return next((effort for limit, effort in _BUDGETS if budget_tokens <= limit), "high")
