"""`dragoman config edit`: your file in your editor; it is saved when it is without errors."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit
from dragoman.cli.terminal.failure import print_lines
from dragoman.cli.terminal.signals import handled

if TYPE_CHECKING:
    from dragoman.errors import ConfigError

EDITORS = ("sensible-editor", "nano", "vim", "vi", "notepad")
"""Looked for in this order, where neither VISUAL nor EDITOR says which."""

BEGINNING = """\
# Dragoman's configuration. Without the #, the lines below are a provider and the default model.

# default_model = "my-provider"

# [providers.my-provider]
# base_url = "http://localhost:8000/v1"
# api_key = "env:MY_PROVIDER_API_KEY"
# default_model = "my-model"
"""


@click.command("edit")
@shared
@click.pass_obj
def edit_config(session: Session) -> Exit:
    """Edit your file: with $VISUAL or $EDITOR; checked before it is saved.

    You edit a draft beside it. A draft with errors is not saved unless you say so, and stays.
    """
    from dragoman.cli.config.user_file import tell_unwritten

    path = edited_file(session)
    command = find_editor(session.env)
    try:
        edit = _Edit(session, path)
        return edit.run(command)
    except OSError as error:
        return tell_unwritten(session, path, error)


def edited_file(session: Session) -> Path:
    """Find the file to edit: the named one, else the user's, whatever its suffix."""
    from dragoman.cli.config.user_file import user_file
    from dragoman.config.files import SUFFIXES

    path = user_file(session)
    if session.config_file or session.env.get("DRAGOMAN_CONFIG"):
        return path
    others = (path.with_suffix(suffix) for suffix in SUFFIXES)
    return next((other for other in others if other.exists()), path)


def find_editor(env: Mapping[str, str]) -> list[str]:
    """Find the editor and its arguments. Raises: WrongUsage when there is none."""
    for name in ("VISUAL", "EDITOR"):
        if not (said := env.get(name, "").strip()):
            continue
        try:
            command = shlex.split(said)
        except ValueError:
            command = []
        if not command or shutil.which(command[0], path=env.get("PATH")) is None:
            raise WrongUsage(f"{name} is {said!r}, and that is no program here", hint=_name(name))
        return command
    for name in EDITORS:
        if found := shutil.which(name, path=env.get("PATH")):
            return [found]
    raise WrongUsage("there is no editor to be found", hint=_name("EDITOR"))


def _name(variable: str) -> str:
    return f"name one that is installed: {variable}=nano dragoman config edit"


class _Edit:
    """One edit. The draft stands beside the file, so that what it refers to is found as well."""

    def __init__(self, session: Session, path: Path) -> None:
        self._session = session
        self._terminal = session.terminal
        self._path = path
        self._draft = path.with_name(f"{path.stem}.edit{path.suffix}")
        self._before = path.read_bytes() if path.exists() else None

    def run(self, command: list[str]) -> Exit:
        """Edit until it is saved or left. Raises: OSError; the draft is as it was then."""
        self._begin()
        while True:
            ended = _run_editor([*command, str(self._draft)])
            text = self._draft.read_bytes()
            if ended:
                return self._left(text, f"the editor ended with status {ended}")
            if text == (self._before if self._before is not None else BEGINNING.encode()):
                self._draft.unlink()
                self._terminal.note("Nothing has changed.")
                return Exit.OK
            problems = self._problems()
            if not problems:
                return self._save(text)
            self._tell(problems)
            answer = _ask("[e]dit again, [s]ave it all the same, or [l]eave it?", "e", "esl")
            if answer == "s":
                return self._save(text)
            if answer != "e":
                return self._left(text, f"{_count(problems)} in it")

    def _begin(self) -> None:
        """Make the draft, or go on with the one that was left."""
        from dragoman.config.replace import replace_file

        if self._draft.exists():
            self._refuse_outdated()
            self._terminal.note(
                f"Going on with the draft that was left: {self._shown(self._draft)}"
            )
            return
        replace_file(self._draft, BEGINNING.encode() if self._before is None else self._before)

    def _refuse_outdated(self) -> None:
        """Raises: WrongUsage when the file has changed after the draft was left."""
        if self._before is None:
            return
        if self._path.stat().st_mtime_ns > self._draft.stat().st_mtime_ns:
            raise WrongUsage(
                f"{self._shown(self._path)} is newer than {self._shown(self._draft)}, the draft"
                " that was left",
                hint="take what you want out of the draft, and delete it",
            )

    def _problems(self) -> list[ConfigError]:
        """Find what is wrong with the draft alone; unset variables are no fault of the file's."""
        from dragoman.config import load
        from dragoman.errors import ConfigError

        try:
            return list(load(file=self._draft, env=self._session.env).problems)
        except ConfigError as error:
            return [error]

    def _tell(self, problems: list[ConfigError]) -> None:
        console = self._terminal.err
        for problem in problems:
            fix = self._named(problem.hint) if problem.hint else None
            print_lines(console, self._named(problem.message), None, fix)

    def _named(self, text: str) -> str:
        """Say of the file what is said of its draft."""
        from dragoman.cli.terminal.streams import one_line

        return one_line(text.replace(str(self._draft), self._shown(self._path)))

    def _save(self, text: bytes) -> Exit:
        """Put the draft in the file's place, unless somebody else has changed that meanwhile."""
        from dragoman.config.replace import alone, replace_file

        with alone(self._path):
            now = self._path.read_bytes() if self._path.exists() else None
            if now != self._before:
                return self._left(text, "the file has been changed by somebody else meanwhile")
            replace_file(self._path, text)
        self._draft.unlink()
        console = self._terminal.out
        console.line(f"{console.symbol('✓', 'OK:')} Saved {self._shown(self._path)}.")
        return Exit.OK

    def _left(self, text: bytes, why: str) -> Exit:
        """Leave the file as it was, and the draft for the next time."""
        if text == self._before:
            self._draft.unlink()
            kept, fix = "", "dragoman config edit begins anew"
        else:
            kept = f"; what you wrote is in {self._shown(self._draft)}"
            fix = "dragoman config edit goes on with it"
        what = f"{self._shown(self._path)} is not changed{kept}"
        print_lines(self._terminal.err, what, why, fix)
        return Exit.CONFIG

    def _shown(self, path: Path) -> str:
        from dragoman.cli.config.user_file import shown

        return shown(path, self._session)


def _run_editor(command: list[str]) -> int:
    """Run it to its end. Ctrl-C is the editor's own while it runs. Returns: its status."""
    with handled(("SIGINT",), lambda *_: None):
        return subprocess.run(command, check=False).returncode  # noqa: S603 - the user's own


def _ask(question: str, default: str, answers: str) -> str:
    """Ask for one of these letters; without anybody to ask, the last of them is the answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        return answers[-1]
    while True:
        try:
            said = click.prompt(question, default=default, err=True).strip().lower()[:1]
        except click.Abort:
            return answers[-1]
        if said and said in answers:
            return str(said)


def _count(problems: list[ConfigError]) -> str:
    return f"there {'is an error' if len(problems) == 1 else f'are {len(problems)} errors'}"
