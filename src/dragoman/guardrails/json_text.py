"""Looks at a text that is JSON: a tool call's arguments, structured output.

Each name and string in it is a text of its own, and what its escapes stand for is what is looked
at: `\\nsk-…` begins a line, and `\\u0073k-…` is a key. So is what stands between strings, piece by
piece: a number of which something is taken out becomes a string, and the JSON stays JSON.

Law: as for every text, what comes out never depends on where the pieces are cut. It means the same
as what went in but for what was taken out; escapes may be written otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Protocol


class Looking(Protocol):
    """One text that is being looked at."""

    def feed(self, text: str) -> str:
        """Take a piece; give out what may go out."""
        ...

    def close(self) -> str:
        """Say that it has ended; give out its rest."""
        ...


_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_BEGUN = r"\\(?:u[0-9a-fA-F]{0,3})?"
_TOKEN = re.compile(
    r'[^"\\]+|"'
    rf"|(?P<torn>{_HIGH}(?:{_BEGUN})?\Z|{_BEGUN}\Z)"
    rf"|{_HIGH}{_LOW}"
    r'|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt]|\\'
)
"""A run of characters, a quote, an escape (two where they are one character); `torn` is the
beginning of an escape. A backslash that escapes nothing stands for itself."""

_ESCAPES = {r"\n": "\n", r"\"": '"', r"\\": "\\", r"\t": "\t"}
"""Those that are frequent."""

_ATOM = re.compile(r"[^\s,:\[\]{}](?:[^,:\[\]{}]*[^\s,:\[\]{}])?")
"""What stands between strings, without what JSON is built of."""


class JsonText:
    """Looks at one text of JSON. `begin` begins a text in it; `stopped`: nothing more goes out."""

    def __init__(self, begin: Callable[[], Looking], stopped: Callable[[], bool]) -> None:
        self._begin = begin
        self._stopped = stopped
        self._string: Looking | None = None
        self._run: list[str] = []  # of the string, or of what stands between two of them
        self._torn = ""

    def feed(self, text: str) -> str:
        """Take a piece; give out what may go out."""
        text, self._torn = self._torn + text, ""
        out: list[str] = []
        for found in _TOKEN.finditer(text):
            piece = found[0]
            if found["torn"] is not None:
                self._torn = piece
            elif piece != '"':
                self._run.append(piece if self._string is None else _meant(piece))
            else:
                out.append(self._turn())
                if self._stopped():
                    return "".join(out)
        if self._string is not None:
            out.append(self._said())
        return "".join(out)

    def close(self) -> str:
        """Say that it has ended; give out its rest."""
        self._run.append(self._torn)
        self._torn = ""
        if self._string is None:
            return self._between()
        return self._said() + _written(self._string.close())

    def _turn(self) -> str:
        """Begin a string, or end it."""
        if self._string is None:
            out = self._between()
            self._string = self._begin()
        else:
            out = self._said() + _written(self._string.close())
            self._string = None
        return out if self._stopped() else out + '"'

    def _said(self) -> str:
        """Look at what has come of the string."""
        assert self._string is not None, "no string has begun"
        run, self._run = "".join(self._run), []
        return _written(self._string.feed(run))

    def _between(self) -> str:
        run, self._run = "".join(self._run), []
        return _ATOM.sub(lambda found: self._atom(found[0]), run)

    def _atom(self, atom: str) -> str:
        looking = self._begin()
        said = looking.feed(atom) + looking.close()
        return said if said == atom or self._stopped() else f'"{_written(said)}"'


def _meant(piece: str) -> str:
    """Say what an escape stands for."""
    if len(piece) == 1 or piece[0] != "\\":
        return piece
    meant: str = _ESCAPES.get(piece) or json.loads(f'"{piece}"')
    return meant


def _written(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
