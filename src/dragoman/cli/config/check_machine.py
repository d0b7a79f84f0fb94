"""What `dragoman doctor` looks at of the machine: versions, the record, the clock, the terminal."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.cli.config.finding import Check, failed
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.probe.reachable import Reachable
    from dragoman.store import Place

MUCH_S = 30
"""A clock that is further off than this is told: signatures and budgets depend on it."""
CRAMPED_BYTES = 50 * 2**20
PACKAGES = ("msgspec", "httptools", "click", "rich", "keyring")


def check_versions() -> Iterator[Check]:
    """Of ourselves, of Python, of what we stand on."""
    from importlib.metadata import PackageNotFoundError, version

    from dragoman import __version__

    found = {"dragoman": __version__, "python": platform.python_version()}
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:  # an extra that nobody asked for
            continue
    system = f"{platform.system()} {platform.machine()}"
    yield Check(
        subject="versions",
        detail=f"dragoman {__version__}, Python {found['python']}, {system}",
        facts={"versions": found | packages, "system": system, "python": sys.executable},
    )
    listed = ", ".join(f"{name} {number}" for name, number in packages.items())
    yield Check(subject="versions", detail=f"{listed}, SQLite {sqlite3.sqlite_version}")


def check_record(session: Session) -> Iterator[Check]:
    """Whether the database is sound, can be written, is private, and has room."""
    from dragoman.cli.config.user_file import shown
    from dragoman.cli.records.record import RecordUnusable, find_place

    try:
        place = find_place(session)
    except RecordUnusable as error:
        fix = "answers come all the same, unrecorded"
        yield Check(subject="record", verdict="failed", detail=error.why, fix=fix)
        return
    if not isinstance(place, Path):
        yield from _look_at(place, str(place), "answers come all the same, unrecorded")
        return
    where = shown(place, session)
    if not place.exists():
        detail = f"{where}  nothing is recorded yet"
        yield Check(subject="record", verdict="none", detail=detail, facts={"path": str(place)})
    else:
        fix = "answers come all the same, unrecorded; move the file away to begin anew"
        if (yield from _look_at(place, where, fix)):
            yield from _privacy(place, where)
    yield from _room(place)


def _look_at(place: Place, where: str, fix: str) -> Generator[Check, None, bool]:
    """Open the database, count, and try to write. Returns whether all is well."""
    from dragoman.store import StoreError
    from dragoman.store.database import open_database

    facts: dict[str, Any] = {"path": str(place)}
    try:
        connection = open_database(place, create=False)
        try:
            (found,) = connection.rows(
                "SELECT count(*) AS count, max(started_at) AS latest FROM exchange"
            )
            with connection.transaction():
                pass  # that it can be written is all that is asked
        finally:
            connection.close()
        size = f", {_size(place.stat().st_size)}" if isinstance(place, Path) else ""
    except (StoreError, OSError) as error:
        detail = f"{where}  {str(error).removeprefix(f'{place}: ')}"
        yield Check(subject="record", verdict="failed", detail=detail, fix=fix, facts=facts)
        return False
    count = int(found["count"])
    facts |= {"exchanges": count, "latest_at": found["latest"]}
    if isinstance(place, Path):
        facts["size_bytes"] = place.stat().st_size
    detail = f"{where}  {count:,} exchange{'' if count == 1 else 's'}{size}"
    yield Check(subject="record", detail=detail, facts=facts)
    return True


def _privacy(path: Path, where: str) -> Iterator[Check]:
    if os.name == "posix" and (mode := path.stat().st_mode & 0o777) & 0o077:
        yield Check(
            subject="record",
            verdict="warning",
            detail=f"others can open it (mode {mode:o}), and it holds what was said",
            fix=f"chmod 600 {where}",
        )


def _room(path: Path) -> Iterator[Check]:
    place = next((folder for folder in path.parents if folder.is_dir()), None)
    if place is None:
        return
    free = shutil.disk_usage(place).free
    facts = {"free_bytes": free}
    if free < CRAMPED_BYTES:
        detail = f"{_size(free)} free on its disk"
        fix = "make room: answers go unrecorded when there is none"
        yield Check(subject="record", verdict="warning", detail=detail, fix=fix, facts=facts)
    if not os.access(place, os.W_OK):
        detail = f"{place} cannot be written to: answers go unrecorded"
        fix = "give yourself the right to write there, or set XDG_DATA_HOME to another folder"
        yield Check(subject="record", verdict="warning", detail=detail, fix=fix)


def _size(count: int) -> str:
    for unit, much in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= much:
            return f"{count / much:.1f} {unit}"
    return f"{count} bytes"


def check_master_key(session: Session) -> Iterator[Check]:
    """Whether the gateway could use the master key that is given, or that it made; none need be."""
    from dragoman.errors import ConfigError
    from dragoman.organisations.master_keys import NoMasterKey, find_master_keys

    try:
        keys = find_master_keys(session.env)
    except NoMasterKey:
        return
    except ConfigError as error:
        yield failed("master key", error)
        return
    yield Check(subject="master key", detail=f"{keys.current.id} seals what the gateway keeps")


def check_clock(reached: tuple[Reachable, ...]) -> Check:
    """What time it is here, and by how much servers disagree."""
    now = datetime.now().astimezone()
    told = sorted((one.clock_ahead_s, one.name) for one in reached if one.clock_ahead_s is not None)
    facts: dict[str, Any] = {"unix": round(time.time(), 3), "zone": now.strftime("%z")}
    shown = now.strftime("%Y-%m-%d %H:%M:%S %z")
    if not told:
        detail = f"{shown}  no server told another"
        return Check(subject="clock", detail=detail, facts=facts)
    ahead, name = told[len(told) // 2]
    facts["behind_s"] = ahead
    if abs(ahead) <= MUCH_S:
        return Check(subject="clock", detail=f"{shown}  as {name} has it", facts=facts)
    side = "behind" if ahead > 0 else "ahead of"
    return Check(
        subject="clock",
        verdict="warning",
        detail=f"{shown}  {_span(abs(ahead))} {side} what {name} says",
        fix="set the clock: certificates, budgets and the times in the record depend on it",
        facts=facts,
    )


def _span(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def check_terminal(session: Session) -> Iterator[Check]:
    """What can be shown: where output goes, colour, width, characters."""
    from dragoman.cli.terminal.width import window_width

    console = session.terminal.out
    term = session.env.get("TERM")
    encoding = (console.stream.encoding or "ascii").lower()
    facts = {
        "tty": console.tty,
        "color": console.color,
        "width": window_width(console),
        "encoding": encoding,
        "term": term,
    }
    kind = f"a terminal ({term or 'TERM is not set'})" if console.tty else "no terminal"
    color = "colour" if console.color else "no colour"
    wide = f", {facts['width']} columns" if console.tty else ""
    detail = f"output goes to {kind}{wide}, {color}{_why(session)}, {encoding}"
    yield Check(subject="terminal", detail=detail, facts=facts)
    if not _can_write(encoding):
        yield Check(
            subject="terminal",
            verdict="warning",
            detail=f"{encoding} cannot write all that models say; what it lacks becomes ?",
            fix="export LANG=C.UTF-8, or PYTHONIOENCODING=utf-8",
        )


def _why(session: Session) -> str:
    """Name the variable that decides about colour."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        if session.env.get(name):
            return f" ({name} is set)"
    return ""


def _can_write(encoding: str) -> bool:
    try:
        "é → 😀".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
