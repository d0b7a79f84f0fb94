"""`dragoman doctor`: what this installation rests on, looked at in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.cli.config.finding import Check
    from dragoman.cli.terminal.streams import Console
    from dragoman.probe.reachable import Reachable

MARKS = {
    "ok": ("✓", "ok", "green"),
    "failed": ("✗", "x", "red"),
    "warning": ("!", "!", "yellow"),
    "none": ("-", "-", "dim"),
}

NAMES = 8
"""Room for a name: most are not longer, and lines are printed as they come."""


@click.command("doctor")
@as_json
@shared
@click.pass_obj
def doctor(session: Session, json: bool) -> Exit:
    """Look at what Dragoman rests on here, and say what to mend.

    Files and which of them won, keys, the providers that are set up (two seconds, without a key),
    the record, the clock, the terminal. It changes nothing. The exit status is that of the first
    thing that failed. One provider in depth: dragoman providers test NAME.
    """
    checks = list_checks(session)
    if json:
        from dragoman.cli.terminal.json_output import print_json

        found = list(checks)
        code = _code(found)
        rows = [_object(check) for check in found]
        print_json(session.terminal.out, {"ok": code is Exit.OK, "checks": rows})
        return code
    found = list(_told(session, checks))
    failed = sum(check.verdict == "failed" for check in found)
    warned = sum(check.verdict == "warning" for check in found)
    said = [f"{failed} failed"] if failed else []
    said += [f"{warned} to look at"] if warned else []
    session.terminal.out.line()
    session.terminal.out.line(f"{', '.join(said)}." if said else "All is well.")
    return _code(found)


def list_checks(session: Session) -> Iterator[Check]:
    """Look at everything, one thing after the other. Raises: nothing of what is wrong here."""
    from dragoman.cli.config import check_config, check_machine
    from dragoman.errors import ConfigError

    yield from check_machine.check_versions()
    reached: tuple[Reachable, ...] = ()
    try:
        config = session.config()
    except ConfigError as error:
        yield check_config.broken(error)
    else:
        yield from check_config.check_files(session, config)
        yield from check_config.check_keys(session)
        reached = check_config.reach_providers(session)
        yield from check_config.check_providers(reached)
        yield check_config.check_default(session)
    yield from check_machine.check_record(session)
    yield from check_machine.check_master_key(session)
    yield check_machine.check_clock(reached)
    yield from check_machine.check_terminal(session)


def _told(session: Session, checks: Iterable[Check]) -> Iterator[Check]:
    """Print checks as they come, below the name of their subject."""
    console = session.terminal.out
    subject = ""
    for check in checks:
        if check.subject != subject:
            if subject:
                console.line()
            subject = check.subject
            console.line(console.style(subject.capitalize(), "bold"))
        _print(console, check)
        yield check


def _print(console: Console, check: Check) -> None:
    from dragoman.cli.terminal.streams import one_line, printable

    symbol, plain, color = MARKS[check.verdict]
    mark = console.style(console.symbol(symbol, plain), color)
    words = f"{check.name:<{NAMES}}  {check.detail}" if check.name else check.detail
    if not console.can_show("…"):
        words = words.replace("…", "...")
    console.line(f"  {mark} {printable(words)}")
    if check.fix:
        console.line(f"    {console.style('Fix:', 'green')} {one_line(check.fix)}")


def _code(checks: list[Check]) -> Exit:
    return next((check.code for check in checks if check.verdict == "failed"), Exit.OK)


def _object(check: Check) -> dict[str, Any]:
    found: dict[str, Any] = {
        "subject": check.subject,
        "name": check.name or None,
        "verdict": check.verdict,
        "detail": check.detail,
        "fix": check.fix,
        **check.facts,
    }
    return {name: value for name, value in found.items() if value is not None}
