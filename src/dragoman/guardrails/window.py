"""Finds patterns in a text that comes in pieces, and lets go what no match can begin in any more.

Law: what comes out, put together, is the same however the text was cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from dragoman.guardrails.patterns import LOOK_BACK, Found, Pattern

SLICE = 2048
"""Characters that are looked at at once: the engine copies its text for each search."""


class Window:
    """Looks for one pattern in one text.

    `replace` is asked for what is to stand instead of a match, None to leave it; it may raise, and
    then what stood before the match is in `before`. `spend` is told how many seconds of CPU each
    look took; it may raise as well, or say by False that there is no time for another.
    """

    def __init__(
        self,
        pattern: Pattern,
        replace: Callable[[], str | None],
        spend: Callable[[float], bool] | None = None,
    ) -> None:
        self._pattern = pattern
        self._replace = replace
        self._spend = spend
        self._text = ""
        self._at = 0  # what stands before it has gone out: kept for what looks back
        self.before = ""

    def feed(self, text: str) -> str:
        """Take more of the text, give out what is certain."""
        out: list[str] = []
        for begin in range(0, len(text), SLICE):
            self._text += text[begin : begin + SLICE]
            out.append(self._look(self._pattern.settled(self._text, self._at), out))
        return "".join(out)

    def close(self) -> str:
        """Say that the text has ended; give out the rest."""
        out = self._look(len(self._text), [])
        self._text, self._at = "", 0
        return out

    def _look(self, until: int, given: list[str]) -> str:
        """Handle the matches that begin before `until`."""
        text, at = self._text, self._at
        out: list[str] = []
        try:
            for found in self._find_all(text, at) if at < until else ():
                if found.seen >= until:
                    break
                out.append(text[at : found.start])
                instead = self._replace()
                out.append(text[found.start : found.end] if instead is None else instead)
                at = found.end
                if at >= until:
                    break
        except Exception:  # only then: to gather it for each match takes quadratic time
            self.before = "".join((*given, *out))
            raise
        if at < until:
            out.append(text[at:until])
            at = until
        kept = max(at - LOOK_BACK, 0)
        self._text, self._at = text[kept:], at - kept
        return "".join(out)

    def _find_all(self, text: str, at: int) -> Iterator[Found]:
        matches = self._pattern.find_all(text, at)
        if self._spend is None:
            yield from matches
            return
        while self._spend(0.0):
            began = time.thread_time()
            found = next(matches, None)
            self._spend(time.thread_time() - began)
            if found is None:
                return
            yield found
