"""The file that commands write into: the user's own, or the one that was named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.config import Config
    from dragoman.types.provider import Provider


def user_file(session: Session) -> Path:
    """Find the file. It need not exist."""
    from dragoman.config.files import absolute, config_folder

    named = session.config_file or session.env.get("DRAGOMAN_CONFIG")
    if named:
        return absolute(Path(named), Path.cwd(), session.env)
    return config_folder(session.env) / "config.toml"


def load_for_change(session: Session, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the configuration; a named file that is still to be made is an empty one."""
    from dragoman.config import load

    path = user_file(session)
    named = session.config_file or session.env.get("DRAGOMAN_CONFIG")
    file = Path(os.devnull) if named and not path.exists() else session.config_file
    return load(file=file, env=session.env, overrides=overrides)


def shown(path: Path, session: Session) -> str:
    """Write a path as people do, from their home folder."""
    from dragoman.config.files import home

    try:
        return f"~{os.sep}{path.relative_to(home(session.env))}"
    except ValueError:
        return str(path)


def refuse_elsewhere(provider: Provider, path: str, what: str) -> None:
    """Refuse a provider that another file holds: a table here would not be all of it.

    Raises: WrongUsage.
    """
    from dragoman.cli.flags import WrongUsage

    if provider.origin in ("built-in", "user", "file"):
        return
    raise WrongUsage(
        f"{provider.name} is set up elsewhere ({provider.place or provider.origin})",
        hint=f"write {what} there, not into {path}",
    )


def tell_unwritten(session: Session, path: Path, error: OSError) -> Exit:
    """Tell that a file could not be written, and that nothing has changed."""
    from dragoman.cli.terminal.failure import print_lines

    where = error.filename or path
    print_lines(
        session.terminal.err,
        f"{shown(path, session)} cannot be written; nothing has changed",
        f"{where}: {error.strerror or error}",
        "make room or give yourself the right to write there, or name another file: --config FILE",
    )
    return Exit.UNEXPECTED
