"""A wire format around another: what it does not change is the inner format's.

Such a format serves one attempt, and may remember what was asked. Nothing is relayed through it:
whoever compares formats sees another one, and translates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from dragoman.errors import DragomanError, UpstreamError
from dragoman.types.completion import Completion
from dragoman.types.event import Event
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.types.usage import Usage
from dragoman.wire.base import (
    EmbeddingFormat,
    Measured,
    Rendered,
    StreamParser,
    StreamRenderer,
    WireFormat,
)


class Wrapped:
    """The format `inner`, whichever it is; see `dragoman.wire.base.WireFormat`."""

    def __init__(self, inner: WireFormat) -> None:
        self.inner = inner
        self.name = inner.name
        self.path = inner.path
        self.auth = inner.auth
        self.headers: Headers = inner.headers
        self.needs_max_tokens = inner.needs_max_tokens
        self.lengths = inner.lengths
        self.asks_for_usage = inner.asks_for_usage
        self.ping = inner.ping
        self.neighbours = inner.neighbours
        self.embeddings: EmbeddingFormat | None = inner.embeddings
        self.forwarded = inner.forwarded

    def parse_request(self, body: bytes) -> ChatRequest:
        """As the inner format."""
        return self.inner.parse_request(body)

    def render_request(self, request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
        """As the inner format."""
        return self.inner.render_request(request, model, dialect)

    def parse_response(self, body: bytes, dialect: Dialect) -> Completion:
        """As the inner format."""
        return self.inner.parse_response(body, dialect)

    def measure_response(self, body: bytes, dialect: Dialect) -> Measured | None:
        """Never measured: what is said must be read."""
        del body, dialect
        return None

    def render_response(
        self, completion: Completion, request: ChatRequest | None = None
    ) -> Rendered:
        """As the inner format."""
        return self.inner.render_response(completion, request)

    def parse_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """As the inner format."""
        return self.inner.parse_error(status, headers, body)

    def render_error(self, error: DragomanError) -> tuple[int, bytes]:
        """As the inner format."""
        return self.inner.render_error(error)

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> StreamParser:
        """As the inner format; never a meter alone."""
        del meter
        return self.inner.stream_parser(dialect)

    def is_usage_frame(self, frame: bytes) -> bool:
        """As the inner format."""
        return self.inner.is_usage_frame(frame)

    def stream_renderer(
        self,
        model: str,
        include_usage: bool = True,
        request: ChatRequest | None = None,
        request_id: str | None = None,
    ) -> StreamRenderer:
        """As the inner format."""
        return self.inner.stream_renderer(model, include_usage, request, request_id)


class WrappedParser(ABC):
    """Reads a stream through the inner format's parser, and changes its events.

    `holds`: content has come that is held back until more is known of it. Silence is then timed
    as it is between pieces of content.
    """

    def __init__(self, inner: StreamParser) -> None:
        self._inner = inner
        self.holds = False
        self.unread_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        return self._inner.usage

    @usage.setter
    def usage(self, value: Usage | None) -> None:
        self._inner.usage = value

    @property
    def frames(self) -> int:
        """How much the upstream has said."""
        return self._inner.frames

    @frames.setter
    def frames(self, value: int) -> None:
        self._inner.frames = value

    @abstractmethod
    def _changed(self, events: list[Event]) -> list[Event]:
        """Change some events. Never raises."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes."""
        events = self._inner.feed(chunk)
        return self._changed(events) if events else events

    def close(self) -> list[Event]:
        """Say that the body has ended."""
        return self._changed(self._inner.close())
