"""`-x`, `--xl`: of an answer, only the code."""

from __future__ import annotations

import re

from dragoman.cli.ask.output import Output
from dragoman.cli.terminal.streams import Terminal

_BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^[ \t]*(?P=fence)[`~]*[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


def extract_code(text: str, *, last: bool = False) -> str | None:
    """Find the first fenced block of a text, or the last; None when there is none.

    The block's own indentation is taken off.
    """
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        return None
    block = blocks[-1 if last else 0]
    indent = block["indent"]
    lines = block["code"].splitlines(keepends=True)
    return "".join(line.removeprefix(indent) for line in lines)


class ExtractOutput(Output):
    """Holds the text back, and prints its code when all of it is there; without any, all of it."""

    def __init__(self, terminal: Terminal, *, quiet: bool, reasoning: bool, last: bool) -> None:
        super().__init__(terminal, quiet=quiet, reasoning=reasoning)
        self._of_last = last
        self._held: list[str] = []

    def end(self) -> None:
        """Print what was asked for. May be called again."""
        text = "".join(self._held)
        self._held.clear()
        if text:
            code = extract_code(text, last=self._of_last)
            super()._speak(text if code is None else code)
        super().end()

    def _speak(self, text: str) -> None:
        self._stop_thinking()
        self._held.append(text)
