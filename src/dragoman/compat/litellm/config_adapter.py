"""A LiteLLM `BaseConfig` as an adapter: its hooks called as LiteLLM calls them, without any I/O.

whole answers    transform_response
streams          lines handed to the chunk parser of `get_model_response_iterator`, or to a
                 method `handle_…_chunk`; a stream wrapper, or an iterator that pulls, runs in a
                 thread with an HTTP client of its own (`performing.py`)
neither          a streaming caller gets the whole answer in one piece
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec import structs

from dragoman.adapters.adapter import Adapter, AuthFlow, Body
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import Ask
from dragoman.adapters.frames import Piece
from dragoman.compat.litellm.answers import blank_response, write_answer, write_vectors
from dragoman.compat.litellm.client import AsyncHTTPHandler, HTTPHandler
from dragoman.compat.litellm.hooks import ERRORS, as_answer, expect, taken, unreadable
from dragoman.compat.litellm.http_answer import Response
from dragoman.compat.litellm.performing import Loop, perform_stream
from dragoman.compat.litellm.reading import StreamReading
from dragoman.compat.litellm.shapes import EmbeddingResponse
from dragoman.compat.litellm.streaming import find_handler
from dragoman.compat.litellm.told import Told, overrides
from dragoman.errors import AdapterError, DragomanError, ProtocolError
from dragoman.types.embedding import Embeddings
from dragoman.types.http import Halt, HttpAnswer, HttpRequest
from dragoman.types.usage import Usage
from dragoman.wire.embeddings import parse_embeddings
from dragoman.wire.json_text import decode, encode

WRAPPERS = ("get_sync_custom_stream_wrapper", "get_async_custom_stream_wrapper")
_TOLD = "told"


def adapt_config(found: Any) -> type[Adapter]:
    """Make an adapter's class of a `BaseConfig`'s class, or of an object of one."""
    kind = found if isinstance(found, type) else type(found)
    bases: list[type[Adapter]] = [ConfigAdapter]
    if _can_stream(kind):
        bases.insert(0, StreamingConfigAdapter)
    if hasattr(kind, "transform_embedding_request"):
        bases.insert(0, _Embedding)
    own = {"source": found, "__module__": kind.__module__, "loop": Loop(kind.__name__)}
    for name, wanted in (("name", str), ("provider", Mapping)):
        if isinstance(value := vars(kind).get(name), wanted):
            own[name] = value
    return type(kind.__name__, tuple(bases), own)


def _can_stream(kind: type[Any]) -> bool:
    return (
        any(hasattr(kind, name) for name in WRAPPERS)
        or overrides(kind, "get_model_response_iterator", "should_fake_stream")
        or find_handler(kind) is not None
        or not overrides(kind, "transform_response")
    )


class ConfigAdapter(Adapter):
    """See the module. `source` is the class, or an object of it; one object serves all calls."""

    source: ClassVar[Any]
    loop: ClassVar[Loop]

    def __init__(self) -> None:
        source = self.source
        self.config: Any = source() if isinstance(source, type) else source

    # -- where to, and as whom

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """Give the headers that the hook said before the body was."""
        return self._placed(ask).headers

    def get_complete_url(self, ask: Ask) -> str:
        """Give the URL, likewise."""
        return self._placed(ask).url

    def _placed(self, ask: Ask) -> Told:
        """Have headers and URL said, where nobody asks for a body: to show them, say."""
        if _TOLD not in ask.state:
            ask.state[_TOLD] = Told(self.config, ask)
            ask.state[_TOLD].say_place()
        return _told(ask)

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """Have the request signed, if the class signs."""
        yield self.signed(request, _told(ask))

    def signed(self, request: HttpRequest, told: Told) -> HttpRequest:
        """Sign a request. Raises: DragomanError."""
        if not overrides(self.config, "sign_request"):
            return request
        said = told.hook(
            "sign_request",
            headers=dict(request.headers),
            optional_params=dict(told.optional_params),
            request_data=told.data,
            api_base=str(request.url),
            api_key=told.ask.api_key or None,
            model=told.model,
            stream=told.ask.stream,
            fake_stream=told.fake,
        )
        expect(told.whose, "sign_request", said, tuple, "headers and a body")
        headers, body = (*said, None)[:2]
        return structs.replace(
            request,
            headers={str(n).lower(): str(v) for n, v in headers.items()},
            body=request.body if body is None else body.encode() if isinstance(body, str) else body,
        )

    # -- whole answers

    def transform_request(self, ask: Ask) -> Body:
        """Have the body said."""
        told = ask.state[_TOLD] = Told(self.config, ask)
        data: Body = told.say_request()
        return data

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """Have a whole answer read. Raises: DragomanError."""
        told = _told(ask)
        said = told.hook(
            "transform_response",
            model=told.model,
            raw_response=Response(answer.status, answer.headers, answer.data, url=told.url),
            model_response=blank_response(),
            logging_obj=told.logging,
            request_data=told.data,
            messages=told.messages,
            optional_params=told.optional_params,
            litellm_params=told.litellm_params,
            encoding=told.encoding,
            api_key=ask.api_key,
            json_mode=told.json_mode,
        )
        body = write_answer(said, told.whose, "transform_response", told.model)
        try:
            completion = ERRORS.parse_response(body, ask.provider.dialect)
        except ProtocolError as error:
            raise unreadable(told.whose, "transform_response", error) from error
        if told.encoding.used and isinstance(completion.usage, Usage):
            usage = structs.replace(completion.usage, estimated=True)
            completion = structs.replace(completion, usage=usage)
        out.completion(completion)

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        """Classify an answer that is not 2xx, as the class does and its status says."""
        ours = ERRORS.parse_error(answer.status, answer.headers, answer.body)
        if not overrides(self.config, "get_error_class"):
            return ours
        text = answer.body.decode("utf-8", "replace")
        told = _told(ask)
        said = told.hook(
            "get_error_class",
            error_message=text,
            status_code=answer.status,
            headers=dict(answer.headers),
        )
        if isinstance(said, DragomanError):
            return said
        expect(told.whose, "get_error_class", said, Exception, "an exception")
        found = as_answer(said)
        if found is None:
            return ours
        same = str(getattr(said, "message", "")) == text
        body = answer.body if same else found.body
        return ERRORS.parse_error(found.status, {**answer.headers, **found.headers}, body)


class StreamingConfigAdapter(ConfigAdapter):
    """One that can read streams in some way."""

    framing = "bytes"

    def transform_request(self, ask: Ask) -> Body:
        """Have the body said, and work out who reads the stream."""
        told = ask.state[_TOLD] = Told(self.config, ask)
        data: Body = told.say_request()
        if ask.stream:
            ask.state["reading"] = StreamReading(told, self._wraps())
        return data

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """Have the request signed, and performed where the class fetches streams itself."""
        told = _told(ask)
        signed = self.signed(request, told)
        if ask.stream and _reading(ask).performed:
            signed = structs.replace(signed, performer=StreamPerformer(self, told))
        yield signed

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """Read the next bytes."""
        reading = _reading(ask)
        if reading.is_whole:
            reading.held.append(frame.data)
        else:
            out.relay(reading.feed(frame.data, ask.head))

    def end_stream(self, out: Answer, ask: Ask) -> None:
        """Read what was held back."""
        reading = _reading(ask)
        if reading.held:
            whole = Piece(b"".join(reading.held), "", ask.head.headers, ask.head.status)
            self.transform_response(whole, out, ask)
        else:
            out.relay(reading.close())

    def _wraps(self) -> bool:
        """Whether the class fetches streams itself."""
        has = any(hasattr(self.config, name) for name in WRAPPERS)
        flag = getattr(self.config, "has_custom_stream_wrapper", False) is True
        return has and (flag or not overrides(self.config, "get_model_response_iterator"))


class StreamPerformer:
    """Runs a class's stream wrapper, or an iterator that pulls, in a thread."""

    def __init__(self, adapter: StreamingConfigAdapter, told: Told) -> None:
        self.whose = told.whose
        self._adapter = adapter
        self._told = told

    def perform(self, request: HttpRequest, halt: Halt) -> Iterator[HttpAnswer | bytes]:
        """See `Performer.perform`."""
        config, told = self._adapter.config, self._told
        wraps = self._adapter._wraps()
        name = next(
            (n for n in WRAPPERS if wraps and hasattr(config, n)), "get_model_response_iterator"
        )
        hook = getattr(config, name)
        kind = AsyncHTTPHandler if name == WRAPPERS[1] else HTTPHandler
        client = kind(told.ask.provider.timeouts.total, options=request.options, halt=halt)
        body = request.body
        try:
            data = decode(body)
        except ValueError:
            data = told.data

        def chunks() -> Any:
            if not wraps:
                lines = client.post(
                    str(request.url), headers=request.headers, data=body, stream=True
                ).iter_lines()
                return hook(streaming_response=lines, sync_stream=True, json_mode=told.json_mode)
            fields = taken(
                hook,
                {
                    "model": told.model,
                    "custom_llm_provider": told.whose,
                    "logging_obj": told.logging,
                    "api_base": str(request.url),
                    "headers": dict(request.headers),
                    "data": data,
                    "messages": told.messages,
                    "client": client,
                    "json_mode": told.json_mode,
                    "signed_json_body": None if encode(data) == body else body,
                    "litellm_params": told.litellm_params,
                    "timeout": told.ask.provider.timeouts.total,
                },
            )
            found = hook(**fields)
            if name == WRAPPERS[0]:
                return found
            return self._adapter.loop.iterate(self._adapter.loop.run(found, halt), halt)

        try:
            yield from perform_stream(self.whose, hook, told.model, chunks)
        finally:
            HTTPHandler.close(client)


class _Embedding(ConfigAdapter):
    """A class that says how vectors are asked for."""

    def transform_embedding_request(self, ask: Ask) -> Body:
        """Have the body said."""
        told = ask.state[_TOLD] = Told(self.config, ask)
        if ask.dimensions is not None:
            told.optional_params["dimensions"] = ask.dimensions
        told.say_place()
        data = told.hook(
            "transform_embedding_request",
            model=told.model,
            input=list(ask.texts),
            optional_params=told.optional_params,
            headers=told.headers,
        )
        told.data = expect(told.whose, "transform_embedding_request", data, Mapping, "a mapping")
        return dict(told.data)

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """Have vectors read. Raises: DragomanError."""
        told = _told(ask)
        said = told.hook(
            "transform_embedding_response",
            model=told.model,
            raw_response=Response(answer.status, answer.headers, answer.data, url=told.url),
            model_response=EmbeddingResponse(),
            logging_obj=told.logging,
            api_key=ask.api_key,
            request_data=told.data,
            optional_params=told.optional_params,
            litellm_params=told.litellm_params,
        )
        body = write_vectors(said, told.whose, "transform_embedding_response", told.model)
        return parse_embeddings(body, len(ask.texts), ask.provider.dialect)


def _told(ask: Ask) -> Told:
    told = ask.state.get(_TOLD)
    if not isinstance(told, Told):
        raise AdapterError(f"the adapter of {ask.provider.name} was not asked for a body before")
    return told


def _reading(ask: Ask) -> StreamReading:
    reading = ask.state["reading"]
    assert isinstance(reading, StreamReading)
    return reading
