"""A content block that is being streamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from dragoman.types.event import Event
from dragoman.types.message import Reasoning, Text
from dragoman.wire.anthropic_messages.blocks import (
    call_meta,
    cited_pages,
    input_text,
    parse_block,
    string,
    text_meta,
    thinking_meta,
)
from dragoman.wire.anthropic_messages.schema import NAME, Block, kind_of
from dragoman.wire.json_text import SurrogateJoiner, decode, encode_text, mended
from dragoman.wire.parts import OpenCall, OpenParts, TextKind


class OpenBlock:
    """Collects one block; every method appends to the list of events that it is given.

    Text, thinking and tool calls become events as they come. Any other block becomes a part when
    it is whole: nobody can use half of it.
    """

    __slots__ = ("_block", "_call", "_input", "_kind", "_parts", "_surrogates")

    def __init__(self, block: Block, call_id: str, parts: OpenParts, events: list[Event]) -> None:
        self._block = dict(block)
        self._kind = kind_of(block)
        self._parts = parts
        self._input: list[str] = []  # pieces of `input`, as JSON text
        self._call: OpenCall | None = None
        self._surrogates = SurrogateJoiner()
        parts.close_text(events)
        if self._kind == "tool_use":
            self._call = parts.open_call(call_id, string(block, "name"), events, call_meta(block))
        elif self._kind in _SAID:
            kind, field = _SAID[self._kind]
            self._say(kind, self._block.pop(field, None), events)

    def add(self, delta: dict[str, Any], events: list[Event]) -> None:
        """Take a delta. One of an unknown kind sets fields of the block."""
        take = _DELTAS.get(kind_of(delta))
        if take is not None:
            take(self, delta, events)
        else:
            self._block.update((key, item) for key, item in delta.items() if key != "type")

    def close(self, events: list[Event]) -> None:
        """Say that the block is whole."""
        if rest := self._surrogates.close():
            self._add_text(rest, events)
        if self._call is not None:
            if not self._input:
                self._parts.add_arguments(self._call, input_text(self._block.get("input")), events)
            self._parts.close_call(self._call, events)
        elif self._kind == "text":
            self._close_text("text", text_meta(self._block), events)
        elif self._kind == "thinking":
            self._close_text("reasoning", thinking_meta(self._block), events)
        else:
            if self._input:
                self._block["input"] = _json_value("".join(self._input))
            if (part := parse_block(self._block)) is not None:
                self._parts.whole(part, events)

    def _close_text(self, kind: TextKind, meta: Any, events: list[Event]) -> None:
        if self._parts.kind == kind:
            if meta:
                self._parts.set_meta(meta)
            if self._block.get("citations"):
                self._parts.citations = cited_pages(self._block, self._parts.open_text_so_far)
            self._parts.close_text(events)
        elif meta:
            self._parts.whole(Text("", meta) if kind == "text" else Reasoning("", meta), events)

    def _text_delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        self._say("text", delta.get("text"), events)

    def _thinking_delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        self._say("reasoning", delta.get("thinking"), events)

    def _signature_delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        del events  # the whole part tells it
        self._block["signature"] = delta.get("signature")

    def _citations_delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        citation = mended(delta.get("citation"))
        self._block["citations"] = [*(self._block.get("citations") or ()), citation]
        self._parts.add("text", "", events, {NAME: {"citations": [citation]}})

    def _input_json_delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        piece = delta.get("partial_json")
        if isinstance(piece, dict):
            piece = encode_text(piece)
        if isinstance(piece, str) and piece and (text := self._surrogates.feed(piece)):
            self._add_text(text, events)

    def _add_text(self, text: str, events: list[Event]) -> None:
        """Add to what this block holds: arguments, or what it says."""
        if self._kind in _SAID:
            self._parts.add(_SAID[self._kind][0], text, events)
            return
        self._input.append(text)
        if self._call is not None:
            self._parts.add_arguments(self._call, text, events)

    def _say(self, kind: TextKind, text: Any, events: list[Event]) -> None:
        if isinstance(text, str) and text and (text := self._surrogates.feed(text)):
            self._parts.add(kind, text, events)


_SAID: dict[str, tuple[TextKind, str]] = {
    "text": ("text", "text"),
    "thinking": ("reasoning", "thinking"),
}

_DELTAS: dict[str, Callable[[OpenBlock, dict[str, Any], list[Event]], None]] = {
    "text_delta": OpenBlock._text_delta,
    "thinking_delta": OpenBlock._thinking_delta,
    "signature_delta": OpenBlock._signature_delta,
    "citations_delta": OpenBlock._citations_delta,
    "input_json_delta": OpenBlock._input_json_delta,
}


def _json_value(text: str) -> Any:
    """Take JSON text verbatim; what is none is kept as text."""
    try:
        decode(text.encode("utf-8", "replace"))
        return msgspec.Raw(text.encode())
    except ValueError:
        return {"invalid_json": text}
