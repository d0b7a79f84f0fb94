"""Opens a database, and dies before a statement of its migration.

python -m tests.chaos.killed_migration URL [POINT]    # without a point: prints how many there are
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

from dragoman.store.database import open_database, read_place


class Fate:
    """Counts statements, and kills the process when it is time."""

    def __init__(self, point: int | None) -> None:
        self._point = point
        self.count = 0

    def statement(self, *_: Any) -> None:
        if self.count == self._point:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def profiled(self, _: FrameType, kind: str, called: Any) -> None:
        """See every statement that a SQLite connection is about to run."""
        ran = kind == "c_call" and called.__name__ == "execute"
        if ran and isinstance(called.__self__, sqlite3.Connection):
            self.statement()


def main() -> None:
    url, *point = sys.argv[1:]
    fate = Fate(int(point[0]) if point else None)
    sys.setprofile(fate.profiled)
    event.listen(Engine, "before_cursor_execute", fate.statement)
    event.listen(Engine, "commit", fate.statement)
    open_database(read_place(url)).close()
    print(fate.count)


if __name__ == "__main__":
    main()
