"""OpenAI's Responses API."""

from __future__ import annotations

from types import MappingProxyType

from dragoman.errors import DragomanError, UpstreamError
from dragoman.types.completion import Completion
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.base import EmbeddingFormat, Measured, Rendered
from dragoman.wire.openai_errors import parse_error, render_error
from dragoman.wire.openai_headers import OPENAI_HEADERS
from dragoman.wire.openai_responses.measure import measure_response
from dragoman.wire.openai_responses.renderer import ResponsesRenderer
from dragoman.wire.openai_responses.request import parse_request, render_request
from dragoman.wire.openai_responses.response import parse_response, render_response
from dragoman.wire.openai_responses.schema import NAME
from dragoman.wire.openai_responses.stream import ResponsesParser

__all__ = ["FORMAT", "OpenAIResponses"]


class OpenAIResponses:
    """The wire format `openai-responses`; see `dragoman.wire.base.WireFormat`."""

    name = NAME
    path = "/responses"
    auth = "bearer"
    headers: Headers = MappingProxyType({"content-type": "application/json"})
    needs_max_tokens = False
    lengths = ("max_output_tokens",)
    neighbours = frozenset({"audio", "embeddings", "images", "moderations", "rerank", "responses"})
    embeddings: EmbeddingFormat | None = None
    forwarded = OPENAI_HEADERS
    asks_for_usage = False
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
        """Write a whole answer, which repeats some of its request."""
        return render_response(completion, request)

    def parse_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """Classify a non-2xx answer. Never raises."""
        return parse_error(status, headers, body)

    def render_error(self, error: DragomanError) -> tuple[int, bytes]:
        """Write an error for a client: HTTP status and body."""
        return render_error(error)

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> ResponsesParser:
        """Start reading a streamed answer."""
        return ResponsesParser(dialect, meter=meter)

    def is_usage_frame(self, frame: bytes) -> bool:
        """Whether a frame says usage alone: none does, and nobody need ask for it."""
        del frame
        return False

    def stream_renderer(
        self,
        model: str,
        include_usage: bool = True,
        request: ChatRequest | None = None,
        request_id: str | None = None,
    ) -> ResponsesRenderer:
        """Start writing a streamed answer."""
        del include_usage, request_id  # the one is always there, the other in no error
        return ResponsesRenderer(model, request)


FORMAT = OpenAIResponses()
