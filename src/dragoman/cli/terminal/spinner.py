"""Something that moves while nothing has come yet; only where somebody watches stderr."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from dragoman.cli.terminal.streams import Terminal, one_line

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_FRAMES = "|/-\\"
QUIET_S = 0.4
"""What answers sooner needs no spinner."""
STEP_S = 0.1
_CLEAR = "\r\x1b[K"


class Spinner:
    """Draws until `stop`; `say` tells what we wait for, anew at each frame.

    As a context manager it stops in any case.
    """

    def __init__(self, terminal: Terminal, say: Callable[[], str]) -> None:
        self._terminal = terminal
        self._say = say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True) if terminal.lively else None

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and leave the line empty. May be called again."""
        if self._thread is not None:
            self._over.set()
            self._thread.join()
            self._thread = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _spin(self) -> None:
        console = self._terminal.err
        frames = FRAMES if console.can_show(FRAMES) else PLAIN_FRAMES
        if self._over.wait(QUIET_S):
            return
        turn = 0
        while not self._over.is_set():
            text = one_line(self._say())[:70]
            console.write(f"{_CLEAR}{console.style(frames[turn % len(frames)], 'cyan')} {text}")
            turn += 1
            self._over.wait(STEP_S)
        console.write(_CLEAR)
