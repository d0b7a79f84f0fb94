"""Reads a streamed answer through an adapter: bytes → pieces → its hook → events.

Law: as for every parser of streams, nothing is raised, and one `Finish` or `Failure` ends it. A
body that is one JSON document instead of a stream is read whole at its end, a web page is an error.
"""

from __future__ import annotations

from collections.abc import Callable

from dragoman.adapters.adapter import Adapter, has_own
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import Ask
from dragoman.adapters.frames import CUTTERS, Chunks, Piece
from dragoman.adapters.guard import call
from dragoman.errors import DragomanError, ProtocolError, StreamTruncated
from dragoman.types.event import Event
from dragoman.types.usage import Usage
from dragoman.wire.error_body import web_page_error
from dragoman.wire.sse import DONE, MAX_EVENT_BYTES

_BLANK = b" \t\r\n\xef\xbb\xbf"


class AdaptedStream:
    """See `dragoman.wire.base.StreamParser`. `read_whole` reads a body that is one document."""

    def __init__(
        self, adapter: Adapter, ask: Ask, read_whole: Callable[[bytes, Answer], None]
    ) -> None:
        self.frames = 0
        self.unread_bytes = 0
        self.usage: Usage | None = None
        self._adapter = adapter
        self._ask = ask
        self._read_whole = read_whole
        self._out = Answer()
        self._cutter = CUTTERS[adapter.framing]()
        self._document: bytearray | None = None
        self._sniffed = False
        if not has_own(adapter, "transform_stream"):
            self._document = bytearray()
            self._sniffed = True

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes."""
        if self._out.finished:
            return []
        if not self._sniffed:
            self._sniff(chunk)
        if self._document is not None:
            self._document += chunk
            if len(self._document) > MAX_EVENT_BYTES:
                message = f"the upstream sent a body of more than {MAX_EVENT_BYTES} bytes"
                self._out.fail(ProtocolError(message, code="body_too_long"))
        else:
            self._take(self._cutter.feed(chunk))
            if self._cutter.error is not None:
                self._out.fail(self._cutter.error)
        self.usage = self._out.reported
        return self._out.take()

    def close(self) -> list[Event]:
        """Say that the body has ended."""
        out = self._out
        if out.finished:
            return []
        if self._document is not None:
            self._read_document(bytes(self._document))
        else:
            self._take(self._cutter.close())
            self._end()
        if out.ending or (self._adapter.ends_with_body and self.frames):
            out.close()
        else:
            out.fail(StreamTruncated("the upstream ended the stream in mid-answer"))
        self.usage = out.reported
        return out.take()

    def _sniff(self, chunk: bytes) -> None:
        """Look at the first byte that is not blank: frames, a document, or a web page?"""
        first = chunk.lstrip(_BLANK)[:1]
        self._sniffed = bool(first)
        if isinstance(self._cutter, Chunks) or self._adapter.framing == "event-stream":
            return
        if first == b"<":
            self._out.fail(web_page_error(b""))
        elif first in (b"{", b"[") and self._adapter.framing == "sse":
            self._document = bytearray()

    def _take(self, pieces: list[Piece]) -> None:
        """Have pieces read; the last one may end the answer."""
        adapter, ask, out = self._adapter, self._ask, self._out
        for piece in pieces:
            if out.finished:
                return
            if piece.data == DONE and adapter.framing == "sse":
                if out.ending or adapter.ends_with_body or adapter.ends_with_done:
                    out.close()
                continue
            self.frames += 1
            try:
                call(ask.provider.name, adapter.transform_stream, piece, out, ask)
            except DragomanError as error:
                out.fail(error)

    def _end(self) -> None:
        """Let the adapter say what it held back."""
        if self._out.finished or not has_own(self._adapter, "end_stream"):
            return
        ask = self._ask
        try:
            call(ask.provider.name, self._adapter.end_stream, self._out, ask)
        except DragomanError as error:
            self._out.fail(error)

    def _read_document(self, body: bytes) -> None:
        self.frames += 1
        try:
            self._read_whole(body.lstrip(_BLANK), self._out)
        except DragomanError as error:
            self._out.fail(error)
