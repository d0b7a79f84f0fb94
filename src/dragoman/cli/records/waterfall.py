"""The attempts of an exchange along its time, a bar each.

1 demo/flaky          429 rate limited  ▒▒░                  12 ms  → again after 0.5 s
2 ollama/llama3.2:3b  200                     ░░░░████████  340 ms  ← answered
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dragoman.cli.records.receipt import duration
from dragoman.cli.records.trace import attempt_rows
from dragoman.cli.terminal.streams import Console
from dragoman.cli.terminal.width import cell_width, pad, shorten

if TYPE_CHECKING:
    from dragoman.types.exchange import Attempt, Exchange

WAITING, ANSWERING = "░", "█"
PLAIN = {WAITING: ".", ANSWERING: "#"}
WIDEST, NARROWEST = 40, 8
LEGEND = f"{WAITING} waiting for the first token  {ANSWERING} answering"


def waterfall_lines(console: Console, exchange: Exchange, width: int) -> Iterator[str]:
    """Draw the attempts. In a narrow window the bars go first, then the reasons wrap below."""
    attempts = exchange.attempts
    rows = attempt_rows(attempts, answering=False)
    names = max(cell_width(row.name) for row in rows)
    words = max(cell_width(row.outcome) for row in rows)
    times = max(len(row.time) for row in rows)
    rest = 3 + names + 2 + words + 2 + times + 2 + max(cell_width(row.verdict) for row in rows)
    room = min(WIDEST, width - rest - 2)
    start = min(attempt.started_at - attempt.pause_s for attempt in attempts)
    end = max(attempt.started_at + attempt.duration_s for attempt in attempts)
    for number, (attempt, row) in enumerate(zip(attempts, rows, strict=True), 1):
        name = pad(row.name, names)
        outcome = pad(row.outcome, words)
        bar = f"  {_bar(console, attempt, start, end - start, room)}" if room >= NARROWEST else ""
        line = f"{number:2} {name}  {outcome}{bar}  {row.time:>{times}}  {row.verdict}"
        yield shorten(line.rstrip(), width)
        if row.detail:
            yield console.style(f"   {row.detail}", "dim")
    if room >= NARROWEST:
        legend = LEGEND
        for symbol, plain in PLAIN.items():
            legend = legend.replace(symbol, console.symbol(symbol, plain))
        yield console.style(f"   {legend}, {duration(end - start)} in all", "dim")


def _bar(console: Console, attempt: Attempt, start: float, total: float, room: int) -> str:
    """Draw one attempt: nothing before it began, then the wait, then the answer."""
    scale = room / total if total > 0 else 0.0
    begun = attempt.started_at - start
    first = attempt.first_token_s
    waited = attempt.duration_s if first is None else first
    left = min(room - 1, round(begun * scale))
    turn = min(room, round((begun + waited) * scale))
    right = min(room, max(left + 1, round((begun + attempt.duration_s) * scale)))
    turn = min(max(turn, left + (first is None)), right)
    waiting = console.symbol(WAITING, PLAIN[WAITING]) * (turn - left)
    answering = console.symbol(ANSWERING, PLAIN[ANSWERING]) * (right - turn)
    return pad(" " * left + waiting + answering, room)
