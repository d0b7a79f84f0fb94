"""`dragoman config export`: our configuration as another tool's file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.session import Session


@click.command("export")
@click.option("--to", "tool", metavar="TOOL", required=True, help="Whose file it is to be.")
@click.argument("file", required=False, default="-")
@as_json
@shared
@click.pass_obj
def export_config(session: Session, tool: str, file: str, json: bool) -> None:
    """Write what is set up as another tool's file: FILE, which must not exist, or `-`.

    TOOL is gptme, polpo, pi, litellm, llm or llmgateway. Keys are never written, only the names of
    their variables; what the tool cannot say is listed on stderr.
    """
    from dragoman.config.exporting import export_config as export

    exported = export(session.config(), tool, session.env)
    if file != "-":
        write_new(Path(file).expanduser(), exported.text, "name another, or print it with -")
        session.terminal.note(f"Wrote {file}.")
    if json:
        from dragoman.cli.terminal.json_output import print_json

        found = {"kind": exported.kind, "text": exported.text, "lost": list(exported.lost)}
        print_json(session.terminal.out, found)
        return
    if file == "-":
        session.terminal.out.write(exported.text)
    if exported.lost:
        session.terminal.note(f"Not said in {exported.file_name}:")
        for item in exported.lost:
            session.terminal.note(f"  {item}")


def write_new(path: Path, text: str, hint: str) -> None:
    """Write a file that is not there yet, for its owner alone. Raises: WrongUsage."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise WrongUsage(f"{path} exists, and is not overwritten", hint=hint) from None
    except OSError as error:
        raise WrongUsage(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
