"""Events of a streamed answer → events of ours.

Law: an item is found by its id, else by `output_index`, else it is the one that came last of its
kind. Some servers give an item another id in every event, and some give every item the index 0.
They may leave out any event but the deltas or the whole items; what is said twice is told once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragoman.types.event import Event, Finish, Start
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.annotations import read_logprobs
from dragoman.wire.openai_responses.items import Item
from dragoman.wire.openai_responses.open_item import (
    OpenItem,
    OpenMessage,
    OpenThought,
    OpenToolCall,
    open_item,
)
from dragoman.wire.openai_responses.schema import NAME, answer_meta, finish_reason, head, item_id
from dragoman.wire.openai_responses.usage import parse_usage
from dragoman.wire.parts import OpenParts
from dragoman.wire.tokens import doubts

Data = dict[str, Any]


class AnswerReader:
    """Reads one answer; every method appends to the list of events that it is given."""

    def __init__(self, dialect: Dialect) -> None:
        self.usage: Usage | None = None
        self.started = False
        self.parts = OpenParts()
        self._dialect = dialect
        self._id: str | None = None
        self._items: list[OpenItem] = []
        self._by_index: dict[int, OpenItem] = {}
        self._by_id: dict[str, OpenItem] = {}
        self._speaking: OpenItem | None = None

    def begin(self, response: Data, events: list[Event]) -> None:
        """Take what a server says of the answer in advance, which may be nothing."""
        self.report(response)
        if self.started:
            return
        self.started = True
        self._id, model, created = head(response)
        events.append(Start(self._id, model, created, self.usage))

    def report(self, response: Data) -> None:
        """Take what is said of usage: the last word counts."""
        self.usage = parse_usage(response.get("usage"), self._dialect) or self.usage

    def take(self, kind: str, data: Data, events: list[Event]) -> None:
        """Take an event about an item; one of an unknown kind says nothing."""
        if (take := _TAKES.get(kind)) is not None:
            if not self.started:
                self.begin({}, events)
            take(self, data, events)

    def finish(self, response: Data, events: list[Event]) -> None:
        """Say that the answer is whole; `response` is all of it, or what of it is known."""
        self.begin(response, events)
        output = response.get("output")
        for number, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict) and not (known := self._counterpart(number, item)).whole:
                self._turn_to(known, events)
                known.finish(item, events)
        for known in self._items:
            if not known.whole:
                self._turn_to(known, events)
                known.abandon(events)
        self.parts.close(events)
        reason, raw = finish_reason(
            response.get("status"),
            response.get("incomplete_details"),
            has_calls=any(item.is_call for item in self._items),
            has_refusal=any(item.is_refusal for item in self._items),
        )
        meta = answer_meta(response)
        events.append(Finish(reason, raw, self.usage, None, meta, doubts(self.usage)))

    def _item_added(self, data: Data, events: list[Event]) -> None:
        if isinstance(item := data.get("item"), dict):
            found = self._find(data, item, begins=True)
            self._turn_to(found, events)
            found.begin(item, events)

    def _item_done(self, data: Data, events: list[Event]) -> None:
        if isinstance(item := data.get("item"), dict):
            found = self._find(data, item)
            if not found.whole:
                self._turn_to(found, events)
                found.finish(item, events)

    def _text(self, data: Data, events: list[Event]) -> None:
        if (message := self._message(data, events)) is not None:
            tokens = read_logprobs(data.get("logprobs"))
            place = _number(data, "content_index")
            message.say("text", place, _delta(data), events, logprobs=tokens)

    def _annotation(self, data: Data, events: list[Event]) -> None:
        annotation = data.get("annotation")
        if annotation and (message := self._message(data, events)) is not None:
            meta = {NAME: {"annotations": [annotation]}}
            message.say("text", _number(data, "content_index"), "", events, meta)

    def _refusal(self, data: Data, events: list[Event]) -> None:
        if (message := self._message(data, events)) is not None:
            message.refuse(_delta(data), events)

    def _message(self, data: Data, events: list[Event]) -> OpenMessage | None:
        item = self._find(data, {"type": "message"})
        if not isinstance(item, OpenMessage) or item.whole:
            return None
        self._turn_to(item, events)
        return item

    def _summary(self, data: Data, events: list[Event]) -> None:
        if (thought := self._thought(data, events)) is not None:
            thought.think(_number(data, "summary_index"), _delta(data), events)

    def _reasoning(self, data: Data, events: list[Event]) -> None:
        if (thought := self._thought(data, events)) is not None:
            thought.think_aloud(_delta(data), events)

    def _thought(self, data: Data, events: list[Event]) -> OpenThought | None:
        item = self._find(data, {"type": "reasoning"})
        if not isinstance(item, OpenThought) or item.whole:
            return None
        self._turn_to(item, events)
        return item

    def _arguments(self, data: Data, events: list[Event]) -> None:
        self._add_to_call(self._find(data, {"type": "function_call"}), data, events)

    def _input(self, data: Data, events: list[Event]) -> None:
        self._add_to_call(self._find(data, {"type": "custom_tool_call"}), data, events)

    @staticmethod
    def _add_to_call(item: OpenItem, data: Data, events: list[Event]) -> None:
        if isinstance(item, OpenToolCall) and not item.whole:
            item.add(_delta(data), events)

    def _turn_to(self, item: OpenItem, events: list[Event]) -> None:
        """Let an item speak: the one that spoke until now pauses."""
        if self._speaking is not item:
            if self._speaking is not None:
                self._speaking.pause(events)
            self._speaking = item

    def _find(self, data: Data, item: Item, *, begins: bool = False) -> OpenItem:
        """Find the item that an event is about, or make it; `begins` says that it is a new one."""
        index = data.get("output_index")
        index = index if type(index) is int else None
        identity = data.get("item_id") or item.get("id")
        identity = identity if isinstance(identity, str) else None
        found = self._by_id.get(identity) if identity is not None else None
        if found is None and index is not None:
            found = self._by_index.get(index)
            if found is not None and (found.whole or (begins and found.begun)):
                found = None
        if found is None and index is None and identity is None:
            found = self._last(item)
        if found is not None and found.item.get("type") != item.get("type"):
            found = None  # one place for two things of different kinds
        return found or self._make(index, identity, item)

    def _last(self, item: Item) -> OpenItem | None:
        for found in reversed(self._items):
            if not found.whole and found.item.get("type") == item.get("type"):
                return found
        return None

    def _make(self, index: int | None, identity: str | None, item: Item) -> OpenItem:
        invented_id = item_id("call", self._id, len(self._items))
        made = open_item(item.get("type"), self.parts, invented_id)
        self._items.append(made)
        if index is not None:
            self._by_index[index] = made
        if identity is not None and identity not in self._by_id:
            self._by_id[identity] = made
            made.item["id"] = identity
        return made

    def _counterpart(self, number: int, item: Item) -> OpenItem:
        """Find what of the whole answer's items has been told: by id, by number, or by kind."""
        identity = item.get("id")
        found = self._by_id.get(identity) if isinstance(identity, str) else None
        if found is None:
            found = self._by_index.get(number)
        if found is None and not self._by_index:
            kind = item.get("type")
            alike = (k for k in self._items if not k.whole and k.item.get("type") == kind)
            found = next(alike, None)
        return found or self._make(None, None, item)


def _number(data: Data, name: str) -> int:
    """Get a place in a list; servers that know but one do not number it."""
    number = data.get(name)
    return number if type(number) is int else 0


def _delta(data: Data) -> str:
    delta = data.get("delta")
    return delta if isinstance(delta, str) else ""


_TAKES: dict[str, Callable[[AnswerReader, Data, list[Event]], None]] = {
    "response.output_item.added": AnswerReader._item_added,
    "response.output_item.done": AnswerReader._item_done,
    "response.output_text.delta": AnswerReader._text,
    "response.output_text.annotation.added": AnswerReader._annotation,
    "response.refusal.delta": AnswerReader._refusal,
    "response.reasoning_summary_text.delta": AnswerReader._summary,
    "response.reasoning_text.delta": AnswerReader._reasoning,
    "response.function_call_arguments.delta": AnswerReader._arguments,
    "response.custom_tool_call_input.delta": AnswerReader._input,
}
