"""What an answer took, for people: tokens, times, cost.

groq/llama-3.3-70b · 123 in · 45 out · first token 210 ms · 0.8 s · $0.0004
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dragoman.cli.terminal.streams import one_line

if TYPE_CHECKING:
    from dragoman.types.exchange import Exchange
    from dragoman.types.usage import Usage

_CENT = Decimal("0.01")
REMARKS = {
    "demo": " (demo)",
    "free": " (free)",
    "estimated": " (estimated)",
}


def usage_line(exchange: Exchange, *, local: bool) -> str:
    """Write the line. `local`: the provider that answered is on this machine or network."""
    final = exchange.final
    facts = [one_line(f"{exchange.provider}/{exchange.model}"), *_tokens(exchange.usage)]
    if exchange.stream and exchange.first_token_s is not None:
        facts.append(f"first token {duration(exchange.first_token_s)}")
    facts.append(duration(exchange.duration_s))
    if final is not None and len(exchange.attempts) > 1:
        facts.append(f"{len(exchange.attempts)} attempts")
    facts.append(_cost(exchange, local))
    return " · ".join(facts)


def duration(seconds: float) -> str:
    """Write a time as people read it: `12 ms`, `0.8 s`, `2 m 05 s`."""
    if seconds < 0.5:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} m {int(seconds) % 60:02d} s"


def dollars(amount: Decimal) -> str:
    """Write an amount: two figures that mean something, cents at least, never an exponent."""
    if amount == 0:
        return "$0"
    if amount >= 1:
        return f"${amount.quantize(_CENT)}"
    cents, rest = f"{amount:.{max(2, 1 - amount.adjusted())}f}".split(".")
    return f"${cents}.{rest.rstrip('0').ljust(2, '0')}"


def _tokens(usage: Usage | None) -> list[str]:
    if usage is None or usage.total_tokens is None:
        return ["tokens unknown"]
    about = "~" if usage.estimated else ""
    prompt = f"{about}{_count(usage.prompt_tokens)} in"
    if usage.cache_read_tokens:
        prompt += f" ({_count(usage.cache_read_tokens)} cached)"
    answer = f"{about}{_count(usage.completion_tokens)} out"
    if usage.reasoning_tokens:
        answer += f" ({_count(usage.reasoning_tokens)} reasoning)"
    return [prompt, answer]


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def _cost(exchange: Exchange, local: bool) -> str:
    if exchange.cost is None:
        return "cost unknown"
    source = exchange.cost_source
    remark = " (local)" if source == "free" and local else REMARKS.get(source, "")
    return f"{dollars(exchange.cost)}{remark}"
