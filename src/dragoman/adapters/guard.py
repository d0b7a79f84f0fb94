"""Keeps an adapter's faults to itself: what it raises, returns or never returns from.

A hook is code of somebody else's that runs in the middle of our own. What it raises becomes an
`AdapterError` of its provider, so that a route moves on; a hook that does not come back is stopped
where Python can be stopped, between two of its instructions: a thread of ours looks at those under
way once they are slow. Nothing of this costs more than a few microseconds per hook.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from dragoman.errors import AdapterError, DragomanError

LIMIT_S = 3.0
"""How long a hook may take: the largest bodies are transformed in a tenth of that."""
LOAD_LIMIT_S = 10.0
"""How long an adapter's file may take to load: it may import half the world."""

_LOOK_S = 0.5
_PACKAGE = __file__.rpartition("adapters")[0]

Given = TypeVarTuple("Given")
Result = TypeVar("Result")


class _Overdue(BaseException):
    """Raised in the middle of a hook that takes too long; no hook's `except Exception` stops it."""


class _Watch:
    """Knows which hooks are under way, by thread, and stops those that take too long."""

    def __init__(self) -> None:
        self.takes_alarms = False
        self.reset()

    def reset(self) -> None:
        """Begin anew: after a fork there is no thread that looks."""
        self._lock = threading.Lock()
        self._under_way: dict[int, float] = {}
        self._stopped: set[int] = set()
        self._looking = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, limit_s: float) -> bool:
        """Note that this thread is in a hook; False when it is in one already."""
        me = threading.get_ident()
        if me in self._under_way:
            return False
        self._under_way[me] = time.monotonic() + limit_s
        if not self._looking:
            self._rouse()
        return True

    def end(self) -> bool:
        """Note that it has come back; tell whether it had been stopped."""
        me = threading.get_ident()
        if time.monotonic() < self._under_way.pop(me):
            return False  # nobody stops a hook before its time is over
        with self._lock:
            if me not in self._stopped:
                return False
            self._stopped.discard(me)
            raise_in(me, None)  # what was not delivered yet must not hit anybody else
            return True

    def _rouse(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._look, name="dragoman-adapters", daemon=True
                    )
                    self._thread.start()
        self._wake.set()

    def _look(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._looking = True
            while self._under_way:
                time.sleep(_LOOK_S)
                self._stop_overdue()
            self._looking = False
            if self._under_way:  # one that began in between saw us looking, and called nobody
                self._wake.set()

    def _stop_overdue(self) -> None:
        now = time.monotonic()
        with self._lock:
            for thread, until in list(self._under_way.items()):
                if now >= until and thread not in self._stopped:
                    self._stopped.add(thread)
                    self._stop(thread)

    def _stop(self, thread: int) -> None:
        main = threading.main_thread().ident
        if thread == main and self.takes_alarms:
            signal.pthread_kill(thread, signal.SIGALRM)  # wakes it from a system call, too
        else:
            raise_in(thread, _Overdue)

    def alarm(self, *_: object) -> None:
        """Take a signal, in the main thread: stop its hook, if it is in one."""
        if threading.get_ident() in self._stopped:
            raise _Overdue


def raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an exception in another thread, at its next instruction; None takes it back.

    Source: https://docs.python.org/3/c-api/init.html#c.PyThreadState_SetAsyncExc (read 2026-11)
    """
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


_WATCH = _Watch()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WATCH.reset)


def take_alarms() -> None:
    """Stop hooks that wait for something in the main thread as well: takes SIGALRM for it.

    For a process that is ours: elsewhere only what computes can be stopped.
    """
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _WATCH.alarm)
        _WATCH.takes_alarms = True


def call(
    whose: str,
    hook: Callable[[*Given], Result],
    *args: *Given,
    limit_s: float = LIMIT_S,
) -> Result:
    """Call a hook of the provider `whose`. Raises: DragomanError alone."""
    watched = _WATCH.begin(limit_s)
    try:
        try:
            return hook(*args)
        finally:
            if watched and _WATCH.end():
                raise _Overdue
    except DragomanError:
        raise
    except _Overdue:
        raise AdapterError(
            f"the adapter of {whose} did not come back from {_name(hook)} within {limit_s:g} s",
            hint="a hook must not wait, read files or ask anybody: it yields requests instead",
        ) from None
    except (Exception, SystemExit) as error:
        raise explain(whose, hook, error) from error


def explain(whose: str, hook: Callable[..., Any], error: BaseException) -> AdapterError:
    """Turn what a hook raised into an error that names the line that did."""
    reason = f"{type(error).__name__}: {_one_line(str(error))}"
    place = _place(error)
    explained = AdapterError(
        f"the adapter of {whose} failed in {_name(hook)}: {reason}",
        hint=f"mend the adapter{f' ({place})' if place else ''}, or report it to whoever wrote it",
    )
    explained.reason, explained.place = reason, place
    return explained


def _place(error: BaseException) -> str | None:
    """Find the innermost line of the hook's own file: deeper ones are libraries'."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = list(traceback.walk_tb(error.__traceback__))
    files = [frame.f_code.co_filename for frame, _ in frames]
    files = [file for file in files if file != __file__ and not file.startswith("<frozen")]
    foreign = (file for file in files if not file.startswith(_PACKAGE))
    own = next(foreign, files[0] if files else None)  # a shim of ours may stand before the hook
    lines = [line for (frame, line) in frames if frame.f_code.co_filename == own]
    return f"{own}:{lines[-1]}" if own else None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _name(hook: Callable[..., Any]) -> str:
    return str(getattr(hook, "__name__", "a hook")).lstrip("_")
