"""Streamed answers, written: strictly what the official clients read.

Law: blocks come strictly one after another, numbered without gaps. Events of parts that are open
at the same time wait until the block before them is whole. After an error nothing is closed and
nothing ends: an answer that broke off must not look complete.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.errors import DragomanError, ServerError
from dragoman.types.event import Event, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.wire.anthropic_messages.answer_writer import AnswerWriter
from dragoman.wire.anthropic_messages.block_writer import BlockWriter
from dragoman.wire.anthropic_messages.errors import error_value
from dragoman.wire.anthropic_messages.schema import NAME, own
from dragoman.wire.anthropic_messages.usage import render_usage
from dragoman.wire.beside import foreign_beside
from dragoman.wire.json_text import encode
from dragoman.wire.openai_fields import kin_tier
from dragoman.wire.sse import render_frame

PING = b'event: ping\ndata: {"type":"ping"}\n\n'

_PartEvent = PartStart | PartDelta | PartEnd


class MessagesRenderer:
    """Writes one streamed answer. `request_id`: what the client knows its request by."""

    def __init__(self, model: str, request_id: str | None = None) -> None:
        self.warnings: list[str] = []
        self._request_id = request_id
        self._model = model
        self._answer = AnswerWriter()
        self._next = 0  # the number of the next block
        self._current: int | None = None  # the part whose block is being written
        self._writer: BlockWriter | None = None
        self._waiting: dict[int, list[_PartEvent]] = {}

    def render(self, event: Event) -> bytes:
        """Render one event; empty when this format says nothing for it, or not yet."""
        if isinstance(event, PartDelta | PartStart | PartEnd):
            return self._part(event)
        if isinstance(event, Start):
            return self._start(event)
        if isinstance(event, Finish):
            return self._finish(event)
        return self._error(event.error)

    def _part(self, event: _PartEvent) -> bytes:
        if self._current is None:
            self._current = event.index
        elif event.index != self._current:
            self._waiting.setdefault(event.index, []).append(event)
            return b""
        return self._write(event) + self._write_waiting()

    def _write_waiting(self) -> bytes:
        """Write the parts whose turn has come, up to the first that is still open."""
        written = b""
        while self._current is None and self._waiting:
            index = self._current = next(iter(self._waiting))
            for event in self._waiting.pop(index):
                written += self._write(event)
        return written

    def _write(self, event: _PartEvent) -> bytes:
        """Write an event of the current part."""
        if isinstance(event, PartStart):
            self._writer = BlockWriter(self._next, event.part, self._answer, self._warn)
            return self._writer.start()
        if self._writer is None:
            return b""
        if isinstance(event, PartDelta):
            return self._writer.add(event)
        written = self._writer.end(event.part)
        self._next += self._writer.written
        self._writer = None
        self._current = None
        return written

    def _start(self, event: Start) -> bytes:
        message: dict[str, Any] = {
            "id": event.id or "msg_0",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": render_usage(event.usage),
        }
        return render_named({"type": "message_start", "message": message}) + PING

    def _finish(self, event: Finish) -> bytes:
        for sentence in foreign_beside(event.meta, NAME):
            self._warn(sentence)
        fields = dict(own(event.meta))
        more_usage = fields.pop("more_usage", None) or kin_tier(event.meta, self._warn)
        usage = render_usage(event.usage, more_usage)
        details = fields.get("stop_details")
        ending = self._answer.ending(
            event.reason, event.raw_reason, event.stop_sequence, details, self._warn
        )
        if ending["stop_reason"] is None:
            return self._error(ServerError("the provider ended the answer with an error"))
        if (container := fields.get("container")) is not None:
            ending["container"] = container
        last = {"type": "message_delta", "delta": ending, "usage": usage}
        if (managed := fields.get("context_management")) is not None:
            last["context_management"] = managed
        return render_named(last) + render_named({"type": "message_stop"})

    def _error(self, error: DragomanError) -> bytes:
        value = error_value(error)[1]
        return render_named({**value, "request_id": self._request_id or value["request_id"]})

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def render_named(data: dict[str, Any]) -> bytes:
    """Write a frame that is named for its type: clients drop those that are not."""
    return render_frame(encode(data), data["type"])
