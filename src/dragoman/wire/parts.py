"""The parts of an answer that is being streamed: which are open, and what they hold so far.

Law: text, refusal and reasoning close each other; tool calls stay open until their format says
that they are whole, or until the end, because servers may interleave them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from dragoman.types.event import Event, PartDelta, PartEnd, PartStart
from dragoman.types.message import Citation, Meta, Part, Reasoning, Refusal, Text, ToolCall

TextKind: TypeAlias = Literal["text", "refusal", "reasoning"]

_MAKE: dict[TextKind, type[Text] | type[Refusal] | type[Reasoning]] = {
    "text": Text,
    "refusal": Refusal,
    "reasoning": Reasoning,
}
_KINDS: dict[type, TextKind] = {make: kind for kind, make in _MAKE.items()}


class OpenCall:
    """A tool call in the making. `meta` is put into its part at the end."""

    __slots__ = ("id", "index", "meta", "name", "pieces")

    def __init__(self, index: int, call_id: str, name: str) -> None:
        self.index = index
        self.id = call_id
        self.name = name
        self.pieces: list[str] = []
        self.meta: Meta | None = None

    @property
    def arguments(self) -> str:
        """What has come so far."""
        return "".join(self.pieces)


class OpenParts:
    """Turns pieces of an answer into `PartStart`, `PartDelta` and `PartEnd`.

    Every method appends to the list of events that it is given.
    """

    __slots__ = (
        "_calls", "_index", "_kind", "_meta", "_next", "_pieces",
        "citations", "logprobs", "text_before",
    )  # fmt: skip

    def __init__(self) -> None:
        self._next = 0
        self._kind: TextKind | None = None  # of the open text, refusal or reasoning
        self._index = 0
        self._pieces: list[str] = []
        self._meta: Meta | Callable[[], Meta] | None = None
        self._calls: list[OpenCall] = []
        self.citations: tuple[Citation, ...] = ()  # of the open text, else of the next one
        self.logprobs: list[Mapping[str, Any]] = []  # of the open text
        self.text_before = 0  # how many characters all closed texts have

    @property
    def any(self) -> bool:
        """Whether there has been a part at all."""
        return self._next > 0

    @property
    def kind(self) -> TextKind | None:
        """Which of text, refusal and reasoning is open."""
        return self._kind

    @property
    def open_index(self) -> int | None:
        """The index of the open text, refusal or reasoning."""
        return None if self._kind is None else self._index

    @property
    def open_text_so_far(self) -> str:
        """What the open text, refusal or reasoning has said."""
        return "".join(self._pieces)

    def add(
        self,
        kind: TextKind,
        text: str,
        events: list[Event],
        meta: Meta | None = None,
        logprobs: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        """Add to the open part of this kind, or open one. `meta` goes with the delta alone."""
        if kind != self._kind:
            self.open_text(kind, events)
        self._pieces.append(text)
        if logprobs:
            self.logprobs += logprobs
        events.append(PartDelta(self._index, kind, text, meta, logprobs))

    def set_meta(self, meta: Meta | Callable[[], Meta]) -> None:
        """Give the open text, refusal or reasoning what its part carries at the end.

        A function is called then: what grows piece by piece is put together once.
        """
        if self._kind is not None:
            self._meta = meta

    def whole(self, part: Part, events: list[Event]) -> None:
        """Add a part that comes in one piece."""
        self.close_text(events)
        events.extend(whole_part(self._next, part))
        self._next += 1

    def open_call(
        self, call_id: str, name: str, events: list[Event], meta: Meta | None = None
    ) -> OpenCall:
        """Open a tool call. `meta` is what is known of it already."""
        self.close_text(events)
        call = OpenCall(self._next, call_id, name)
        call.meta = meta
        self._next += 1
        self._calls.append(call)
        events.append(PartStart(call.index, ToolCall(call_id, name, meta=meta)))
        return call

    def add_arguments(self, call: OpenCall, text: str, events: list[Event]) -> None:
        """Add to a tool call's arguments."""
        call.pieces.append(text)
        events.append(PartDelta(call.index, "tool_call", text))

    def close_text(self, events: list[Event]) -> None:
        """Close the open text, refusal or reasoning, if there is one."""
        if self._kind is None:
            return
        meta = self._meta() if callable(self._meta) else self._meta
        text = "".join(self._pieces)
        part: Part
        if self._kind == "text":
            part = Text(text, meta, self.citations, tuple(self.logprobs))
            self.text_before += len(text)
            self.citations = ()
            self.logprobs = []
        else:
            part = _MAKE[self._kind](text, meta)
        events.append(PartEnd(self._index, part))
        self._kind = None
        self._pieces = []
        self._meta = None

    def close_call(self, call: OpenCall, events: list[Event]) -> None:
        """Close a tool call. One without arguments has the arguments `{}`."""
        self._calls.remove(call)
        if not call.arguments.strip():
            self.add_arguments(call, "{}", events)
        part = ToolCall(call.id, call.name, call.arguments, call.meta)
        events.append(PartEnd(call.index, part))

    def close(self, events: list[Event]) -> None:
        """Close every part."""
        self.close_text(events)
        for call in list(self._calls):
            self.close_call(call, events)

    def open_text(self, kind: TextKind, events: list[Event], meta: Meta | None = None) -> None:
        """Open text, refusal or reasoning, also when one of its kind is open.

        `meta` is what is known of it already.
        """
        self.close_text(events)
        self._kind = kind
        self._meta = meta
        self._index = self._next
        self._next += 1
        events.append(PartStart(self._index, _MAKE[kind]("", meta)))


def whole_part(index: int, part: Part) -> list[Event]:
    """Tell a part that is there in one piece: what can grow begins empty, with its meta."""
    if isinstance(part, ToolCall):
        start = PartStart(index, ToolCall(part.id, part.name, meta=part.meta))
        return [start, PartDelta(index, "tool_call", part.arguments), PartEnd(index, part)]
    kind = _KINDS.get(type(part))
    if kind is None:
        return [PartStart(index, part), PartEnd(index, part)]
    assert isinstance(part, Text | Refusal | Reasoning)
    logprobs = part.logprobs if isinstance(part, Text) else ()
    said: list[Event] = [PartDelta(index, kind, part.text, None, logprobs)] if part.text else []
    return [PartStart(index, _MAKE[kind]("", part.meta)), *said, PartEnd(index, part)]


def own_meta(format_name: str, fields: dict[str, Any]) -> Meta | None:
    """Wrap fields that only one format can read back; None when there are none."""
    return {format_name: fields} if fields else None
