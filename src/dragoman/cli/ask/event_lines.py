"""`--jsonl`: the events of an answer as they come, a line of JSON each.

    {"type":"start","model":"echo"}
    {"type":"part_delta","index":0,"kind":"text","text":"Hel"}
    {"type":"finish","reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":1}}
    {"type":"answer","text":"Hello", …}

The last line is what `--json` prints; it has `error` when the answer failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.cli.ask.output import Output
from dragoman.cli.terminal.json_output import ENCODER
from dragoman.cli.terminal.streams import Terminal
from dragoman.types.event import Failure, PartDelta

if TYPE_CHECKING:
    from dragoman.types.completion import Completion
    from dragoman.types.event import Event


class EventLines(Output):
    """Prints events. They are told as they are: programs read them."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal, quiet=True, reasoning=False)

    def is_content(self, event: Event) -> bool:
        """Every event is something to show."""
        return not isinstance(event, Failure)

    def show(self, event: Event) -> None:
        """Print an event; a failure is told by the last line."""
        if isinstance(event, Failure):
            return
        self.begun = True
        self._print(msgspec.to_builtins(event, builtin_types=()))

    def show_whole(self, completion: Completion) -> None:
        """Print an answer that came in one piece as one delta."""
        self.show(PartDelta(0, "text", completion.text))

    def finish(self, answer: Mapping[str, Any]) -> None:
        """Print the last line."""
        self._print({"type": "answer", **answer})

    def _print(self, value: Mapping[str, Any]) -> None:
        self._terminal.out.line(ENCODER.encode(value).decode())
