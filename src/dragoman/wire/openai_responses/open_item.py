"""An item of an answer that is being streamed."""

from __future__ import annotations

from typing import Any

from dragoman.types.event import Event
from dragoman.types.message import Meta, Part, Reasoning, Refusal, Text, ToolCall
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

_KINDS: dict[type[Part], TextKind] = {Text: "text", Refusal: "refusal", Reasoning: "reasoning"}
_BEGIN_INPUT, _END_INPUT = '{"input":"', '"}'


class _Spot:
    """One place of an item's content: which part it has become, and what has come of it."""

    __slots__ = ("index", "pieces")

    def __init__(self) -> None:
        self.index: int | None = None
        self.pieces: list[str] = []


class OpenItem:
    """Collects one item; every method appends to the list of events that it is given.

    Messages, thoughts and tool calls become events as they come. Any other item becomes a part
    when it is whole. `item` is what its beginning said, which may be nothing but its type.
    """

    __slots__ = (
        "_aloud",
        "_call",
        "_early",
        "_id",
        "_joiner",
        "_parts",
        "_section",
        "_spots",
        "begun",
        "is_refusal",
        "item",
        "whole",
    )

    def __init__(self, item: Item, parts: OpenParts, invented_id: str) -> None:
        self.item = item
        self.begun = False  # somebody has said what it is
        self.whole = False
        self.is_refusal = False  # the model declines
        self._parts = parts
        self._id = invented_id
        self._spots: dict[Any, _Spot] = {}
        self._call: OpenCall | None = None
        self._early: list[str] = []  # of a call whose name has not come
        self._aloud: bool | None = None  # a thought is told in full, or in summary
        self._section: Any = None  # of the summary
        self._joiner = SurrogateJoiner()

    @property
    def is_call(self) -> bool:
        """Whether it is a call of one of the caller's tools."""
        return self._call is not None

    def begin(self, item: Item, events: list[Event]) -> None:
        """Take what its beginning says: a call opens when its name is known."""
        self.begun = True
        self.item = {**self.item, **item}
        if self._call is None and self.item.get("type") in _CALLS and self.item.get("name"):
            self._open_call(events)

    def say(
        self, kind: TextKind, place: Any, text: str, events: list[Event], meta: Meta | None = None
    ) -> None:
        """Add to the text, refusal or thought at this place of the content."""
        text = self._joiner.feed(text) if text else ""
        if not text and meta is None:
            return
        spot = self._spots.get(place)
        if spot is None or spot.index != self._parts.open_index:
            spot = self._spots.setdefault(place, _Spot())
            self._parts.open_text(kind, events, self._start_meta(kind))
            spot.index = self._parts.open_index
            self.is_refusal = self.is_refusal or kind == "refusal"
        spot.pieces.append(text)
        self._parts.add(kind, text, events, meta)

    def think(self, section: Any, text: str, events: list[Event]) -> None:
        """Add to a thought's summary, whose sections are divided by an empty line."""
        if not text or self._aloud:
            return
        if self._aloud is not None and section != self._section:
            self.say("reasoning", 0, "\n\n", events, {NAME: {"summary_index": section}})
        self._aloud, self._section = False, section
        self.say("reasoning", 0, text, events)

    def think_aloud(self, text: str, events: list[Event]) -> None:
        """Add to a thought itself."""
        if text and self._aloud is not False:
            self._aloud = True
            self.say("reasoning", 0, text, events)

    def _start_meta(self, kind: TextKind) -> Meta | None:
        if kind != "reasoning":
            return message_meta(self.item)
        meta = reasoning_meta(self.item)
        return {NAME: {**own(meta), "content": []}} if self._aloud else meta

    def add_arguments(self, text: str, events: list[Event]) -> None:
        """Add to a call's arguments, or to the free text that it takes."""
        text = self._joiner.feed(text) if text else ""
        if self._call is None:
            self._early.append(text)
        elif text:
            self._add_to_call(self._call, text, events)

    def pause(self, events: list[Event]) -> None:
        """Say that another item speaks now: what of a thought has come is all that we get."""
        spot = self._spots.get(0)
        if self._aloud is None or spot is None or spot.index != self._parts.open_index:
            return
        if self._aloud:
            text = "".join(spot.pieces)
            item = {**self.item, "content": [{"type": "reasoning_text", "text": text}]}
            self._set_meta(reasoning_meta(item))
        self._parts.close_text(events)

    def finish(self, item: Item, events: list[Event]) -> None:
        """Say that the item is whole; `item` is all of it, or what of it is known."""
        self.whole = True
        kind = item.get("type")
        if kind in _CALLS:
            self._finish_call(item, events)
        elif kind == "message":
            for number, part in enumerate(message_parts(item)):
                place = "refusal" if isinstance(part, Refusal) else number
                self._settle(place, part, events)
            self._close_rest(events)
        elif kind == "reasoning":
            self._settle(0, parse_item(item)[0], events)
        else:
            for part in parse_item(item):
                self._parts.whole(part, events)

    def abandon(self, events: list[Event]) -> None:
        """Say that nothing more will come of it, and nobody has said what it is as a whole."""
        self.whole = True
        if self.item.get("type") in _CALLS:
            self._finish_call(self.item, events)
        elif self._spots:
            self.pause(events)
            self._close_rest(events)
        elif self.item.get("type") not in ("message", None):
            self.finish(self.item, events)

    def _settle(self, place: Any, part: Part | None, events: list[Event]) -> None:
        """Bring what has come of a part up to what the whole item says it is."""
        if part is None:
            return
        spot, kind = self._spots.get(place), _KINDS.get(type(part))
        self.is_refusal = self.is_refusal or kind == "refusal"
        if kind is None or spot is None:
            self._parts.whole(part, events)
            return
        assert isinstance(part, Text | Refusal | Reasoning)
        self._joiner.close()  # the whole has both halves of every character
        said = "".join(spot.pieces)
        if part.text.startswith(said) and (rest := part.text[len(said) :]):
            self.say(kind, place, rest, events)
        if spot.index == self._parts.open_index:
            self._set_meta(part.meta)
            self._parts.close_text(events)

    def _close_rest(self, events: list[Event]) -> None:
        for place, spot in self._spots.items():
            if spot.index is not None and spot.index == self._parts.open_index:
                if (half := self._joiner.close()) and (kind := self._parts.kind):
                    self.say(kind, place, half, events)
                self._parts.close_text(events)

    def _set_meta(self, meta: Meta | None) -> None:
        if meta is not None:
            self._parts.set_meta(meta)

    def _open_call(self, events: list[Event]) -> OpenCall:
        name, identity = call_name(self.item), call_id(self.item) or self._id
        self._call = call = self._parts.open_call(identity, name, events, call_meta(self.item))
        if early := "".join(self._early):
            self._add_to_call(call, early, events)
        return call

    def _add_to_call(self, call: OpenCall, text: str, events: list[Event]) -> None:
        self._spots.setdefault("arguments", _Spot()).pieces.append(text)
        if self._is_free_text:
            begin = "" if call.pieces else _BEGIN_INPUT
            text = begin + encode_text(text)[1:-1]
        self._parts.add_arguments(call, text, events)

    @property
    def _is_free_text(self) -> bool:
        return self.item.get("type") == "custom_tool_call"

    def _finish_call(self, item: Item, events: list[Event]) -> None:
        self.item = {**self.item, **item}
        call = self._call or self._open_call(events)
        part = parse_item(self.item)[0]
        assert isinstance(part, ToolCall)
        self._joiner.close()
        whole = self.item.get("input") if self._is_free_text else part.arguments
        spot = self._spots.get("arguments")
        said = "".join(spot.pieces) if spot is not None else ""
        if isinstance(whole, str) and whole.startswith(said) and (rest := whole[len(said) :]):
            self._add_to_call(call, rest, events)
        if self._is_free_text:
            end = _END_INPUT if call.pieces else _BEGIN_INPUT + _END_INPUT
            self._parts.add_arguments(call, end, events)
        call.meta = part.meta
        self._parts.close_call(call, events)


_CALLS = ("function_call", "custom_tool_call")
