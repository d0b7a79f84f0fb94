"""Events → the completion that they make up, whole or as far as it came."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.types.completion import Completion
from dragoman.types.event import Event, Failure, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.types.message import Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.usage import Usage


class Accumulator:
    """Collects a stream's events. `finish` is set once the answer is whole."""

    def __init__(self) -> None:
        self.start = Start()
        self.finish: Finish | None = None
        self.usage: Usage | None = None
        self._parts: dict[int, Part] = {}
        self._deltas: dict[int, list[str]] = {}

    def add(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, PartDelta):
            self._deltas[event.index].append(event.text)
        elif isinstance(event, PartStart):
            self._parts[event.index] = event.part
            self._deltas[event.index] = []
        elif isinstance(event, PartEnd):
            self._parts[event.index] = event.part
            del self._deltas[event.index]
        elif isinstance(event, Start):
            self.start = event
            self.usage = event.usage
        elif isinstance(event, Finish):
            self.finish = event
            self.usage = event.usage or self.usage
        elif isinstance(event, Failure):
            self.usage = event.usage or self.usage

    @property
    def text_size(self) -> int:
        """Bytes of answer so far, about: what an estimate of its tokens starts from."""
        whole = sum(len(_text(part)) for i, part in self._parts.items() if i not in self._deltas)
        return whole + sum(len(d) for deltas in self._deltas.values() for d in deltas)

    def completion(self, warnings: tuple[str, ...] = ()) -> Completion:
        """Make the completion of what has come; an open part has what there is of it."""
        end = self.finish
        parts = tuple(self._part(index) for index in sorted(self._parts))
        return Completion(
            parts=parts,
            finish_reason=end.reason if end else "error",
            raw_finish_reason=end.raw_reason if end else None,
            stop_sequence=end.stop_sequence if end else None,
            usage=self.usage,
            id=self.start.id,
            model=self.start.model,
            created=self.start.created,
            warnings=(*warnings, *(end.warnings if end else ())),
            meta=end.meta if end else None,
        )

    def _part(self, index: int) -> Part:
        part = self._parts[index]
        more = "".join(self._deltas.get(index, ()))
        if not more:
            return part
        if isinstance(part, ToolCall):
            return replace(part, arguments=part.arguments + more)
        if isinstance(part, Text | Reasoning | Refusal):
            return replace(part, text=part.text + more)
        return part


def _text(part: Part) -> str:
    if isinstance(part, ToolCall):
        return part.arguments
    return part.text if isinstance(part, Text | Reasoning | Refusal) else ""
