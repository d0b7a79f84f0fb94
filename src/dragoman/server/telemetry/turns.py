"""Providers that go down and come back, told to whoever wants to know."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

log = logging.getLogger("dragoman.server")

Name: TypeAlias = tuple[str | None, str]
"""Whose a provider is (None: the operator's), and what it is called."""


class Turn(Struct, frozen=True):
    """A provider went down, or came back. `at` is Unix time, `reason` one line for people.

    One that is `gone` did not come back: it was down, and is not configured any more.
    """

    organisation_id: str | None
    provider: str
    up: bool
    at: float
    reason: str | None = None
    gone: bool = False


Observer: TypeAlias = Callable[[Turn], None]
"""Must be quick, and never raises."""


class Turns:
    """Compares what is down with what was, and tells the difference.

    Where workers share a `folder`, only one of them logs each turn: the one that succeeds in making
    or removing the file that stands for it. `observers` hear what each worker sees. `doubtful` are
    the providers of `remember` that have neither failed nor answered here.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._down: set[Name] = set()
        self.doubtful: set[Name] = set()
        self.observers: list[Observer] = []

    def remember(self, down: Iterable[Name]) -> None:
        """Take note of what was announced to be down before we began; it may be back by now."""
        self.doubtful = set(down)

    def note(
        self,
        down: Iterable[tuple[Name, str | None]],
        at: float,
        answering: Iterable[Name] = (),
        gone: Callable[[Name], bool] = lambda _: False,
        unseen: Callable[[Name], bool] = lambda _: False,
    ) -> None:
        """Tell what has changed: `down` is what is down now and why.

        `answering` are those of `doubtful` that have answered since we began, `gone` tells which
        are not configured any more, `unseen` of which nothing can be said: those stay as they were.
        """
        reasons = dict(down)
        back = self._down | self.doubtful.intersection(answering) | set(filter(gone, self.doubtful))
        back = {name for name in back - reasons.keys() if not unseen(name)}
        self.doubtful -= reasons.keys() | back
        for name in reasons.keys() - self._down:
            self._down.add(name)
            self._tell(Turn(*name, up=False, at=at, reason=reasons[name]))
        for name in back:
            self._down.discard(name)
            self._tell(Turn(*name, up=True, at=at, gone=gone(name)))

    def _tell(self, turn: Turn) -> None:
        if self._is_ours((turn.organisation_id, turn.provider), up=turn.up):
            whose = f" of the organisation {turn.organisation_id}" if turn.organisation_id else ""
            back = "is not configured any more" if turn.gone else "is back"
            how = back if turn.up else f"is down: {turn.reason or 'it does not answer'}"
            log.warning("provider '%s'%s %s", turn.provider, whose, how)
        for observer in self.observers:
            observer(turn)

    def _is_ours(self, name: Name, *, up: bool) -> bool:
        """Whether it falls to this worker to log it."""
        if self._folder is None:
            return True
        digest = hashlib.blake2b(repr(name).encode(), digest_size=12).hexdigest()
        path = self._folder / f"down-{digest}"
        try:
            if up:
                path.unlink()
            else:
                path.touch(exist_ok=False)
        except (FileExistsError, FileNotFoundError):
            return False
        except OSError as error:
            log.warning("who logs turns of providers could not be agreed on: %s", error)
        return True
