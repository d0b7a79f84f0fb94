"""What is piped in: read to its end, unless nothing will ever come.

A pipe that somebody fills may be slow, and is waited for. A pipe that only our ancestors hold (a
program that started us and left stdin open) gets a few seconds to speak: nothing empty may hang us.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 3.0
"""How long a silent pipe of an ancestor's may stay silent, where a prompt stands without it."""
NOTICE_S = 1.0


def is_piped() -> bool:
    """Tell whether stdin is something other than a terminal, and open."""
    stream = sys.stdin
    return stream is not None and not stream.closed and not stream.isatty()


def read_piped(*, required: bool, notice: Callable[[str], None]) -> bytes | None:
    """Read all of stdin. None: nothing is piped in, or nothing came that had to.

    `required`: without it there is no prompt, so it is waited for. `notice` tells the person at
    the terminal what we wait for.

    Raises: OSError when stdin cannot be read.
    """
    if not is_piped():
        return None
    descriptor = sys.stdin.fileno()
    if not required and not _has_input(descriptor, notice):
        return None
    return sys.stdin.buffer.read()


def _has_input(descriptor: int, notice: Callable[[str], None]) -> bool:
    """Wait until there is input or its end; False when neither is to be expected."""
    kind = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)) or sys.platform == "win32":
        return True
    if _ready(descriptor, NOTICE_S):
        return True
    if stat.S_ISFIFO(kind) and _has_writer_beside_us(descriptor):
        notice("Waiting for standard input …")
        return True
    if _ready(descriptor, PATIENCE_S - NOTICE_S):
        return True
    notice("Standard input is open and silent: going on without it (`-a -` waits for it).")
    return False


def _ready(descriptor: int, timeout_s: float) -> bool:
    return bool(select.select([descriptor], [], [], timeout_s)[0])


def _has_writer_beside_us(descriptor: int) -> bool:
    """Look for a process that could fill the pipe and did not start us: a neighbour in a pipeline.

    True where that cannot be found out.
    """
    processes = Path("/proc")
    if not processes.is_dir():
        return True
    pipe = os.fstat(descriptor).st_ino
    family = _ancestors(os.getpid())
    for folder in processes.iterdir():
        if folder.name.isdigit() and int(folder.name) not in family and _holds(folder, pipe):
            return True
    return False


def _ancestors(process: int) -> set[int]:
    """The process, its parent, and so on; what cannot be read ends the line."""
    family = set()
    while process > 0 and process not in family:
        family.add(process)
        try:
            status = Path(f"/proc/{process}/stat").read_text(errors="replace")
        except OSError:
            break
        process = int(status.rpartition(")")[2].split()[1])
    return family


def _holds(folder: Path, pipe: int) -> bool:
    name = f"pipe:[{pipe}]"
    try:
        return any(os.readlink(link) == name for link in (folder / "fd").iterdir())  # noqa: PTH115
    except OSError:  # another user's process, or one that has ended
        return False
