"""Items of an answer that is being streamed.

Every method appends to the list of events that it is given. `item` is what has been said of an item
so far, at least its type; `begun` whether somebody has said what it is, `whole` whether it is at
its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.types.event import Event
from dragoman.types.message import Meta, Reasoning, Refusal, Text, ToolCall
from dragoman.wire.json_text import SurrogateJoiner, encode_text
from dragoman.wire.openai_responses.items import (
    Item,
    call_id,
    call_meta,
    call_name,
    message_meta,
    message_parts,
    parse_item,
    reasoning_meta,
)
from dragoman.wire.openai_responses.schema import NAME, own
from dragoman.wire.parts import OpenCall, OpenParts, TextKind

_BEGIN_INPUT, _END_INPUT = '{"input":"', '"}'


class OpenItem:
    """An item that nobody models. It becomes a part when it is whole: half of it is of no use."""

    __slots__ = ("_parts", "begun", "item", "whole")

    is_call = False
    """It is a call of one of the caller's tools."""
    is_refusal = False
    """In it the model declines."""

    def __init__(self, item: Item, parts: OpenParts) -> None:
        self.item = item
        self.begun = False
        self.whole = False
        self._parts = parts

    def begin(self, item: Item, events: list[Event]) -> None:
        """Take what its beginning says."""
        del events
        self.begun = True
        self.item = {**self.item, **item}

    def pause(self, events: list[Event]) -> None:
        """Say that another item speaks now."""

    def finish(self, item: Item, events: list[Event]) -> None:
        """Say that it is whole; `item` is all of it."""
        self.whole = True
        for part in parse_item(item):
            self._parts.whole(part, events)

    def abandon(self, events: list[Event]) -> None:
        """Say that nothing more will come of it: what is known of it is all."""
        self.finish(self.item, events)


class _Spot:
    """One place of an item's content: which part it has become, and what has come of it."""

    __slots__ = ("index", "pieces")

    def __init__(self) -> None:
        self.index: int | None = None
        self.pieces: list[str] = []


class _Spoken(OpenItem):
    """An item that is text, in one place or several."""

    __slots__ = ("_joiner", "_spots")

    def __init__(self, item: Item, parts: OpenParts) -> None:
        super().__init__(item, parts)
        self._spots: dict[Any, _Spot] = {}
        self._joiner = SurrogateJoiner()

    def say(
        self,
        kind: TextKind,
        place: Any,
        text: str,
        events: list[Event],
        meta: Meta | None = None,
        logprobs: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        """Add to the text, refusal or thought at this place of the content."""
        text = self._joiner.feed(text) if text else ""
        if not text and meta is None and not logprobs:
            return
        spot = self._spots.get(place)
        if spot is None or spot.index != self._parts.open_index:
            spot = self._spots.setdefault(place, _Spot())
            self._parts.open_text(kind, events, self._start_meta())
            spot.index = self._parts.open_index
        spot.pieces.append(text)
        self._parts.add(kind, text, events, meta, logprobs)

    def abandon(self, events: list[Event]) -> None:
        if not self._spots and self.begun:
            self.finish(self.item, events)
        self.whole = True
        self._close(events)

    def _start_meta(self) -> Meta | None:
        """Tell what is known of a part at its beginning."""
        return message_meta(self.item)

    def _settle(
        self, kind: TextKind, place: Any, part: Text | Refusal | Reasoning, events: list[Event]
    ) -> None:
        """Bring what has come of a part up to what the whole item says it is."""
        spot = self._spots.get(place)
        if spot is None:
            self._parts.whole(part, events)
            return
        self._joiner.close()  # the whole has both halves of every character
        said = "".join(spot.pieces)
        if part.text.startswith(said) and (rest := part.text[len(said) :]):
            self.say(kind, place, rest, events)
        if spot.index == self._parts.open_index:
            if part.meta is not None:
                self._parts.set_meta(part.meta)
            if isinstance(part, Text):
                self._parts.citations = part.citations
                self._parts.logprobs = list(part.logprobs) or self._parts.logprobs
            self._parts.close_text(events)

    def _close(self, events: list[Event]) -> None:
        """Close the part that is open, if it is one of this item's."""
        for place, spot in self._spots.items():
            if spot.index is not None and spot.index == self._parts.open_index:
                if (half := self._joiner.close()) and (kind := self._parts.kind):
                    self.say(kind, place, half, events)
                self._parts.close_text(events)


class OpenMessage(_Spoken):
    """A message: texts and refusals, each a part."""

    __slots__ = ("is_refusal",)

    def __init__(self, item: Item, parts: OpenParts) -> None:
        super().__init__(item, parts)
        self.is_refusal = False

    def refuse(self, text: str, events: list[Event]) -> None:
        """Add to the refusal, of which there is one."""
        self.is_refusal = True
        self.say("refusal", "refusal", text, events)

    def finish(self, item: Item, events: list[Event]) -> None:
        self.whole = True
        for place, part in enumerate(message_parts(item)):
            if isinstance(part, Text):
                self._settle("text", place, part, events)
            elif isinstance(part, Refusal):
                self.is_refusal = True
                self._settle("refusal", "refusal", part, events)
            elif part is not None:
                self._parts.whole(part, events)
        self._close(events)


class OpenThought(_Spoken):
    """A thought, told in full or in summary: one part."""

    __slots__ = ("_aloud", "_section")

    def __init__(self, item: Item, parts: OpenParts) -> None:
        super().__init__(item, parts)
        self._aloud: bool | None = None  # in full; None when nothing has been told
        self._section = 0  # of the summary

    def think(self, section: int, text: str, events: list[Event]) -> None:
        """Add to the summary, whose sections are divided by an empty line."""
        if not text or self._aloud:
            return
        if self._aloud is not None and section != self._section:
            self.say("reasoning", 0, "\n\n", events, {NAME: {"summary_index": section}})
        self._aloud, self._section = False, section
        self.say("reasoning", 0, text, events)

    def think_aloud(self, text: str, events: list[Event]) -> None:
        """Add to the thought itself."""
        if text and self._aloud is not False:
            self._aloud = True
            self.say("reasoning", 0, text, events)

    def pause(self, events: list[Event]) -> None:
        """Say that another item speaks now: what has come is all that will be told."""
        if self._aloud and self._spots[0].index == self._parts.open_index:
            thought = {"type": "reasoning_text", "text": "".join(self._spots[0].pieces)}
            if meta := reasoning_meta({**self.item, "content": [thought]}):
                self._parts.set_meta(meta)
        self._close(events)

    def finish(self, item: Item, events: list[Event]) -> None:
        self.whole = True
        (part,) = parse_item(item)
        assert isinstance(part, Reasoning)
        self._settle("reasoning", 0, part, events)

    def abandon(self, events: list[Event]) -> None:
        self.pause(events)
        super().abandon(events)

    def _start_meta(self) -> Meta | None:
        meta = reasoning_meta(self.item)
        return {NAME: {**own(meta), "content": []}} if self._aloud else meta


class OpenToolCall(OpenItem):
    """A call of one of the caller's tools. It opens when its name is known."""

    __slots__ = ("_call", "_id", "_joiner", "_said")

    is_call = True

    def __init__(self, item: Item, parts: OpenParts, invented_id: str) -> None:
        super().__init__(item, parts)
        self._id = invented_id
        self._call: OpenCall | None = None
        self._said: list[str] = []  # what has come of its arguments
        self._joiner = SurrogateJoiner()

    def begin(self, item: Item, events: list[Event]) -> None:
        super().begin(item, events)
        if self._call is None and self.item.get("name"):
            self._open(events)

    def add(self, text: str, events: list[Event]) -> None:
        """Add to the arguments."""
        if text and (text := self._joiner.feed(text)):
            self._said.append(text)
            if self._call is not None:
                self._tell(self._call, text, events)

    def finish(self, item: Item, events: list[Event]) -> None:
        self.whole = True
        self.item = {**self.item, **item}
        call = self._call or self._open(events)
        (part,) = parse_item(self.item)
        assert isinstance(part, ToolCall)
        self._joiner.close()  # the whole has both halves of every character
        said, whole = "".join(self._said), self._whole(part)
        if whole.startswith(said) and (rest := whole[len(said) :]):
            self._tell(call, rest, events)
        self._tell_end(call, events)
        call.meta = part.meta
        self._parts.close_call(call, events)

    def _open(self, events: list[Event]) -> OpenCall:
        identity, name = call_id(self.item) or self._id, call_name(self.item)
        self._call = call = self._parts.open_call(identity, name, events, call_meta(self.item))
        if early := "".join(self._said):
            self._tell(call, early, events)
        return call

    def _tell(self, call: OpenCall, text: str, events: list[Event]) -> None:
        self._parts.add_arguments(call, text, events)

    def _tell_end(self, call: OpenCall, events: list[Event]) -> None:
        """Tell what belongs behind the arguments."""

    def _whole(self, part: ToolCall) -> str:
        return part.arguments


class OpenCustomCall(OpenToolCall):
    """A call of a tool that takes free text, told as the one argument of a tool."""

    __slots__ = ()

    def _tell(self, call: OpenCall, text: str, events: list[Event]) -> None:
        begin = "" if call.pieces else _BEGIN_INPUT
        self._parts.add_arguments(call, begin + encode_text(text)[1:-1], events)

    def _tell_end(self, call: OpenCall, events: list[Event]) -> None:
        end = _END_INPUT if call.pieces else _BEGIN_INPUT + _END_INPUT
        self._parts.add_arguments(call, end, events)

    def _whole(self, part: ToolCall) -> str:
        del part
        text = self.item.get("input")
        return text if isinstance(text, str) else ""


def open_item(kind: Any, parts: OpenParts, invented_id: str) -> OpenItem:
    """Make an item of this type; `invented_id` is for a call that has none of its own."""
    item = {"type": kind}
    if kind == "message":
        return OpenMessage(item, parts)
    if kind == "reasoning":
        return OpenThought(item, parts)
    if kind == "function_call":
        return OpenToolCall(item, parts, invented_id)
    if kind == "custom_tool_call":
        return OpenCustomCall(item, parts, invented_id)
    return OpenItem(item, parts)
