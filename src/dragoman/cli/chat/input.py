"""What is said in a conversation: from a person at a terminal, or from a pipe, line by line.

A message of several lines: Alt-Enter between them, a backslash at a line's end, or `!multi` before
and `!end` after them, as in `llm chat`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dragoman.cli.terminal.streams import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from dragoman.cli.session import Session

MULTI, END = "!multi", "!end"
PROMPT, MORE = "> ", ". "


class Interrupted(Exception):
    """Ctrl-C was pressed while nothing was being answered."""


class Line(NamedTuple):
    """What was said at once. `literal`: it is no command, whatever it begins with."""

    text: str
    literal: bool = False


class Source(Protocol):
    """Where lines come from. `person`: somebody types them."""

    person: bool

    def line(self, prompt: str) -> str | None:
        """Read a line without its end; None at the end of all. Raises: Interrupted."""


class Reader:
    """Reads messages from a source of lines."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.person = source.person

    def read(self) -> Line | None:
        """Read what is said next; None when nothing will be. Raises: Interrupted."""
        text = self._source.line(PROMPT)
        if text is None:
            return None
        if text.strip() == MULTI:
            return Line("\n".join(self._until_end()), literal=True)
        while text.endswith("\\"):
            more = self._source.line(MORE)
            if more is None:
                break
            text = f"{text[:-1]}\n{more}"
        return Line(text)

    def _until_end(self) -> Iterator[str]:
        while (line := self._source.line(MORE)) is not None and line.strip() != END:
            yield line


class PlainSource:
    """Lines of standard input: of a pipe, or of a terminal that can do nothing."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.person = sys.stdin is not None and sys.stdin.isatty()

    def line(self, prompt: str) -> str | None:
        """Read a line."""
        if sys.stdin is None:
            return None
        if self.person:
            self._terminal.err.write(prompt)
        try:
            raw = sys.stdin.buffer.readline()
        except KeyboardInterrupt:
            if not self.person:
                raise
            self._terminal.note("")
            raise Interrupted from None
        if not raw:
            if self.person:
                self._terminal.note("")
            return None
        return raw.decode("utf-8", "replace").rstrip("\r\n")


def open_reader(session: Session, *, keep: bool, commands: Iterable[str]) -> Reader:
    """Open the reader that fits: with editing and a history at a terminal, else a plain one.

    `keep`: what is typed goes into the history file. `commands` are offered by Tab.
    """
    terminal = session.terminal
    able = session.env.get("TERM") not in (None, "dumb", "unknown")
    person = sys.stdin is not None and sys.stdin.isatty()
    if person and terminal.out.tty and (able or os.name == "nt"):
        from dragoman.cli.chat.line_editor import PromptSource

        history = history_file(session) if keep else None
        return Reader(PromptSource(session, history, commands))
    return Reader(PlainSource(terminal))


def history_file(session: Session) -> Path:
    """Say where what was typed is kept: `$XDG_STATE_HOME/dragoman/chat-history`."""
    from dragoman.config.files import state_folder

    return state_folder(session.env) / "chat-history"
