"""Streamed chat completions, read.

Law: `Finish` comes at `[DONE]` or the end of the body, never at the finish reason, because usage
may follow it. The end of the body without a finish reason or `[DONE]` is a truncated stream,
whatever came before.
"""

from __future__ import annotations

from dragoman.errors import DragomanError, ProtocolError, StreamTruncated
from dragoman.types.event import Event, Failure
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.error_body import one_line, web_page_error
from dragoman.wire.openai_completions.answer import AnswerReader
from dragoman.wire.openai_completions.errors import find_error
from dragoman.wire.openai_completions.schema import decode_chunk, only_adds_content
from dragoman.wire.sse import DONE, MAX_EVENT_BYTES, Frame, SseParser
from dragoman.wire.whole import events_of

_BLANK = b" \t\r\n\xef\xbb\xbf"


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


class CompletionsParser:
    """Reads one streamed answer.

    A body that is one JSON document instead of a stream is read whole at its end. With `meter`,
    frames that only add to the content are counted and not decoded: events are then right about
    `Start`, the first content, `Finish` and `Failure`, and what the parts hold is left out.
    """

    def __init__(
        self, dialect: Dialect, *, meter: bool = False, max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        self.frames = 0
        self._dialect = dialect
        self._meter = meter
        self._max = max_event_bytes
        self._sse = SseParser(max_event_bytes)
        self._answer = AnswerReader(dialect)
        self._document: bytearray | None = None
        self._sniffed = False
        self._ended = False

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        return self._answer.usage

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Never raises."""
        events: list[Event] = []
        if self._ended:
            return events
        if not self._sniffed:
            self._sniff(chunk, events)
        if self._document is not None:
            self._add_to_document(chunk, events)
            return events
        for frame in self._sse.feed(chunk):
            if self._take(frame, events):
                return events
        if self._sse.error is not None:
            self._fail(self._sse.error, events)
        return events

    def close(self) -> list[Event]:
        """Say that the body has ended."""
        events: list[Event] = []
        if self._ended:
            return events
        if self._document is not None:
            self._read_document(events)
            return events
        for frame in self._sse.close():
            if self._take(frame, events):
                return events
        if self._answer.raw_reason:
            self._finish(events)
        else:
            self._fail(StreamTruncated("the upstream ended the stream in mid-answer"), events)
        return events

    def _sniff(self, chunk: bytes, events: list[Event]) -> None:
        """Look at the first byte that is not blank: a stream, a document, or a web page?"""
        first = chunk.lstrip(_BLANK)[:1]
        self._sniffed = bool(first)
        if first in (b"{", b"["):
            self._document = bytearray()
        elif first == b"<":
            # Not the page's title: what is said must not depend on how much has come.
            self._fail(web_page_error(b""), events)

    def _add_to_document(self, chunk: bytes, events: list[Event]) -> None:
        document = self._document = (self._document or bytearray()) + chunk
        if len(document) > self._max:
            self._document = bytearray()
            message = f"the upstream sent a body of more than {self._max} bytes"
            self._fail(ProtocolError(message, code="body_too_long"), events)

    def _read_document(self, events: list[Event]) -> None:
        from dragoman.wire.openai_completions.response import parse_response

        try:
            completion = parse_response(bytes(self._document or b""), self._dialect)
        except DragomanError as error:
            self._fail(error, events)
            return
        self.frames += 1
        self._answer.usage = completion.usage
        events.extend(events_of(completion))
        self._ended = True

    def _take(self, frame: Frame, events: list[Event]) -> bool:
        """Take a frame; tell whether it was the last."""
        data = frame.data
        if self._meter and self._answer.parts.any and not frame.event and only_adds_content(data):
            self.frames += 1
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
                return self._fail(error, events)
        self._answer.take(chunk, events)
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
            shown = one_line(data[:80].decode("utf-8", "replace"))
            nonsense = ProtocolError(f"the upstream sent what is not JSON: {shown}")
            return self._fail(nonsense, events)
        return False

    def _finish(self, events: list[Event]) -> bool:
        self._answer.finish(events)
        self._ended = True
        return True

    def _fail(self, error: DragomanError, events: list[Event]) -> bool:
        events.append(Failure(error, self.usage))
        self._ended = True
        return True
