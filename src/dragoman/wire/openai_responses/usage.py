"""Usage, counted inclusively by this API, as in our own convention."""

from __future__ import annotations

from typing import Any

from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.tokens import TokenReader, read_cost


def parse_usage(raw: Any, dialect: Dialect) -> Usage | None:
    """Read a report; None when there is none. Impossible figures are clamped and marked."""
    if not isinstance(raw, dict):
        return None
    read = TokenReader()
    of_input = _object(raw, "input_tokens_details", "prompt_tokens_details")
    of_output = _object(raw, "output_tokens_details", "completion_tokens_details")
    prompt = read.first(raw, "input_tokens", "prompt_tokens")
    completion = read.first(raw, "output_tokens", "completion_tokens")
    reasoning = read.first(of_output, "reasoning_tokens")
    if (
        completion is not None
        and reasoning
        and _is_outside(raw, prompt, completion, reasoning, dialect)
    ):
        completion += reasoning
    return read.usage(
        prompt,
        completion,
        cache_read=read.first(of_input, "cached_tokens"),
        cache_write=read.first(of_input, "cache_write_tokens", "cache_creation_tokens"),
        reasoning=reasoning,
        cost=read_cost(raw.get("cost")),
    )


def _is_outside(
    raw: dict[str, Any], prompt: int | None, completion: int, reasoning: int, dialect: Dialect
) -> bool:
    """Whether reasoning is counted apart. The total, where it tells, is the better evidence."""
    total = TokenReader().first(raw, "total_tokens")
    if total is None or prompt is None:
        return dialect.usage_excludes_reasoning
    beyond = total - prompt - completion
    return beyond == reasoning or (beyond != 0 and dialect.usage_excludes_reasoning)


def render_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Write a report, in which every figure must stand: unknown is 0."""
    if usage is None:
        return None
    rendered: dict[str, Any] = {
        "input_tokens": usage.prompt_tokens or 0,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": usage.completion_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.total_tokens or 0,
    }
    if usage.cost is not None:
        rendered["cost"] = float(usage.cost)
    return rendered


def _object(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if isinstance(value := raw.get(name), dict):
            return value
    return {}
