"""`dragoman help`: on a command, or on a subject."""

from __future__ import annotations

from collections.abc import Iterator

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import MEANINGS

SUBJECTS = ("exit-codes",)


@click.command("help")
@click.argument("subject", required=False)
@shared
@click.pass_context
def help(ctx: click.Context, subject: str | None) -> None:  # noqa: A001
    """Explain a command or a subject (exit-codes)."""
    from dragoman.cli.app import COMMANDS, root

    console = ctx.ensure_object(Session).terminal.out
    if subject is None:
        console.line(root.get_help(ctx.find_root()))
    elif subject in SUBJECTS:
        for line in _exit_codes():
            console.line(line)
    elif subject in COMMANDS:
        command = root.get_command(ctx, subject)
        assert command is not None
        with click.Context(command, info_name=subject, parent=ctx.find_root()) as inner:
            console.line(command.get_help(inner))
    else:
        known = ", ".join([*COMMANDS, *SUBJECTS])
        raise WrongUsage(f"there is no help on {subject!r}", hint=f"there is on {known}")


def _exit_codes() -> Iterator[str]:
    yield "Exit status of dragoman:"
    for code, meaning in MEANINGS.items():
        yield f"  {int(code):>3}  {meaning}"
