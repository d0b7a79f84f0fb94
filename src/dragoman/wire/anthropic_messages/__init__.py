"""Anthropic's Messages API: the language of Claude, and of what wants to be called like it."""

from __future__ import annotations

from types import MappingProxyType

from dragoman.errors import DragomanError, UpstreamError
from dragoman.types.completion import Completion
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.anthropic_messages.errors import parse_error, render_error
from dragoman.wire.anthropic_messages.measure import measure_response
from dragoman.wire.anthropic_messages.renderer import MessagesRenderer
from dragoman.wire.anthropic_messages.request import parse_request, render_request
from dragoman.wire.anthropic_messages.response import parse_response, render_response
from dragoman.wire.anthropic_messages.schema import NAME, VERSION
from dragoman.wire.anthropic_messages.stream import MessagesParser
from dragoman.wire.base import EmbeddingFormat, Measured, Rendered

__all__ = ["FORMAT", "AnthropicMessages"]


class AnthropicMessages:
    """The wire format `anthropic-messages`; see `dragoman.wire.base.WireFormat`."""

    name = NAME
    path = "/messages"
    auth = "x-api-key"
    headers: Headers = MappingProxyType(
        {"content-type": "application/json", "anthropic-version": VERSION}
    )
    needs_max_tokens = True
    lengths = ("max_tokens",)
    neighbours = frozenset({"messages"})
    embeddings: EmbeddingFormat | None = None
    forwarded = ("anthropic-version", "anthropic-beta")
    asks_for_usage = False
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'

    def parse_request(self, body: bytes) -> ChatRequest:
        """Read a client's request. Raises: InvalidRequest that names the field."""
        return parse_request(body)

    def render_request(self, request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
        """Write a request for the upstream model `model`. Raises: Unsupported."""
        return render_request(request, model, dialect)

    def parse_response(self, body: bytes, dialect: Dialect) -> Completion:
        """Read a whole answer with a 2xx status. Raises: UpstreamError, ProtocolError."""
        return parse_response(body, dialect)

    def measure_response(self, body: bytes, dialect: Dialect) -> Measured | None:
        """Measure a whole answer of the usual kind without reading it."""
        del dialect
        return measure_response(body)

    def render_response(
        self, completion: Completion, request: ChatRequest | None = None
    ) -> Rendered:
        """Write a whole answer."""
        return render_response(completion, request)

    def parse_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """Classify a non-2xx answer. Never raises."""
        return parse_error(status, headers, body)

    def render_error(self, error: DragomanError) -> tuple[int, bytes]:
        """Write an error for a client: HTTP status and body."""
        return render_error(error)

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> MessagesParser:
        """Start reading a streamed answer."""
        return MessagesParser(dialect, meter=meter)

    def stream_renderer(
        self,
        model: str,
        include_usage: bool = True,
        request: ChatRequest | None = None,
        request_id: str | None = None,
    ) -> MessagesRenderer:
        """Start writing a streamed answer; usage is always told in this language."""
        del include_usage, request
        return MessagesRenderer(model, request_id)

    def is_usage_frame(self, frame: bytes) -> bool:
        """Whether a frame says usage and nothing else: none does."""
        del frame
        return False


FORMAT = AnthropicMessages()
