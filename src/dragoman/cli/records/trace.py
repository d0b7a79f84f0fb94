"""The attempts of an exchange, a line each, with what made us move on.

1 demo/flaky            429 rate limited       12 ms  → again after 0.5 s
2 demo/flaky (retry)    500 server error        9 ms  → next
3 ollama/llama3.2:3b    200                   340 ms  ← answered
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dragoman.cli.records.receipt import duration
from dragoman.cli.terminal.streams import Console, one_line

if TYPE_CHECKING:
    from dragoman.types.exchange import Attempt

_WORDS = {
    "rate_limit_exceeded": "rate limited",
    "upstream_overloaded": "overloaded",
    "upstream_error": "server error",
    "upstream_auth_failed": "key not accepted",
    "upstream_billing": "account empty",
    "upstream_permission_denied": "not permitted",
    "upstream_not_found": "not found",
    "context_length_exceeded": "prompt too long",
    "content_filter": "filtered",
    "stream_truncated": "cut off",
    "connection_lost": "connection lost",
}
"""Error codes whose own sentence is longer than a column."""
_MAX_WORDS = 60


class Row(NamedTuple):
    """An attempt in words; `detail` is what the upstream said, where that adds to it."""

    name: str
    outcome: str
    time: str
    verdict: str
    detail: str


def attempt_rows(attempts: Sequence[Attempt], *, answering: bool) -> list[Row]:
    """Put attempts into words; `answering`: the last one has begun to answer."""
    return [_row(attempts, number, answering) for number in range(len(attempts))]


def print_trace(console: Console, attempts: Sequence[Attempt], *, answering: bool) -> None:
    """Print the attempts so far; `answering`: the last one has begun to answer."""
    rows = attempt_rows(attempts, answering=answering)
    names = max((len(row[0]) for row in rows), default=0)
    words = max((len(row[1]) for row in rows), default=0)
    for number, (name, outcome, time, verdict, detail) in enumerate(rows, 1):
        line = f"{number:2} {name:<{names}}  {outcome:<{words}}  {time:>7}  {verdict}"
        console.line(console.style(line.rstrip(), "dim"))
        if detail:
            console.line(console.style(f"   {detail}", "dim"))


def _row(attempts: Sequence[Attempt], index: int, answering: bool) -> Row:
    attempt = attempts[index]
    last = index == len(attempts) - 1
    kind = "" if attempt.kind in ("first", "fallback") else f" ({attempt.kind})"
    name = one_line(f"{attempt.provider}/{attempt.model}{kind}")
    if (last and answering) or attempt.outcome == "ok":
        time = attempt.duration_s if attempt.outcome == "ok" else attempt.first_token_s
        return Row(name, str(attempt.status or ""), duration(time or 0.0), "← answered", "")
    words, detail = _reason(attempt)
    outcome = f"{attempt.status} {words}" if attempt.status else words
    following = None if last else attempts[index + 1]
    return Row(name, outcome, duration(attempt.duration_s), _verdict(following), detail)


def _reason(attempt: Attempt) -> tuple[str, str]:
    """Say why an attempt failed: in a few words, and in the upstream's own where they add to it."""
    reason = one_line(attempt.reason or attempt.error or attempt.outcome)
    known = _WORDS.get(attempt.error or "")
    if known:
        return known, reason
    if len(reason) <= _MAX_WORDS:
        return reason, ""
    return (attempt.error or "failed").replace("_", " "), reason


def _verdict(following: Attempt | None) -> str:
    if following is None:
        return "→ gave up"
    pause = f" after {duration(following.pause_s)}" if following.pause_s else ""
    return f"→ again{pause}" if following.kind == "retry" else f"→ next{pause}"
