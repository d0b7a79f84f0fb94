"""Streamed chat completions, read.

Law: `Finish` comes at `[DONE]` or the end of the body, never at the finish reason, because usage
may follow it. The end of the body without a finish reason or `[DONE]` is a truncated stream,
whatever came before.
"""

from __future__ import annotations

from dragoman.errors import ProtocolError
from dragoman.types.event import Event
from dragoman.types.provider import Dialect
from dragoman.wire.frame_parser import FrameParser
from dragoman.wire.openai_completions.answer import AnswerReader
from dragoman.wire.openai_completions.errors import find_error
from dragoman.wire.openai_completions.response import parse_response
from dragoman.wire.openai_completions.schema import decode_chunk, glance_at_content
from dragoman.wire.sse import DONE, MAX_EVENT_BYTES, Frame, SseParser


def is_usage_frame(frame: bytes) -> bool:
    """Whether a frame says usage and has no choice: what `include_usage` asks for."""
    if b'"usage"' not in frame:
        return False
    parser = SseParser()
    for found in parser.feed(frame) + parser.close():
        try:
            chunk = decode_chunk(found.data)
        except ValueError:
            return False
        return chunk.choices == [] and isinstance(chunk.usage, dict) and not chunk.error
    return False


class CompletionsParser(FrameParser):
    """Reads one streamed answer.

    With `meter`, frames that only add to the content are counted and hardly looked at: events are
    then right about `Start`, the first content, `Finish` and `Failure`, and what the parts hold is
    left out.
    """

    def __init__(
        self, dialect: Dialect, *, meter: bool = False, max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        super().__init__(lambda body: parse_response(body, dialect), max_event_bytes)
        self._meter = meter
        self._answer = AnswerReader(dialect)

    def _take(self, frame: Frame, events: list[Event]) -> bool:
        """Take a frame; tell whether it was the last."""
        data = frame.data
        if self._meter and self._answer.parts.any and not frame.event:
            added = glance_at_content(data)
            if added is not None:
                self.frames += 1
                self.unread_bytes += added
                return False
        try:
            chunk = decode_chunk(data)
        except ValueError:
            return self._take_other(frame, events)
        self.frames += 1
        choices = chunk.choices
        if chunk.error or not choices or choices[0].error or frame.event == "error":
            error = find_error(data, is_error=frame.event == "error")
            if error is not None:
                self._answer.report(chunk)
                self.usage = self._answer.usage
                return self._fail(error, events)
        self._answer.take(chunk, events)
        self.usage = self._answer.usage
        return False

    def _take_other(self, frame: Frame, events: list[Event]) -> bool:
        """Take a frame whose data is not a JSON object."""
        data = frame.data.strip()
        if data == DONE:
            self.frames += 1
            if self._answer.started:
                return self._finish(events)
            nothing = ProtocolError("the upstream ended its stream without an answer")
            return self._fail(nothing, events)
        if frame.event == "error" and (error := find_error(data, is_error=True)):
            return self._fail(error, events)
        if data and frame.event in ("", "message"):
            return self._fail_nonsense(data, events)
        return False

    def _take_end(self, events: list[Event]) -> None:
        if self._answer.raw_reason:
            self._finish(events)
        else:
            self._truncate(events)

    def _finish(self, events: list[Event]) -> bool:
        self._answer.finish(events)
        return True
