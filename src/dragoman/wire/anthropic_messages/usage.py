"""Usage, which this API counts apart: input tokens here are those that no cache had part in."""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.tokens import TokenReader, read_cost

_MODELLED = frozenset(
    {
        "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
        "cache_creation", "output_tokens_details", "cost",
    }
)  # fmt: skip


def merge_usage(known: dict[str, Any], more: Any) -> dict[str, Any]:
    """Bring a report up to date. Figures replace, they never add; null replaces nothing."""
    if not isinstance(more, dict):
        return known
    return known | {name: value for name, value in more.items() if value is not None}


def parse_usage(raw: dict[str, Any]) -> Usage | None:
    """Read a report: totals inclusive, impossible figures clamped and marked."""
    read = TokenReader()
    fresh = read.first(raw, "input_tokens")
    cache_read = read.first(raw, "cache_read_input_tokens")
    split = _object(raw, "cache_creation")
    write_5m = read.first(split, "ephemeral_5m_input_tokens")
    write_1h = read.first(split, "ephemeral_1h_input_tokens")
    cache_write = read.first(raw, "cache_creation_input_tokens")
    if cache_write is None and (write_5m is not None or write_1h is not None):
        cache_write = (write_5m or 0) + (write_1h or 0)
    prompt = None
    if fresh is not None:
        prompt = fresh + (cache_read or 0) + (cache_write or 0)
    return read.usage(
        prompt,
        read.first(raw, "output_tokens"),
        cache_read=cache_read,
        cache_write=cache_write,
        cache_write_1h=write_1h,
        reasoning=read.first(_object(raw, "output_tokens_details"), "thinking_tokens"),
        cost=read_cost(raw.get("cost")),
    )


def rest_of_usage(raw: dict[str, Any]) -> dict[str, Any]:
    """Keep what is no count of ours: service tier, server tools, region."""
    return {name: value for name, value in raw.items() if name not in _MODELLED}


def render_usage(usage: Usage | None, rest: Any = None) -> dict[str, Any]:
    """Write a report. Input and output must stand in it: unknown is 0."""
    usage = usage or Usage()
    read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    rendered: dict[str, Any] = {
        "input_tokens": max((usage.prompt_tokens or 0) - read - write, 0),
        "cache_creation_input_tokens": write,
        "cache_read_input_tokens": read,
        "output_tokens": usage.completion_tokens or 0,
    }
    if usage.cache_write_1h_tokens is not None:
        rendered["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(write - usage.cache_write_1h_tokens, 0),
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    if usage.reasoning_tokens is not None:
        rendered["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.cost is not None:
        rendered["cost"] = float(usage.cost)
    return rendered | rest if isinstance(rest, dict) else rendered


def _object(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
