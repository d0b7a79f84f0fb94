"""Events of an answer, as text on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.cli.terminal.streams import Terminal, printable
from dragoman.types.event import PartDelta

if TYPE_CHECKING:
    from dragoman.types.completion import Completion
    from dragoman.types.event import Event


class Output:
    """Writes text to stdout and reasoning, dim, to stderr.

    `quiet`: nothing is written here, as with `--json`. A terminal sees every piece at once; a pipe
    gets whole lines. What models write may not drive a terminal; a pipe gets it as it is.
    """

    def __init__(self, terminal: Terminal, *, quiet: bool, reasoning: bool) -> None:
        self._terminal = terminal
        self._quiet = quiet
        self._reasoning = reasoning
        self._thinking = False
        self._last = ""
        self.begun = False

    def is_content(self, event: Event) -> bool:
        """Tell whether an event is something to show."""
        return isinstance(event, PartDelta) and bool(event.text)

    def show(self, event: Event) -> None:
        """Show a step of the answer. Raises: OSError when nobody takes it."""
        if not isinstance(event, PartDelta) or not event.text:
            return
        self.begun = True
        if event.kind == "reasoning":
            self._think(event.text)
        elif event.kind in ("text", "refusal"):
            self._speak(event.text)

    def show_whole(self, completion: Completion) -> None:
        """Show an answer that came in one piece. Raises: as `show`."""
        self.begun = True
        if completion.reasoning:
            self._think(completion.reasoning)
        self._speak(completion.text or completion.refusal or "")

    def end(self) -> None:
        """End the last line. May be called again. Raises: as `show`."""
        self._stop_thinking()
        if self._last and not self._last.endswith("\n"):
            self._write("\n")
        self._last = ""

    def _think(self, text: str) -> None:
        if self._reasoning and not self._quiet:
            err = self._terminal.err
            self._thinking = True
            err.write(err.style(printable(text.replace("\r", "")), "dim"))

    def _speak(self, text: str) -> None:
        self._stop_thinking()
        if text and not self._quiet:
            self._last = text  # first: Ctrl-C may come while it is written
            self._write(text)

    def _stop_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            self._terminal.err.line()

    def _write(self, text: str) -> None:
        out = self._terminal.out
        if out.tty:
            out.write(printable(text.replace("\r", "")))
            return
        out.stream.write(text)
        if "\n" in text:
            out.stream.flush()
