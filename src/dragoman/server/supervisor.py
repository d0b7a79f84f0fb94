"""Several workers behind the same sockets: started, started again, told what we are told.

Ours, because uvicorn's restarts its workers at SIGHUP and ends with the signal that it was sent.
SIGHUP goes on to the workers, which read the configuration again; SIGTERM and SIGINT go on as
SIGTERM, and when all have ended so do we. A worker that dies is replaced; if they all die at birth
there is no use in going on.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

from dragoman.errors import DragomanError

log = logging.getLogger("dragoman.server")

BIRTH_S = 2.0
"""A worker that dies younger than this was never well."""
STILLBORN_LIMIT = 5
LOOK_S = 0.2
"""So often it is looked whether a worker has ended."""


class WorkersFailed(DragomanError):
    """Workers die as soon as they are started."""

    code = "workers_failed"


def end_with(work: Callable[[], None]) -> NoReturn:
    """Work, in a process that was just forked, and end it.

    What stands above us on the stack is the parent's, and must not go on here.
    """
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class Supervisor:
    """Runs `work(orphaned)` in `count` processes; `orphaned` is readable when we are gone.

    `look` is called all the time, for who has to know something before a worker is replaced.
    """

    def __init__(
        self, work: Callable[[int], None], count: int, look: Callable[[], None] = lambda: None
    ) -> None:
        self._work = work
        self._count = count
        self._look = look
        self._workers: dict[int, float] = {}
        self._stopping = False
        self._stillborn = 0
        self._alive, self._alive_end = os.pipe()

    def run(self) -> None:
        """Start the workers, and see to them until told to stop. Raises: WorkersFailed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        for _ in range(self._count):
            self._start()
        while self._workers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid:
                self._ended(pid, os.waitstatus_to_exitcode(status))
            else:
                time.sleep(LOOK_S)
                self._look()

    def _start(self) -> None:
        pid = os.fork()
        if pid == 0:
            end_with(self._be_worker)
        self._workers[pid] = time.monotonic()

    def _be_worker(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.close(self._alive_end)
        self._work(self._alive)

    def _ended(self, pid: int, code: int) -> None:
        born = self._workers.pop(pid, None)
        if born is None or self._stopping:
            return  # not ours: as a container's first process we inherit whatever is orphaned
        age = time.monotonic() - born
        log.error("worker %d ended with %d; another takes its place", pid, code)
        self._stillborn = self._stillborn + 1 if code and age < BIRTH_S else 0
        if self._stillborn >= STILLBORN_LIMIT:
            self._tell(signal.SIGTERM)
            raise WorkersFailed(
                f"{STILLBORN_LIMIT} workers in a row ended as soon as they began",
                hint="what they said stands above; try `--workers 1`",
            )
        time.sleep(LOOK_S)
        if not self._stopping:
            self._look()
            self._start()

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self._stopping = True
        self._tell(signal.SIGTERM)

    def _reload(self, number: int, frame: object) -> None:
        del number, frame
        self._tell(signal.SIGHUP)

    def _tell(self, number: signal.Signals) -> None:
        for pid in list(self._workers):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # it has just ended
