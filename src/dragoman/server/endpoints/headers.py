"""What the headers of an answer tell of how it came about."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.discretion import concealed
from dragoman.types.exchange import Exchange

WARNINGS_LIMIT = 2048
NAME_LIMIT = 256
"""Characters: proxies commonly refuse heads of more than 4 or 8 KiB altogether."""


def describe(exchange: Exchange, now: float) -> Mapping[str, str]:
    """Say who answered, after how many attempts, what was lost, and how long we took ourselves.

    To be asked when the answer's head, or its first content, is about to go out: `now`, in Unix
    time. How long we took until then is noted in the exchange. What is not known yet, as a stream's
    cost is before its end, is left out.
    """
    exchange.overhead_s = overhead_s(exchange, now)
    headers = {"x-request-id": exchange.id, "request-id": exchange.id}
    if exchange.warnings:
        warnings = "; ".join(exchange.warnings)
        if exchange.key is not None:
            warnings = concealed(warnings, exchange.attempts)
        headers["x-dragoman-warnings"] = _plain(warnings[:WARNINGS_LIMIT])
    if exchange.replayed is not None:
        headers["x-dragoman-attempts"] = "0"
        headers["x-dragoman-cost-usd"] = "0.000000000"
        headers["x-dragoman-cost-source"] = exchange.cost_source
    final = exchange.final
    if final is None:
        return headers
    headers["x-dragoman-provider"] = _plain(final.provider)
    headers["x-dragoman-model"] = _plain(final.model[:NAME_LIMIT])
    headers["x-dragoman-attempts"] = str(len(exchange.attempts))
    headers["x-dragoman-overhead-ms"] = f"{exchange.overhead_s * 1000:.3f}"
    if exchange.route is not None:
        headers["x-dragoman-route"] = _plain(exchange.route[:NAME_LIMIT])
    if final.kind == "fallback":
        headers["x-dragoman-fallback"] = "true"
    if final.cost_nanousd is not None:
        dollars, nano = divmod(exchange.cost_nanousd or 0, 1_000_000_000)
        headers["x-dragoman-cost-usd"] = f"{dollars}.{nano:09}"
        headers["x-dragoman-cost-source"] = exchange.cost_source
    return headers


def overhead_s(exchange: Exchange, now: float) -> float:
    """Work out how long an exchange has taken by now, without the time that providers took.

    Theirs are the attempts, with the pauses before them: an attempt that has ended to its end, one
    that goes on to its first content. Where two ran at a time, the time counts once.
    """
    took, reached = now - exchange.started_at, 0.0
    for attempt in exchange.attempts:
        began = attempt.started_at
        ended = began + (attempt.duration_s or attempt.first_token_s or 0.0)
        if ended > reached:
            took -= ended - max(began - attempt.pause_s, reached)
            reached = ended
    return max(took, 0.0)


def _plain(text: str) -> str:
    """Make text fit for a header: printable ASCII, anything else as `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)
