"""One content block, written as its part streams by."""

from __future__ import annotations

from typing import Any

from dragoman.types.event import PartDelta
from dragoman.types.message import Part, Reasoning, Refusal, Text, ToolCall
from dragoman.wire.anthropic_messages.answer_writer import AnswerWriter, warn_of_foreign
from dragoman.wire.anthropic_messages.content import Warn, render_call
from dragoman.wire.anthropic_messages.schema import is_beside, own
from dragoman.wire.ids import safe_id
from dragoman.wire.json_text import decode, encode, encode_text
from dragoman.wire.sse import render_frame

_DELTAS = {
    "text": ("text_delta", "text"),
    "refusal": ("text_delta", "text"),
    "reasoning": ("thinking_delta", "thinking"),
}

_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": ""},
    "refusal": {"type": "text", "text": ""},
    "reasoning": {"type": "thinking", "thinking": "", "signature": ""},
}
"""A block before it says anything, by the kind of what it will say."""


class BlockWriter:
    """Writes one block. `written` tells whether there has been one: 1 or 0.

    A block of text begins with its first words, because clients can't send an empty one back.
    Arguments that do not begin as an object wait for their end: clients would fail to read them.
    """

    __slots__ = ("_answer", "_cited", "_flows", "_held", "_number", "_part", "_warn", "written")

    def __init__(self, number: int, part: Part, answer: AnswerWriter, warn: Warn) -> None:
        self.written = 0
        self._number = number
        self._part = part
        self._answer = answer
        self._warn = warn
        self._cited = 0
        self._flows = False  # arguments go on as they come
        self._held = ""

    def start(self) -> bytes:
        """Open the block, where it is known what it is."""
        part = self._part
        if isinstance(part, ToolCall):
            block = {"type": "tool_use", "id": safe_id(part.id, "toolu_"), "name": part.name}
            return self._open({**block, "input": {}, **own(part.meta)})
        return b""

    def add(self, delta: PartDelta) -> bytes:
        """Write more of the block."""
        if delta.kind == "tool_call":
            return self._add_arguments(delta.text)
        if isinstance(self._part, Refusal) and is_beside(self._part):
            return b""
        citations = own(delta.meta).get("citations") if delta.meta else None
        return self._say(delta.kind, delta.text) + self._cite(citations or ())

    def end(self, part: Part) -> bytes:
        """Write what only the whole part tells, and close the block."""
        written = b""
        if isinstance(part, ToolCall):
            written = self._last_arguments(part)
        elif isinstance(part, Text):
            written = self._cite((own(part.meta).get("citations") or [])[self._cited :])
            warn_of_foreign(part, self._warn)
        elif isinstance(part, Refusal):
            self._answer.refuse(part)
        else:
            written = self._whole(part)
        return written + self._stop()

    def _whole(self, part: Part) -> bytes:
        """Write a thought's signature, or a block that comes in one piece."""
        block = self._answer.block(part, self._warn)
        if block is None:
            return b""
        if isinstance(part, Reasoning) and block["type"] == "thinking":
            begun = b"" if self.written else self._open(_EMPTY["reasoning"])
            return begun + self._delta("signature_delta", "signature", block["signature"])
        if isinstance(part, Reasoning):
            return self._open(block)
        return self._open_with_input(decode(bytes(block)))

    def _open_with_input(self, block: Any) -> bytes:
        """Open a block that we do not model: its input, if it has one, comes as a delta."""
        value = block.get("input")
        if not isinstance(value, dict) or not value:
            return self._open(block)
        text = encode_text(value)
        return self._open({**block, "input": {}}) + self._delta(
            "input_json_delta", "partial_json", text
        )

    def _say(self, kind: str, text: str) -> bytes:
        if not text:
            return b""
        begun = b"" if self.written else self._open(_EMPTY[kind])
        return begun + self._delta(*_DELTAS[kind], text)

    def _cite(self, citations: Any) -> bytes:
        written = b""
        for citation in citations:
            if not self.written:
                written += self._open(_EMPTY["text"])
            self._cited += 1
            written += self._delta("citations_delta", "citation", citation)
        return written

    def _add_arguments(self, text: str) -> bytes:
        if not self._flows:
            self._held += text
            text = self._held.lstrip()
            if not text.startswith("{"):
                return b""
            self._flows = True
        return self._delta("input_json_delta", "partial_json", text) if text else b""

    def _last_arguments(self, call: ToolCall) -> bytes:
        if self._flows:
            return b""
        value = render_call(call, "", self._warn)["input"]
        return self._delta("input_json_delta", "partial_json", encode_text(value))

    def _open(self, block: dict[str, Any]) -> bytes:
        self.written = 1
        return self._frame("content_block_start", "content_block", block)

    def _delta(self, kind: str, field: str, value: Any) -> bytes:
        return self._frame("content_block_delta", "delta", {"type": kind, field: value})

    def _stop(self) -> bytes:
        if not self.written:
            return b""
        data = {"type": "content_block_stop", "index": self._number}
        return render_frame(encode(data), "content_block_stop")

    def _frame(self, kind: str, field: str, value: dict[str, Any]) -> bytes:
        return render_frame(encode({"type": kind, "index": self._number, field: value}), kind)
