"""An adapter as the engine sees it: a wire format, made anew for every attempt.

The client's half of it (parsing requests, rendering answers) is nobody's: no client speaks an
adapter's language, so answers are always translated, never relayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.adapters.adapter import Adapter, Body, has_own
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import Ask
from dragoman.adapters.frames import Piece
from dragoman.adapters.guard import call
from dragoman.adapters.stream import AdaptedStream
from dragoman.errors import AdapterError, DragomanError, ProtocolError, Unsupported, UpstreamError
from dragoman.types.completion import Completion
from dragoman.types.embedding import Embeddings
from dragoman.types.http import Headers, HttpAnswer
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire import get_format
from dragoman.wire.base import Rendered, StreamParser
from dragoman.wire.error_body import web_page_error
from dragoman.wire.extra import render_extra
from dragoman.wire.json_text import encode
from dragoman.wire.whole import accumulate
from dragoman.wire.wrapped import Wrapped

_TALK = (
    "transform_request",
    "transform_response",
    "transform_stream",
    "transform_embedding_request",
    "transform_embedding_response",
    "get_error",
    "follow_up",
)


def speaks_otherwise(adapter: Adapter) -> bool:
    """Tell whether an adapter changes what is said: else its format's own bytes can be relayed."""
    return has_own(adapter, *_TALK)


class AdaptedFormat(Wrapped):
    """See `dragoman.wire.base.WireFormat`: one attempt's language."""

    def __init__(self, adapter: Adapter, ask: Ask) -> None:
        api = call(ask.provider.name, adapter.speaks, ask)
        super().__init__(get_format(api or ask.provider.api))
        self._adapter = adapter
        self._ask = ask
        self._is_known = api is not None
        self._head = HttpAnswer(status=200, headers={})
        self.name = f"the adapter of {ask.provider.name}"
        if has_own(adapter, "transform_request") and not has_own(adapter, "speaks"):
            self.needs_max_tokens = False
        self.neighbours = frozenset[str]()
        self.embeddings = self
        self.forwarded: tuple[str, ...] = ()

    def answered(self, head: HttpAnswer) -> None:
        """Take note of an answer's head: hooks that read its body are shown it."""
        self._head = self._ask.head = head

    # -- the upstream's half

    def render_request(self, request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
        """See `WireFormat.render_request`. Raises: Unsupported, AdapterError."""
        del model, dialect
        ask = self._ask
        ask.put(request if request.stream == ask.stream else replace(request, stream=ask.stream))
        body = self._call(self._adapter.transform_request, ask)
        warnings, ask.warnings = ask.warnings, []
        unread = ask.unread()
        if "tools" in unread:
            raise Unsupported(
                f"{ask.provider.name}: its adapter knows no tools",
                hint='have them told in words: emulate = ["tools"]',
            )
        warnings += (f"{name} is not sent: {self.name} does not know it" for name in unread)
        if ask.extra_sent:
            pass
        elif isinstance(body, Mapping):
            body = dict(body)
            render_extra(request, self.name, body, warnings.append)
        elif request.extra:
            warnings.append(f"{', '.join(request.extra)} not sent: {self.name} has its own body")
        return Rendered(self._bytes(body, "transform_request"), tuple(dict.fromkeys(warnings)))

    def parse_response(self, body: bytes, dialect: Dialect) -> Completion:
        """See `WireFormat.parse_response`. Raises: DragomanError."""
        if self._is_known:
            return super().parse_response(body, dialect)
        out = Answer()
        self.read_whole(body, out)
        return accumulate(out.take())

    def read_whole(self, body: bytes, out: Answer) -> None:
        """Read a whole answer into `out`, and close it. Raises: DragomanError."""
        if body.lstrip()[:1] == b"<":
            raise web_page_error(body)
        piece = Piece(body, "", self._head.headers, self._head.status)
        self._call(self._adapter.transform_response, piece, out, self._ask)
        out.close()

    def parse_error(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """See `WireFormat.parse_error`; an adapter's own error of any kind counts."""
        answer = HttpAnswer(status=status, headers=headers, body=body)
        error = self._call(self._adapter.get_error, answer, self._ask)
        if not isinstance(error, DragomanError):
            raise self._wrong("get_error", error, "a DragomanError")
        return error  # type: ignore[return-value]

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> StreamParser:
        """See `WireFormat.stream_parser`."""
        del meter
        if self._is_known:
            return super().stream_parser(dialect)
        return AdaptedStream(self._adapter, self._ask, self.read_whole)

    def is_usage_frame(self, frame: bytes) -> bool:
        """See `WireFormat.is_usage_frame`: frames are not relayed."""
        del frame
        return False

    # -- vectors

    def render_embeddings(self, texts: Sequence[str], dimensions: int | None) -> bytes:
        """Write a request for vectors. Raises: Unsupported, AdapterError."""
        self._ask.texts, self._ask.dimensions = texts, dimensions
        body = self._call(self._adapter.transform_embedding_request, self._ask)
        return self._bytes(body, "transform_embedding_request")

    def parse_embeddings(self, body: bytes) -> Embeddings:
        """Read vectors. Raises: DragomanError."""
        piece = Piece(body, "", self._head.headers, self._head.status)
        found = self._call(self._adapter.transform_embedding_response, piece, self._ask)
        if not isinstance(found, Embeddings):
            raise self._wrong("transform_embedding_response", found, "Embeddings")
        if len(found.vectors) != len(self._ask.texts):
            count, wanted = len(found.vectors), len(self._ask.texts)
            raise ProtocolError(f"the upstream gave {count} vectors for {wanted} texts")
        return found

    # -- calling hooks

    def _call(self, hook: Any, *args: Any) -> Any:
        return call(self._ask.provider.name, hook, *args)

    def _bytes(self, body: Body, hook: str) -> bytes:
        if isinstance(body, Mapping):
            try:
                return encode(body)
            except (TypeError, ValueError, RecursionError) as error:
                raise AdapterError(
                    f"the adapter of {self._ask.provider.name} made a body in {hook}"
                    f" that is no JSON: {error}",
                    hint="an object of strings, numbers, lists and objects, or bytes",
                ) from None
        if isinstance(body, str):
            return body.encode()
        if isinstance(body, bytes):
            return body
        raise self._wrong(hook, body, "a mapping, bytes or str")

    def _wrong(self, hook: str, value: object, wanted: str) -> AdapterError:
        return wrong_type(self._ask.provider.name, hook, value, wanted)


def wrong_type(whose: str, hook: str, value: object, wanted: str) -> AdapterError:
    """Say that a hook returned what is nothing of the kind."""
    return AdapterError(
        f"the adapter of {whose} returned {_kind(value)} from {hook}",
        hint=f"it must return {wanted}",
    )


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"
