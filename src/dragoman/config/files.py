"""Where configuration files are: system, user and project; and where data is kept.

`--config FILE` and `$DRAGOMAN_CONFIG` replace the user's and the project's files. Only the
variables that are given decide, so that a test or a server can have its own places.

Source: https://specifications.freedesktop.org/basedir-spec/latest (read 2026-10)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

APP = "dragoman"
SUFFIXES = (".toml", ".json", ".yaml", ".yml")
PROJECT_FILE = "dragoman.toml"
SYSTEM_FOLDER = Path("/etc/dragoman")


Stamp: TypeAlias = tuple[int, int, int]
"""By what one sees that a file, or a folder, is another than before."""


class Candidate(NamedTuple):
    """A place where a file may be. `required`: it was named, so it has to be there."""

    path: Path
    layer: str
    required: bool = False


def stamp(path: Path) -> Stamp | None:
    """Look at a file; None for one that is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def home(env: Mapping[str, str]) -> Path:
    """The user's home folder."""
    return Path(env.get("HOME") or env.get("USERPROFILE") or os.path.expanduser("~"))  # noqa: PTH111


def _base(env: Mapping[str, str], variable: str, windows: str, default: str) -> Path:
    folder = env.get(variable, "")
    if folder and Path(folder).is_absolute():
        return Path(folder)
    if sys.platform == "win32" and env.get(windows):
        return Path(env[windows])
    return home(env) / default


def config_folder(env: Mapping[str, str]) -> Path:
    """The folder of the user's configuration: `~/.config/dragoman`, on macOS too."""
    return _base(env, "XDG_CONFIG_HOME", "APPDATA", ".config") / APP


def data_folder(env: Mapping[str, str]) -> Path:
    """The folder of what must last: credentials, trust, the ledger."""
    return _base(env, "XDG_DATA_HOME", "LOCALAPPDATA", ".local/share") / APP


def state_folder(env: Mapping[str, str]) -> Path:
    """The folder of what may be lost without harm: histories."""
    return _base(env, "XDG_STATE_HOME", "LOCALAPPDATA", ".local/state") / APP


def cache_folder(env: Mapping[str, str]) -> Path:
    """The folder of what can be made again: lists of models."""
    return _base(env, "XDG_CACHE_HOME", "LOCALAPPDATA", ".cache") / APP


def gptme_files(env: Mapping[str, str]) -> list[Path]:
    """Where gptme's own configuration may be; the files that exist."""
    folder = _base(env, "XDG_CONFIG_HOME", "APPDATA", ".config") / "gptme"
    paths = (folder / name for name in ("config.toml", "gptme.toml"))
    return [path for path in paths if path.is_file()]


def candidates(
    env: Mapping[str, str], cwd: Path, file: Path | None, system: Path = SYSTEM_FOLDER
) -> Iterator[Candidate]:
    """List the places to look at, lowest layer first; of several suffixes, those that exist.

    One that is the system's and the user's, as a service's may be, is listed once, as the latter.
    """
    above = list(_above_system(env, cwd, file))
    own = {place.path for place in above}
    for place in _with_suffix(system / "config", "system"):
        if place.path not in own:
            yield place
    yield from above


def _above_system(env: Mapping[str, str], cwd: Path, file: Path | None) -> Iterator[Candidate]:
    named = file or (Path(env["DRAGOMAN_CONFIG"]) if env.get("DRAGOMAN_CONFIG") else None)
    if named is not None:
        yield Candidate(absolute(named, cwd, env), "file", required=True)
        return
    folder = config_folder(env)
    yield from _with_suffix(folder / "config", "user")
    yield from _with_suffix(folder / "config.local", "user")
    project = find_project(cwd)
    if project is not None and project.parent != folder:
        yield Candidate(project, "project")


def find_project(cwd: Path) -> Path | None:
    """Find the nearest `dragoman.toml`, from `cwd` upward."""
    for folder in (cwd, *cwd.parents):
        path = folder / PROJECT_FILE
        try:
            if path.is_file():
                return path
        except OSError:  # a folder that we may not look into
            continue
    return None


def absolute(path: Path, base: Path, env: Mapping[str, str]) -> Path:
    """Make a path absolute: `~` is the home folder, other relative ones start at `base`."""
    text = str(path)
    if text == "~" or text.startswith(("~/", "~\\")):
        return home(env) / text[2:]
    return base / path


def _with_suffix(stem: Path, layer: str) -> Iterator[Candidate]:
    paths = [stem.with_name(stem.name + suffix) for suffix in SUFFIXES]
    found = [path for path in paths if os.path.lexists(path)]
    for path in found or paths[:1]:
        yield Candidate(path, layer)
