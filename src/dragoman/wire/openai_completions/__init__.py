"""OpenAI's chat completions: the language that nearly every server speaks."""

from __future__ import annotations

from types import MappingProxyType

from dragoman.errors import DragomanError, UpstreamError
from dragoman.types.completion import Completion
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.base import EmbeddingFormat, Measured, Rendered
from dragoman.wire.openai_completions.measure import measure_response
from dragoman.wire.openai_completions.messages import parse_messages
from dragoman.wire.openai_completions.renderer import CompletionsRenderer
from dragoman.wire.openai_completions.request import parse_request, render_request
from dragoman.wire.openai_completions.response import parse_response, render_response
from dragoman.wire.openai_completions.schema import NAME
from dragoman.wire.openai_completions.stream import CompletionsParser, is_usage_frame
from dragoman.wire.openai_errors import parse_error, render_error
from dragoman.wire.openai_headers import OPENAI_HEADERS

__all__ = ["FORMAT", "OpenAICompletions", "parse_messages"]


class OpenAICompletions:
    """The wire format `openai-completions`; see `dragoman.wire.base.WireFormat`."""

    name = NAME
    path = "/chat/completions"
    auth = "bearer"
    headers: Headers = MappingProxyType({"content-type": "application/json"})
    needs_max_tokens = False
    lengths = ("max_tokens", "max_completion_tokens")
    neighbours = frozenset(
        {"audio", "completions", "embeddings", "images", "moderations", "rerank"}
    )
    embeddings: EmbeddingFormat | None = None
    forwarded = OPENAI_HEADERS
    asks_for_usage = True
    ping = b": keep-alive\n\n"

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
        return measure_response(body, dialect)

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

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> CompletionsParser:
        """Start reading a streamed answer."""
        return CompletionsParser(dialect, meter=meter)

    def is_usage_frame(self, frame: bytes) -> bool:
        """Whether a frame is the one that `stream_options.include_usage` asks for."""
        return is_usage_frame(frame)

    def stream_renderer(
        self,
        model: str,
        include_usage: bool = True,
        request: ChatRequest | None = None,
        request_id: str | None = None,
    ) -> CompletionsRenderer:
        """Start writing a streamed answer."""
        del request, request_id  # no error has a place for it
        return CompletionsRenderer(model, include_usage)


FORMAT = OpenAICompletions()
