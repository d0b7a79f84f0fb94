"""A server that answers plainly alone: who wants a stream gets its answer as one, in one piece.

Law: such a server is never asked to stream; its answer is read whole, at the end of the body.
"""

from __future__ import annotations

from dragoman.errors import DragomanError, ProtocolError
from dragoman.types.event import Event, Failure
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.base import StreamParser, WireFormat
from dragoman.wire.whole import events_of
from dragoman.wire.wrapped import Wrapped

MAX_BYTES = 64 * 1024 * 1024


class Plain(Wrapped):
    """A format whose streams are whole answers. Requests are written with `stream` off."""

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> StreamParser:
        """Start reading a whole answer as a stream of one piece."""
        del meter
        return PlainParser(self.inner, dialect)


class PlainParser:
    """Collects a whole answer, and tells it as events; see `dragoman.wire.base.StreamParser`."""

    def __init__(self, inner: WireFormat, dialect: Dialect, max_bytes: int = MAX_BYTES) -> None:
        self.usage: Usage | None = None
        self.frames = 0
        self.unread_bytes = 0
        self._inner = inner
        self._dialect = dialect
        self._max = max_bytes
        self._body = bytearray()
        self._ended = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes."""
        if self._ended:
            return []
        self._body += chunk
        if len(self._body) <= self._max:
            return []
        message = f"the upstream sent a body of more than {self._max} bytes"
        return self._fail(ProtocolError(message, code="body_too_long"))

    def close(self) -> list[Event]:
        """Say that the body has ended: all events come now."""
        if self._ended:
            return []
        try:
            completion = self._inner.parse_response(bytes(self._body), self._dialect)
        except DragomanError as error:
            return self._fail(error)
        self._ended = True
        self._body.clear()
        self.frames += 1
        self.usage = completion.usage
        return events_of(completion)

    def _fail(self, error: DragomanError) -> list[Event]:
        self._ended = True
        self._body.clear()
        return [Failure(error)]
