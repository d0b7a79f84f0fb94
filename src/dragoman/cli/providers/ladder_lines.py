"""The steps of a provider's test, as lines for people, while they are taken."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dragoman.cli.terminal.streams import Console, Terminal, one_line

if TYPE_CHECKING:
    from dragoman.probe.ladder import Step

LABEL_WIDTH = 9
_SYMBOLS = {
    "ok": ("✓", "ok", "green"),
    "failed": ("✗", "x", "red"),
    "warning": ("!", "!", "yellow"),
    "unsupported": ("–", "-", "dim"),
    "skipped": ("?", "?", "dim"),
}
_UNHURRIED_S = 1.0


def print_steps(terminal: Terminal, steps: Iterator[Step]) -> None:
    """Print steps as they are taken; those that were skipped are left out."""
    from dragoman.cli.terminal.spinner import Spinner
    from dragoman.probe.ladder import NAMES

    for name in NAMES:
        with Spinner(terminal, functools.partial("{} …".format, name)):
            step = next(steps, None)
        if step is None:
            return
        print_step(terminal.out, step)


def print_step(console: Console, step: Step) -> None:
    """Print one step, and below it what to do."""
    if step.verdict == "skipped":
        return
    words = one_line(step.detail)
    if not console.can_show("…"):
        words = words.replace("…", "...")
    took = f"{', ' if words else ''}{duration(step.seconds)}" if step.seconds is not None else ""
    print_fact(console, step.name, f"{mark(console, step.verdict)} {words}{took}".rstrip())
    if step.fix:
        fix = one_line(step.fix)
        console.line(f" {'':<{LABEL_WIDTH}} {console.style('Fix:', 'green')} {fix}")


def print_fact(console: Console, label: str, text: str) -> None:
    """Print a line with its label."""
    console.line(f" {console.style(f'{label:<{LABEL_WIDTH}}', 'dim')} {text}")


def mark(console: Console, verdict: str) -> str:
    """Draw a verdict."""
    symbol, plain, color = _SYMBOLS[verdict]
    return console.style(console.symbol(symbol, plain), color)


def duration(seconds: float) -> str:
    """Write a duration."""
    return f"{seconds * 1000:.0f} ms" if seconds < _UNHURRIED_S else f"{seconds:.1f} s"


def step_object(step: Step) -> dict[str, Any]:
    """Describe a step for programs."""
    found: dict[str, Any] = {
        "name": step.name,
        "verdict": step.verdict,
        "needed": step.needed,
        "ms": None if step.seconds is None else round(step.seconds * 1000, 1),
        "detail": step.detail or None,
        "fix": step.fix,
        "code": step.code,
        "models": list(step.models) or None,
    }
    return {name: value for name, value in found.items() if value is not None}
