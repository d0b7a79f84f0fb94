"""A provider's examination, as lines for people and as an object for programs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dragoman.cli.providers.ladder_lines import duration, mark
from dragoman.cli.terminal.masking import masked_url
from dragoman.cli.terminal.streams import Terminal, one_line
from dragoman.cli.terminal.width import shorten, window_width

if TYPE_CHECKING:
    from dragoman.probe.conformance import Case, Conformance, Report, Result
    from dragoman.types.provider import Provider

_WORDS = {"unsupported": "not supported", "skipped": "not tried"}
_LEAST = 30


def print_head(terminal: Terminal, examination: Conformance) -> None:
    """Say who is asked, and which model."""
    provider = examination.provider
    model = examination.subject.model
    asked = f"{provider.name}/{model}" if model else provider.name
    where = masked_url(provider.base_url)
    terminal.out.line(f"{one_line(asked)}  {terminal.out.style(one_line(where), 'dim')}")


def print_results(terminal: Terminal, cases: tuple[Case, ...], results: Iterator[Result]) -> None:
    """Print each case as it is tried."""
    from dragoman.cli.terminal.spinner import Spinner

    width = max(len(case.name) for case in cases)
    for case in cases:
        with Spinner(terminal, functools.partial("{} …".format, case.name)):
            result = next(results)
        print_result(terminal, result, width)


def print_result(terminal: Terminal, result: Result, width: int) -> None:
    """Print a case, and below it what to do. What a server said is cut to the window."""
    console = terminal.out
    word = _WORDS.get(result.verdict)
    words = ": ".join(part for part in (word, one_line(result.detail)) if part)
    took = "" if result.seconds is None else duration(result.seconds)
    room = max(_LEAST, window_width(console) - width - 12 - len(took))
    words = shorten(words, room, console.symbol("…", "..."))
    line = f" {mark(console, result.verdict)} {result.name:<{width}}  {words}"
    console.line(f"{line}  {console.style(took, 'dim')}".rstrip())
    if result.fix and result.verdict in ("failed", "warning"):
        fix = one_line(result.fix)
        console.line(f"   {'':<{width}}  {console.style('Fix:', 'green')} {fix}")


def print_summary(terminal: Terminal, report: Report) -> None:
    """Say how many passed, what it cost to find out, and what --write would change."""
    console = terminal.out
    apart = [
        f"{count} {word}"
        for verdict, word in _WORDS.items()
        if (count := sum(result.verdict == verdict for result in report.results))
    ]
    rest = f"; {', '.join(apart)}" if apart else ""
    console.line()
    console.line(f"{report.passed} of {report.total} passed{rest}.")
    known = f", {report.tokens} tokens reported" if report.tokens else ""
    console.line(f"It took {report.requests} requests{known}.")
    if report.dialect:
        console.line(f"The dialect that fits: {dialect_text(report)}  (--write keeps it)")


def dialect_text(report: Report) -> str:
    """Write what was found of the dialect, as a configuration has it."""
    from dragoman.config.importing import toml_value

    return toml_value(report.dialect)


def report_object(provider: Provider, report: Report) -> dict[str, Any]:
    """Describe an examination for programs."""
    return {
        "provider": report.provider,
        "base_url": masked_url(provider.base_url),
        "api": report.api,
        "model": report.model,
        "ok": report.ok,
        "complete": report.complete,
        "passed": report.passed,
        "total": report.total,
        "requests": report.requests,
        "tokens": report.tokens,
        "dialect": dict(report.dialect),
        "cases": [_case_object(result) for result in report.results],
    }


def _case_object(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": result.name,
        "verdict": result.verdict,
        "about": result.about,
        "needed": result.needed,
        "ms": None if result.seconds is None else round(result.seconds * 1000, 1),
        "detail": result.detail or None,
        "fix": result.fix,
        "code": result.code,
        "dialect": dict(result.dialect) or None,
    }
    return {name: value for name, value in found.items() if value is not None}
