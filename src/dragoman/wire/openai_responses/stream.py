"""Streamed answers, read.

Law: `response.completed` or `response.incomplete` ends an answer, `response.failed` and `error`
break it off. The end of the body without one of them is a truncated stream.

Source: https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11)
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.types.event import Event, PartDelta
from dragoman.types.provider import Dialect
from dragoman.wire.frame_parser import FrameParser
from dragoman.wire.json_text import decode, utf8_size
from dragoman.wire.openai_responses.answer import AnswerReader
from dragoman.wire.openai_responses.errors import find_error, find_failure
from dragoman.wire.openai_responses.response import parse_response
from dragoman.wire.sse import DONE, MAX_EVENT_BYTES, Frame

_BEGINS = frozenset({"response.created", "response.in_progress", "response.queued"})
_ENDS = frozenset(
    {
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
        "response.done",
    }
)
_ERROR = frozenset({"error", "response.error"})


class _Glance(Struct, gc=False):
    """What a frame adds to the content."""

    delta: str = ""


_glance = msgspec.json.Decoder(_Glance).decode


class ResponsesParser(FrameParser):
    """Reads one streamed answer.

    With `meter`, frames that only add to the content are counted and not decoded.
    """

    def __init__(
        self, dialect: Dialect, *, meter: bool = False, max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        self._answer = AnswerReader(dialect)
        self._meter = meter
        self._content = False
        super().__init__(partial(parse_response, dialect=dialect), max_event_bytes)

    def _take(self, frame: Frame, events: list[Event]) -> bool:
        if self._content and frame.event.endswith(".delta"):
            self.frames += 1
            self.unread_bytes += _added_bytes(frame.data)
            return False
        try:
            data = decode(frame.data)
        except ValueError:
            return self._take_other(frame, events)
        if not isinstance(data, dict):
            return self._fail_nonsense(frame.data, events)
        kind = data.get("type") or frame.event
        if not isinstance(kind, str) or kind == "ping":
            return False
        self.frames += 1
        if kind in _ERROR or (data.get("error") and not kind.startswith("response.")):
            error = find_error(frame.data, is_error=True)
            if error is not None:
                self._report(data)
                return self._fail(error, events)
        if kind in _BEGINS or kind in _ENDS:
            return self._take_response(kind, data, frame.data, events)
        self._answer.take(kind, data, events)
        if self._meter and not self._content:
            self._content = any(isinstance(event, PartDelta) and event.text for event in events)
        return False

    def _take_response(
        self, kind: str, data: dict[str, Any], raw: bytes, events: list[Event]
    ) -> bool:
        """Take an event that holds the answer as it stands."""
        response = self._report(data)
        if kind in _BEGINS:
            self._answer.begin(response, events)
            return False
        status = _STATUS.get(kind, response.get("status"))
        response = {**response, "status": status}
        if failure := find_failure(response, raw):
            return self._fail(failure, events)
        self._answer.finish(response, events)
        return True

    def _report(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take what an event says of usage; return the answer that it holds, empty without one."""
        response = data.get("response")
        response = response if isinstance(response, dict) else {}
        for source in (data, response):
            self._answer.report(source)
        self.usage = self._answer.usage
        return response

    def _take_other(self, frame: Frame, events: list[Event]) -> bool:
        """Take a frame whose data is not JSON."""
        data = frame.data.strip()
        if data == DONE:  # some servers that translate end all streams so
            return self._truncate(events)
        if frame.event == "error" and (error := find_error(data, is_error=True)):
            return self._fail(error, events)
        return self._fail_nonsense(data, events) if data else False

    def _take_end(self, events: list[Event]) -> None:
        self._truncate(events)


_STATUS = {
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
"""What an event says of the answer by its name alone."""


def _added_bytes(data: bytes) -> int:
    try:
        return utf8_size(_glance(data).delta)
    except (ValueError, RecursionError):
        return 0  # it is handed on all the same
