"""`dragoman completion`: the script that teaches a shell to complete commands and models."""

from __future__ import annotations

from pathlib import Path

import click

from dragoman.cli.flags import shared
from dragoman.cli.session import Session

SUFFIXES = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(SUFFIXES)))
@shared
@click.pass_obj
def completion(session: Session, shell: str) -> None:
    """Print the script for SHELL; its first lines say where it belongs.

    Commands, options, providers and models are completed from what is known: nobody is asked.
    """
    from dragoman.cli.completion.complete import load_index

    script = Path(__file__).parent / "completions" / f"dragoman.{SUFFIXES[shell]}"
    load_index()  # so that the first press of Tab is as quick as the others
    session.terminal.out.stream.write(script.read_text("utf-8"))
