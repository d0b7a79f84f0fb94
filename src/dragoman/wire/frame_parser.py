"""What all parsers of streamed answers do alike, whatever their frames mean.

Law: a body that is one JSON document instead of a stream is read whole at its end, and a web page
is a failure at its first byte. Nothing comes after `Finish` or `Failure`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from dragoman.errors import DragomanError, ProtocolError, StreamTruncated
from dragoman.types.completion import Completion
from dragoman.types.event import Event, Failure
from dragoman.types.usage import Usage
from dragoman.wire.error_body import one_line, web_page_error
from dragoman.wire.sse import MAX_EVENT_BYTES, Frame, SseParser
from dragoman.wire.whole import events_of

_BLANK = b" \t\r\n\xef\xbb\xbf"


class FrameParser(ABC):
    """Reads one streamed answer; a format says in `_take` what a frame means.

    `parse_whole` reads a whole answer and may raise DragomanError.
    """

    def __init__(
        self, parse_whole: Callable[[bytes], Completion], max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        self.frames = 0
        self.unread_bytes = 0
        self.usage: Usage | None = None
        self._parse_whole = parse_whole
        self._max = max_event_bytes
        self._sse = SseParser(max_event_bytes)
        self._document: bytearray | None = None
        self._sniffed = False
        self._ended = False

    @abstractmethod
    def _take(self, frame: Frame, events: list[Event]) -> bool:
        """Take a frame; tell whether it was the last. Never raises."""

    @abstractmethod
    def _take_end(self, events: list[Event]) -> None:
        """The body has ended, and no frame said so: `_finish` or `_truncate`."""

    @property
    def _charged(self) -> Usage | None:
        """What the provider says that it charges, should no answer come of it."""
        return self.usage

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Never raises."""
        events: list[Event] = []
        if self._ended:
            return events
        if not self._sniffed:
            self._sniff(chunk, events)
            if events:
                return events
        if self._document is not None:
            self._add_to_document(chunk, events)
            return events
        for frame in self._sse.feed(chunk):
            if self._take(frame, events):
                self._ended = True
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
                self._ended = True
                return events
        self._take_end(events)
        self._ended = True
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
        document = self._document
        if document is None:
            return
        document += chunk
        if len(document) > self._max:
            self._document = bytearray()
            message = f"the upstream sent a body of more than {self._max} bytes"
            self._fail(ProtocolError(message, code="body_too_long"), events)

    def _read_document(self, events: list[Event]) -> None:
        try:
            completion = self._parse_whole(bytes(self._document or b"").lstrip(_BLANK))
        except DragomanError as error:
            self.usage = error.usage
            self._fail(error, events)
            return
        self.frames += 1
        self.usage = completion.usage
        events.extend(events_of(completion))
        self._ended = True

    def _fail(self, error: DragomanError, events: list[Event]) -> bool:
        """Say that the answer broke off; usage that the error has of its own stays."""
        if error.usage is None:
            error.usage = self._charged
        events.append(Failure(error, self.usage))
        self._ended = True
        return True

    def _truncate(self, events: list[Event]) -> bool:
        """Say that the answer stopped in the middle."""
        return self._fail(StreamTruncated("the upstream ended the stream in mid-answer"), events)

    def _fail_nonsense(self, data: bytes, events: list[Event]) -> bool:
        """Say that a frame is no JSON."""
        shown = one_line(data[:80].decode("utf-8", "replace"))
        nonsense = "the upstream sent what is not JSON"
        error = ProtocolError(f"{nonsense}: {shown}")
        error.own_words = nonsense
        return self._fail(error, events)
