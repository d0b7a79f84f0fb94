"""`dragoman conformance --write`: the dialect that was found, into the user's file."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.types.provider import Provider


def write_dialect(session: Session, provider: Provider, found: Mapping[str, Any]) -> Exit | None:
    """Show the change and make it; at a terminal, only if that is wanted.

    Raises: ConfigError, WrongUsage. Returns: an exit status when it cannot be written.
    """
    from dragoman.cli.config.user_file import refuse_elsewhere, shown, tell_unwritten, user_file
    from dragoman.config.dialect_edit import set_dialect
    from dragoman.config.edit import edit_file, read_draft

    # What it says may be what others read: standard output is the report's.
    console = session.terminal.err
    changes = {name: value for name, value in found.items() if _differs(provider, name, value)}
    if not changes:
        console.line("Its dialect is as it should be: nothing to write.")
        return None
    path = user_file(session)
    refuse_elsewhere(provider, str(path), "its dialect")
    draft = read_draft(path)
    before = draft.text
    set_dialect(draft, provider.name, changes)
    console.line(f"\n{shown(path, session)}:")
    for line in difflib.unified_diff(
        before.splitlines(), draft.text.splitlines(), n=0, lineterm=""
    ):
        if line[:1] in "+-" and line[:3] not in ("+++", "---") and line[1:].strip():
            console.line(f"  {console.style(line, 'green' if line[0] == '+' else 'red')}")
    if not _is_wanted():
        console.line("Nothing is written.")
        return None
    try:
        edit_file(path, lambda fresh: set_dialect(fresh, provider.name, changes))
    except OSError as error:
        return tell_unwritten(session, path, error)
    console.line(f"Wrote {shown(path, session)}.")
    return None


def _differs(provider: Provider, name: str, value: Any) -> bool:
    return bool(getattr(provider.dialect, name) != value)


def _is_wanted() -> bool:
    """Ask, where there is somebody to ask: whoever runs it from a script has said --write."""
    if sys.stdin is None or not sys.stdin.isatty():
        return True
    try:
        return click.confirm("Write it?", default=True, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
