"""Usage, wherever and however servers report it, in the one convention of `Usage`."""

from __future__ import annotations

from typing import Any

from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.openai_completions.schema import Chunk
from dragoman.wire.tokens import TokenReader, read_cost


def find_usage(chunk: Chunk, dialect: Dialect) -> Usage | None:
    """Find what a chunk, or a whole answer, reports; None when that is nothing.

    At the top (OpenAI), in the choice (Moonshot), in `x_groq` (Groq), in `timings` (llama.cpp).
    """
    usage = None
    if chunk.usage is not None:
        usage = parse_usage(chunk.usage, chunk.timings, dialect)
    if usage is None and chunk.choices and chunk.choices[0].usage is not None:
        usage = parse_usage(chunk.choices[0].usage, chunk.timings, dialect)
    if usage is None and isinstance(chunk.x_groq, dict):
        usage = parse_usage(chunk.x_groq.get("usage"), chunk.timings, dialect)
    if usage is None and isinstance(chunk.timings, dict):
        usage = _from_timings(chunk.timings)
    return usage


def parse_usage(raw: Any, timings: Any, dialect: Dialect) -> Usage | None:
    """Read a usage object: totals inclusive, impossible figures clamped and marked."""
    if not isinstance(raw, dict):
        return None
    read = TokenReader()
    prompt_details = _object(raw, "prompt_tokens_details", "input_tokens_details")
    completion_details = _object(raw, "completion_tokens_details", "output_tokens_details")
    prompt = read.first(raw, "prompt_tokens", "input_tokens")
    completion = read.first(raw, "completion_tokens", "output_tokens")
    cache_read = read.first(prompt_details, "cached_tokens")
    if cache_read is None:
        # DeepSeek; Moonshot; LiteLLM's proxy before Anthropic.
        cache_read = read.first(
            raw, "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens"
        )
    if cache_read is None and isinstance(timings, dict):
        cache_read = read.first(timings, "cache_n")
    cache_write = read.first(prompt_details, "cache_write_tokens", "cache_creation_tokens")
    if cache_write is None:
        cache_write = read.first(raw, "cache_write_tokens", "cache_creation_input_tokens")
    misses = read.first(raw, "prompt_cache_miss_tokens")
    if prompt is None and misses is not None:
        prompt = misses + (cache_read or 0)
    reasoning = read.first(completion_details, "reasoning_tokens")
    if reasoning is None:
        reasoning = read.first(raw, "reasoning_tokens")
    total = read.first(raw, "total_tokens")
    reasoning, completion = _inclusive(reasoning, completion, prompt, total, dialect)
    cost = raw.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")  # Perplexity
    return read.usage(
        prompt,
        completion,
        cache_read=cache_read,
        cache_write=cache_write,
        reasoning=reasoning,
        cost=read_cost(cost),
    )


def _inclusive(
    reasoning: int | None,
    completion: int | None,
    prompt: int | None,
    total: int | None,
    dialect: Dialect,
) -> tuple[int | None, int | None]:
    """Add reasoning to the completion where a server counts it apart.

    The total, where it tells, is better evidence than the dialect.
    """
    if completion is None:
        return reasoning, completion
    beyond = None if total is None or prompt is None else total - prompt - completion
    if reasoning is None:
        # Gemini's compatible endpoint counts thinking in the total alone.
        if dialect.usage_excludes_reasoning and beyond is not None and beyond > 0:
            return beyond, completion + beyond
        return None, completion
    if beyond is None or beyond not in (0, reasoning):
        outside = dialect.usage_excludes_reasoning
    else:
        outside = beyond == reasoning
    return reasoning, completion + reasoning if outside else completion


def _from_timings(timings: dict[str, Any]) -> Usage | None:
    """Read llama.cpp's figures: `prompt_n` is what it had to evaluate, `cache_n` what it had."""
    read = TokenReader()
    cached = read.first(timings, "cache_n")
    prompt = read.first(timings, "prompt_n")
    if prompt is not None:
        prompt += cached or 0
    return read.usage(prompt, read.first(timings, "predicted_n"), cache_read=cached)


def _object(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if isinstance(value := raw.get(name), dict):
            return value
    return {}


def render_usage(usage: Usage) -> dict[str, Any]:
    """Write usage as OpenAI does; a cost, which OpenAI has not, as OpenRouter does."""
    prompt_details = {"cached_tokens": usage.cache_read_tokens or 0}
    if usage.cache_write_tokens is not None:
        prompt_details["cache_write_tokens"] = usage.cache_write_tokens
    rendered: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens or 0,
        "completion_tokens": usage.completion_tokens or 0,
        "total_tokens": usage.total_tokens or 0,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }
    if usage.cost is not None:
        rendered["cost"] = float(usage.cost)
    return rendered
