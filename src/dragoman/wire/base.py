"""What a wire format is: pure bytes ↔ vocabulary. No socket, clock, configuration or provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from dragoman.errors import DragomanError, UpstreamError
from dragoman.types.completion import Completion
from dragoman.types.embedding import Embeddings
from dragoman.types.event import Event, FinishReason
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.types.usage import Usage


class Rendered(Struct, frozen=True):
    """A request's or answer's body, and what this format or dialect could not say, in sentences."""

    body: bytes
    warnings: tuple[str, ...] = ()


class Measured(Struct, frozen=True):
    """What is measured of a whole answer that is handed on as it came."""

    finish_reason: FinishReason
    usage: Usage
    model: str | None


class StreamParser(Protocol):
    """Bytes of a streamed answer → events. What comes out never depends on chunk boundaries.

    After `Finish` or `Failure` both methods return nothing more.
    """

    usage: Usage | None
    """What has been reported so far: all there is when a stream is closed half-way."""
    frames: int
    """Frames that said something so far; comments and pings do not count."""
    unread_bytes: int
    """How much content stood in frames that were only metered: bytes of UTF-8, for an estimate."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Never raises: what is broken becomes a `Failure`."""
        ...

    def close(self) -> list[Event]:
        """Say that the body has ended: yields the rest, and `Finish` or `Failure` at the latest."""
        ...


class StreamRenderer(Protocol):
    """Events → bytes of a streamed answer in this format.

    Has neither clock nor chance: the caller fills in `Start.id` and `Start.created` where the
    provider gave none. A `Failure` may come without a `Start`.
    """

    warnings: list[str]
    """What of the events so far this format could not say, a sentence each, none twice."""

    def render(self, event: Event) -> bytes:
        """Render one event; empty when this format says nothing for it."""
        ...


class EmbeddingFormat(Protocol):
    """How vectors are asked for where it is not as OpenAI does it."""

    def render_embeddings(self, texts: Sequence[str], dimensions: int | None) -> bytes:
        """Write a request for the vectors of texts. Raises: Unsupported."""
        ...

    def parse_embeddings(self, body: bytes) -> Embeddings:
        """Read the vectors, one for each text, in order. Raises: UpstreamError, ProtocolError."""
        ...


class WireFormat(Protocol):
    """A published HTTP API shape. One instance serves all providers: it has no state.

    Parsers of what an upstream sends are lenient, parsers of what a client sends are exact,
    renderers are strict.
    """

    name: str
    path: str
    """The path behind the version segment: `/chat/completions`."""
    auth: str
    """How a key is sent unless the provider says otherwise: an `Auth`."""
    headers: Headers
    """Headers that every request of this format carries."""
    needs_max_tokens: bool
    """A request must limit its answer: where it does not, the caller fills in the model's limit.

    Where nobody knows that, the format has a limit of its own."""
    lengths: tuple[str, ...]
    """Fields of a request that say how long its answer may be. Others a server may ignore."""
    asks_for_usage: bool
    """Streams report usage only where the request asks for it."""
    ping: bytes
    """What keeps a waiting client of a stream patient, and says nothing."""
    neighbours: frozenset[str]
    """What servers that speak this format may have beside it: first segments of paths."""
    embeddings: EmbeddingFormat | None
    """Its own way of asking for vectors; None where `neighbours` say that OpenAI's is spoken."""
    forwarded: tuple[str, ...]
    """Headers of a client that mean something to a server of the same format: only these go on."""

    def parse_request(self, body: bytes) -> ChatRequest:
        """Read a client's request. Raises: InvalidRequest that names the field."""
        ...

    def render_request(self, request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
        """Write a request for the upstream model `model`. Raises: Unsupported."""
        ...

    def parse_response(self, body: bytes, dialect: Dialect) -> Completion:
        """Read a whole answer with a 2xx status.

        Raises: UpstreamError for an error inside it, ProtocolError for what is no answer.
        """
        ...

    def measure_response(self, body: bytes, dialect: Dialect) -> Measured | None:
        """Measure a whole answer without reading what it says: a fraction of `parse_response`.

        None: it is not of the usual kind, parse it.
        """
        ...

    def render_response(
        self, completion: Completion, request: ChatRequest | None = None
    ) -> Rendered:
        """Write a whole answer; `completion.model` is the name the client asked for.

        `request` is what it answers: some formats echo it, and name tools as it did. The caller
        fills in `id` and `created` where the provider gave none.
        """
        ...

    def parse_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """Classify a non-2xx answer. Never raises."""
        ...

    def render_error(self, error: DragomanError) -> tuple[int, bytes]:
        """Write an error for a client: HTTP status and body."""
        ...

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> StreamParser:
        """Start reading a streamed answer.

        With `meter` the events need to be right about `Start`, the first content, `Finish` and
        `Failure` alone; frames that only add to the content may be passed over.
        """
        ...

    def is_usage_frame(self, frame: bytes) -> bool:
        """Whether a frame of a stream, as sent, says usage and nothing else, only when asked."""
        ...

    def stream_renderer(
        self,
        model: str,
        include_usage: bool = True,
        request: ChatRequest | None = None,
        request_id: str | None = None,
    ) -> StreamRenderer:
        """Start writing a streamed answer; `model` is the name the client asked for.

        `request` as in `render_response`. `request_id`: what the client's request is called, where
        an error says so.
        """
        ...
