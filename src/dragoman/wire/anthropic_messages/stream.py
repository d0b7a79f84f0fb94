"""Streamed answers, read.

Law: `message_stop` ends an answer. The end of the body without it is a truncated stream, unless a
stop reason has been said: then nothing but the last frame is missing. Usage in `message_delta`
replaces what `message_start` said, figure by figure.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.errors import ProtocolError
from dragoman.types.event import Event, Finish, PartDelta, PartEnd, Start
from dragoman.types.message import Text
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.anthropic_messages.blocks import parse_blocks, refusal_part
from dragoman.wire.anthropic_messages.errors import find_error
from dragoman.wire.anthropic_messages.open_block import OpenBlock
from dragoman.wire.anthropic_messages.response import answer_meta, made_up_id, parse_response
from dragoman.wire.anthropic_messages.schema import finish_reason, kind_of
from dragoman.wire.anthropic_messages.usage import merge_usage, parse_usage
from dragoman.wire.frame_parser import FrameParser
from dragoman.wire.ids import original_id
from dragoman.wire.json_text import decode, mend_surrogates, utf8_size
from dragoman.wire.parts import OpenParts
from dragoman.wire.sse import DONE, MAX_EVENT_BYTES, Frame
from dragoman.wire.tokens import doubts


class _DeltaGlance(Struct, gc=False):
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Glance(Struct, gc=False):
    """What a frame adds to the content."""

    delta: _DeltaGlance


_glance = msgspec.json.Decoder(_Glance).decode


class MessagesParser(FrameParser):
    """Reads one streamed answer.

    With `meter`, frames that only add to the content are counted and not decoded.
    """

    def __init__(
        self, dialect: Dialect, *, meter: bool = False, max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        super().__init__(partial(parse_response, dialect=dialect), max_event_bytes)
        self._meter = meter
        self._content = False
        self._parts = OpenParts()
        self._blocks: dict[Any, OpenBlock] = {}  # open ones, by their index in the content
        self._started = False
        self._calls = 0
        self._last_text = ""
        self._head: dict[str, Any] = {}
        self._end: dict[str, Any] = {}
        self._reported: dict[str, Any] = {}
        self._is_settled = False

    @property
    def _charged(self) -> Usage | None:
        """See `FrameParser`: what `message_start` says is a placeholder."""
        return self.usage if self._is_settled else None

    def _take(self, frame: Frame, events: list[Event]) -> bool:
        if self._content and self._meter and frame.event == "content_block_delta":
            self.frames += 1
            self.unread_bytes += _added_bytes(frame.data)
            return False
        try:
            data = decode(frame.data)
        except ValueError:
            return self._take_other(frame, events)
        if not isinstance(data, dict):
            return False
        kind = kind_of(data) or frame.event
        if kind == "ping":
            return False
        self.frames += 1
        if kind == "error" or (data.get("error") and kind not in _FRAMES):
            error = find_error(frame.data, is_error=True)
            if error is not None:
                self._settle(data.get("usage"))
                return self._fail(error, events)
        take = _FRAMES.get(kind)
        ended = take(self, data, events) if take is not None else False
        if self._meter and not self._content:
            self._content = any(isinstance(event, PartDelta) and event.text for event in events)
        return ended

    def _take_other(self, frame: Frame, events: list[Event]) -> bool:
        """Take a frame whose data is not JSON."""
        data = frame.data.strip()
        if data == DONE:  # some servers that translate end all streams so
            self._take_end(events)
            return True
        if frame.event == "error" and (error := find_error(data, is_error=True)):
            return self._fail(error, events)
        return self._fail_nonsense(data, events) if data else False

    def _take_end(self, events: list[Event]) -> None:
        if self._end.get("stop_reason"):
            self._finish(events)
        else:
            self._truncate(events)

    def _begin(self, data: dict[str, Any], events: list[Event]) -> bool:
        message = data.get("message")
        if not isinstance(message, dict) or self._started:
            return False
        self._started = True
        self._head = message
        self._report(message.get("usage"))
        events.append(Start(_text(message, "id"), _text(message, "model"), None, self.usage))
        for part in parse_blocks(message.get("content")):
            self._parts.whole(part, events)
        return False

    def _begin_anyhow(self, events: list[Event]) -> None:
        """Go on without a `message_start`."""
        if not self._started:
            self._started = True
            events.append(Start())

    def _open(self, data: dict[str, Any], events: list[Event]) -> bool:
        block, index = data.get("content_block"), _index(data)
        if not isinstance(block, dict):
            return False
        self._begin_anyhow(events)
        if index in self._blocks:
            self._close_open(self._blocks.pop(index), events)
        self._calls += kind_of(block) == "tool_use"
        call_id = original_id(_text(block, "id") or "") or made_up_id(
            _text(self._head, "id"), self._calls
        )
        self._blocks[index] = OpenBlock(block, call_id, self._parts, events)
        return False

    def _add(self, data: dict[str, Any], events: list[Event]) -> bool:
        delta, index = data.get("delta"), _index(data)
        if not isinstance(delta, dict):
            return False
        if index not in self._blocks:
            if (kind := _OPENED_BY.get(kind_of(delta))) is None:
                return False
            self._open({"index": index, "content_block": {"type": kind}}, events)
        self._blocks[index].add(delta, events)
        return False

    def _close_block(self, data: dict[str, Any], events: list[Event]) -> bool:
        if (block := self._blocks.pop(_index(data), None)) is not None:
            self._close_open(block, events)
        return False

    def _close_open(self, block: OpenBlock, events: list[Event]) -> None:
        block.close(events)
        self._last_text = ""
        if events and isinstance(end := events[-1], PartEnd) and isinstance(end.part, Text):
            self._last_text = end.part.text

    def _update(self, data: dict[str, Any], events: list[Event]) -> bool:
        """Take `message_delta`: how the answer ended, and the last word about usage."""
        del events  # said at the end
        delta = data.get("delta")
        for source in (delta if isinstance(delta, dict) else {}, data):
            for name, value in source.items():
                if value is not None and name not in ("type", "delta", "usage"):
                    self._end[name] = value
        self._settle(data.get("usage"))
        return False

    def _stop(self, data: dict[str, Any], events: list[Event]) -> bool:
        del data
        return self._finish(events)

    def _finish(self, events: list[Event]) -> bool:
        if not self._started:
            nothing = ProtocolError("the upstream ended its stream without an answer")
            return self._fail(nothing, events)
        for block in self._blocks.values():
            self._close_open(block, events)
        raw = _text(self._end, "stop_reason")
        if raw == "refusal":
            refusal = refusal_part(self._end.get("stop_details"), self._last_text)
            if refusal is not None:
                self._parts.whole(refusal, events)
        self._parts.close(events)
        events.append(
            Finish(
                finish_reason(raw, self._calls > 0),
                raw,
                self.usage,
                _text(self._end, "stop_sequence"),
                answer_meta(self._head | self._end, self._reported),
                doubts(self.usage),
            )
        )
        return True

    def _settle(self, usage: Any) -> None:
        """Take what is no placeholder any more."""
        self._report(usage)
        self._is_settled |= isinstance(usage, dict)

    def _report(self, usage: Any) -> None:
        self._reported = merge_usage(self._reported, usage)
        self.usage = parse_usage(self._reported)


_FRAMES: dict[str, Callable[[MessagesParser, dict[str, Any], list[Event]], bool]] = {
    "message_start": MessagesParser._begin,
    "content_block_start": MessagesParser._open,
    "content_block_delta": MessagesParser._add,
    "content_block_stop": MessagesParser._close_block,
    "message_delta": MessagesParser._update,
    "message_stop": MessagesParser._stop,
}

_OPENED_BY = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
}
"""Which block a delta belongs to when none has been opened for it."""


def _added_bytes(data: bytes) -> int:
    try:
        delta = _glance(data).delta
    except (ValueError, RecursionError):
        return 0  # it is handed on all the same
    return utf8_size(delta.text or delta.thinking or delta.partial_json)


def _index(data: dict[str, Any]) -> Any:
    index = data.get("index")
    return index if isinstance(index, int | str) else 0


def _text(value: dict[str, Any], name: str) -> str | None:
    found = value.get(name)
    return mend_surrogates(found) if isinstance(found, str) and found else None
