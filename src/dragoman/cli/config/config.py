"""`dragoman config`: where the configuration is, what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.config.edit import edit_config
from dragoman.cli.config.export import export_config, write_new
from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit, InputMissing

if TYPE_CHECKING:
    from dragoman.config.config import LoadedFile
    from dragoman.errors import ConfigError


@click.group(help=__doc__)
@shared
def config() -> None:
    """Group the commands."""


@config.command("path")
@as_json
@shared
@click.pass_obj
def show_path(session: Session, json: bool) -> None:
    """List the files that are read, lowest first, and whether they are there."""
    files = session.config().files
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [_file_object(file) for file in files])
        return
    for file in files:
        state = _state(file)
        console.line(f"{file.layer:<8} {file.path}  {console.style(f'({state})', 'dim')}")


@config.command("check")
@as_json
@shared
@click.pass_obj
def check_config(session: Session, json: bool) -> Exit:
    """Find everything that is wrong, also what shows only when a provider is used."""
    from dragoman.config.show import check

    found = session.config()
    problems = check(found, session.env)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(
            console,
            {
                "ok": not problems,
                "errors": [_remark(problem) for problem in problems],
                "warnings": [_remark(note) for note in found.notes],
            },
        )
    else:
        for problem in problems:
            _print_remark(session, problem, console.style("Error:", "red", "bold"))
        for note in found.notes:
            _print_remark(session, note, console.style("Warning:", "yellow"))
        if not problems:
            counts = f"{len(found.custom)} provider(s), {len(found.routes)} route(s)"
            read = sum(file.found for file in found.files)
            console.line(f"{console.symbol('✓', 'OK:')} {read} file(s), {counts}: no errors")
    return Exit.CONFIG if problems else Exit.OK


@config.command("show")
@as_json
@shared
@click.pass_obj
def show_config(session: Session, json: bool) -> None:
    """Show every value in force and where it stands; secrets are masked."""
    from dragoman.config.show import list_settings

    settings = list_settings(session.config())
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, settings)
        return
    session.tell_notes()
    if not settings:
        session.terminal.note("Nothing is set. Where files go: dragoman config path")
    for setting in settings:
        origin = console.style(f"  # {setting.origin}, {setting.place}", "dim")
        console.line(f"{setting.name} = {setting.value}{origin}")


config.add_command(edit_config)
config.add_command(export_config)


@config.command("import")
@click.argument("source")
@click.option(
    "--from", "--kind", "kind", metavar="TOOL", help="Whose file it is, where that does not show."
)
@click.option("--write", is_flag=True, help="Write it to the user's file, which must not exist.")
@as_json
@shared
@click.pass_obj
def import_config(session: Session, source: str, kind: str | None, write: bool, json: bool) -> None:
    """Turn another tool's file into ours: SOURCE is `gptme`, or a file.

    Prints TOML; what has no place in it is listed on stderr.
    """
    from dragoman.config.importing import import_file

    path, kind = _find_source(session, source, kind)
    imported = import_file(path, kind)
    if write:
        target = _write_new(session, imported.toml_text)
        session.terminal.note(f"Wrote {target}. Next: dragoman providers list")
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, {"source": str(path), **_as_dict(imported)})
        return
    if not write:
        session.terminal.out.write(imported.toml_text)
    if imported.unmapped:
        session.terminal.note(f"Not taken over from {path}:")
        for item in imported.unmapped:
            session.terminal.note(f"  {item}")


@config.command("trust")
@click.argument("file", required=False)
@click.option("--revoke", is_flag=True, help="Take the trust back.")
@as_json
@shared
@click.pass_obj
def trust_config(session: Session, file: str | None, revoke: bool, json: bool) -> None:
    """Trust a project's dragoman.toml as it is now; without FILE the nearest one."""
    from dragoman.config import files, trust

    path = Path(file) if file else files.find_project(Path.cwd())
    if path is None:
        raise InputMissing("there is no dragoman.toml here or above")
    if not path.is_file():
        raise InputMissing(f"{path}: there is no such file")
    if revoke:
        changed = trust.distrust(path, session.env)
        word = "no longer trusted" if changed else "was not trusted"
    else:
        trust.trust(path, session.env)
        word = "trusted until it changes"
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, {"path": str(path.resolve()), "trusted": not revoke})
        return
    session.terminal.out.line(f"{path.resolve()}: {word}")


def _find_source(session: Session, source: str, kind: str | None) -> tuple[Path, str | None]:
    """Find the file that is meant, and whose it is. Raises: InputMissing."""
    from dragoman.config.files import gptme_files

    if source == "gptme" and not Path(source).exists():
        found = gptme_files(session.env)
        if not found:
            raise InputMissing("gptme has no configuration here: no config.toml, no gptme.toml")
        return found[0], kind or "gptme"
    path = Path(source).expanduser()
    if not path.is_file():
        raise InputMissing(f"{source}: there is no such file")
    return path, kind


def _write_new(session: Session, text: str) -> Path:
    """Write the user's file, for its owner alone: it may hold keys. Raises: WrongUsage."""
    from dragoman.config.files import config_folder

    target = config_folder(session.env) / "config.toml"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_new(target, text, "without --write it is printed: append what is missing")
    return target


def _file_object(file: LoadedFile) -> dict[str, Any]:
    return {
        "layer": file.layer,
        "path": str(file.path),
        "found": file.found,
        "trusted": file.trusted,
        "kind": file.kind,
        "sets": list(file.sets),
        "error": file.error.message if file.error else None,
    }


def _state(file: LoadedFile) -> str:
    if not file.found:
        return "not there"
    if file.error is not None:
        return "broken: dragoman config check"
    if not file.trusted:
        return "not trusted: dragoman config trust"
    return "read" if file.kind == "dragoman" else f"read, as {file.kind}'s"


def _remark(remark: ConfigError) -> dict[str, str | None]:
    return {"message": remark.message, "place": remark.place, "hint": remark.hint}


def _print_remark(session: Session, remark: ConfigError, word: str) -> None:
    from dragoman.cli.terminal.streams import one_line

    console = session.terminal.out
    console.line(f"{word} {one_line(remark.message)}")
    if remark.hint:
        console.line(f"  Fix: {one_line(remark.hint)}")


def _as_dict(imported: Any) -> dict[str, Any]:
    return {"kind": imported.kind, "toml": imported.toml_text, "unmapped": imported.unmapped}
