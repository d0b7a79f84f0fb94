"""Where output goes and how it may look: answers to stdout, everything else to stderr.

Colour: `--color`, then NO_COLOR (not empty), FORCE_COLOR, CLICOLOR_FORCE, then whether the stream
is a terminal that is not dumb. Source: https://no-color.org, https://bixense.com/clicolors (read
2026-11). Symbols that the stream's encoding cannot write are replaced by plain ones.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Literal, TextIO

When = Literal["auto", "always", "never"]

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_PLAIN_TERMINALS = ("dumb", "linux")
# C0 and C1 controls but tab and newline, what turns the direction of text, and annotations: what
# others wrote must not drive the terminal, nor be read as something else.
_DRIVING = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb"
# With these a name looks like another's. Text in Arabic and Hebrew needs its marks of direction; to
# join emoji and letters (U+200C, U+200D) is for names, too.
_UNSEEN = r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff"
_CONTROLS = re.compile(f"[{_DRIVING}]")
_NO_NAME = re.compile(f"[{_DRIVING}{_UNSEEN}]")


class Console:
    """One of the two output streams."""

    def __init__(self, stream: TextIO | None, env: Mapping[str, str], color: When) -> None:
        # A closed descriptor leaves no stream at all: then there is nobody to tell.
        self._own = stream is None
        self.stream: TextIO = open(os.devnull, "w") if stream is None else stream  # noqa: SIM115, PTH123
        self.tty = self.stream.isatty()
        self.color = use_color(self.tty, env, color)
        self._plain = self.tty and env.get("TERM") in _PLAIN_TERMINALS

    def can_show(self, text: str) -> bool:
        """Tell whether the stream's encoding, and its terminal, can show these characters."""
        try:
            text.encode(self.stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return False
        return not self._plain or text.isascii()

    def symbol(self, symbol: str, plain: str) -> str:
        """Choose the symbol where it can be shown, else the plain text."""
        return symbol if self.can_show(symbol) else plain

    def style(self, text: str, *styles: str) -> str:
        """Wrap text into colours and weights, where there is colour."""
        if not self.color or not text:
            return text
        codes = ";".join(_STYLES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def write(self, text: str) -> None:
        """Write, and let it be seen at once."""
        self.stream.write(text)
        self.stream.flush()

    def line(self, text: str = "") -> None:
        """Write a line."""
        self.write(text + "\n")

    def close(self) -> None:
        """Give back what was opened here."""
        if self._own:
            self.stream.close()


class Terminal:
    """Both streams, and what they permit."""

    def __init__(self, color: When = "auto", env: Mapping[str, str] = os.environ) -> None:
        self.env = env
        for stream in (sys.stdout, sys.stderr):
            # A character that the encoding lacks must not cost the answer.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        self.out = Console(sys.stdout, env, color)
        self.err = Console(sys.stderr, env, color)

    def recolor(self, color: When) -> None:
        """Decide anew about colour."""
        for console in (self.out, self.err):
            console.color = use_color(console.tty, self.env, color)

    @property
    def lively(self) -> bool:
        """Whether somebody watches stderr: then there may be a spinner."""
        return self.err.tty and not self.env.get("CI") and self.env.get("TERM") != "dumb"

    def note(self, text: str) -> None:
        """Tell the person at the terminal something, without touching the answer."""
        self.err.line(text)

    def warn(self, text: str) -> None:
        """Tell of something that did not stop us."""
        self.err.line(f"{self.err.style('Warning:', 'yellow')} {one_line(text)}")

    def close(self) -> None:
        """Give back what was opened here."""
        self.out.close()
        self.err.close()


def printable(text: str) -> str:
    """Replace what drives the terminal or turns text around, in text that others wrote."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Put names and words of others on one line, with nothing in it that drives or hides."""
    return _NO_NAME.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def use_color(tty: bool, env: Mapping[str, str], when: When) -> bool:
    """Decide whether a stream gets colour; the rules are at the top of this file."""
    if when != "auto":
        return when == "always"
    if env.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if env.get(name):
            return env[name] != "0"
    return tty and env.get("TERM") != "dumb"
