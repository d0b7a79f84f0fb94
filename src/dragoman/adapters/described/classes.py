"""From a description to an adapter's class: hooks that it does not speak of stay the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, ClassVar

from msgspec.structs import replace

from dragoman.adapters.adapter import Adapter, AuthFlow, Body, Follow
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import EMBEDDINGS, Ask
from dragoman.adapters.described.description import Description, Errors
from dragoman.adapters.described.file import read_description
from dragoman.adapters.described.json_path import Path
from dragoman.adapters.described.reading import Reading, nothing_found
from dragoman.adapters.described.scope import address_scope, request_scope, texts_scope
from dragoman.adapters.described.template import Render
from dragoman.adapters.following import follow_request
from dragoman.adapters.frames import Piece
from dragoman.document.parse import Document, read_document
from dragoman.endpoint import encode_segment
from dragoman.errors import ConfigError, DragomanError, ProtocolError, UpstreamError
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpAnswer, HttpRequest
from dragoman.types.model import ModelInfo
from dragoman.wire.classification import classify
from dragoman.wire.error_body import one_line, read_details
from dragoman.wire.json_text import decode, encode
from dragoman.wire.tokens import TokenReader


def describe_file(path: FilePath) -> type[Adapter]:
    """Make an adapter of a file. Raises: ConfigError that names file, line and column."""
    try:
        return describe(read_document(path, "adapter"))
    except FileNotFoundError:
        raise ConfigError(f"the adapter's file {path} is not there") from None


def describe(document: Document) -> type[Adapter]:
    """Make an adapter of a description. Raises: ConfigError."""
    name = document.path.stem.lower() if document.path else "described"
    description = read_description(document, name)
    bases = [
        base
        for base, wanted in (
            (_Sends, description.request),
            (_Streams, description.stream),
            (_Reads, description.response),
            (_Fails, description.errors or description.response),
            (_Polls, description.poll),
            (_Lists, description.models),
            (_Embeds, description.embeddings),
        )
        if wanted is not None
    ]
    stream = description.stream
    return type(
        f"Described_{name}",
        (*bases, _Described),
        {
            "description": description,
            "name": description.name,
            "api": description.api,
            "provider": description.provider,
            "framing": stream.framing if stream else "sse",
            "ends_with_body": stream is not None and stream.ends_with_body,
            "ends_with_done": stream is not None and stream.ends_with_done,
        },
    )


class _Described(Adapter):
    """Where to and as whom."""

    description: ClassVar[Description]

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        templates = self.description.headers
        if templates is None:
            return super().validate_environment(ask)
        scope = address_scope(ask)
        said = {name: template(scope) for name, template in templates.items()}
        told = {name: value for name, value in said.items() if value is not None}
        return {
            "content-type": "application/json",
            **{n: v if isinstance(v, str) else encode(v).decode() for n, v in told.items()},
        }

    def get_complete_url(self, ask: Ask) -> str:
        template = self.description.url
        vectors = self.description.embeddings
        if ask.endpoint == EMBEDDINGS and vectors is not None:
            template = vectors.url or template
        return super().get_complete_url(ask) if template is None else _fill(template, ask)

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        del ask
        method = self.description.method
        body = b"" if method == "GET" else request.body
        yield request if method == "POST" else replace(request, method=method, body=body)


class _Sends(_Described):
    """What is sent."""

    def transform_request(self, ask: Ask) -> Body:
        template = self.description.request
        assert template is not None
        body = template(request_scope(ask, self.description.uses))
        return body if isinstance(body, dict) else {}


class _Reads(_Described):
    """How a whole answer is read."""

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        del ask
        reading = self.description.response
        assert reading is not None
        value = answer.json()
        self._refuse(reading, value, answer)
        if not reading.read(value, out, {}):
            raise nothing_found(reading, value)

    def _refuse(self, reading: Reading, value: Any, answer: Piece) -> None:
        """Raise the error that stands in an answer with a 2xx status, if there is one."""
        found = None if reading.error is None else reading.error.first(value)
        if found:
            said = found if isinstance(found, str) else None
            raise make_error(self.description.errors, value, said, None, answer)


class _Streams(_Reads):
    """How a frame of a stream is read."""

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        stream = self.description.stream
        assert stream is not None
        try:
            value = frame.json()
        except ProtocolError:
            if frame.event and frame.event not in stream.on:
                return  # an event of which the description knows nothing, in whatever language
            raise
        kind: Any = frame.event if stream.type is None else stream.type.first(value)
        readings = [stream.always]
        if isinstance(kind, str) and kind in stream.on:
            readings.append(stream.on[kind])
        for reading in readings:
            self._refuse(reading, value, frame)
        for reading in readings:
            reading.read(value, out, ask.state, streamed=True)


class _Fails(_Described):
    """What an answer that is not 2xx says."""

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        del ask
        try:
            value = decode(answer.body)
        except ValueError:
            value = None
        piece = Piece(answer.body, "", answer.headers, answer.status)
        return make_error(self.description.errors, value, None, answer.status, piece)


class _Polls(_Described):
    """How a job is waited for."""

    def follow_up(self, answer: Piece, ask: Ask) -> Follow | None:
        poll = self.description.poll
        assert poll is not None
        value = answer.json()
        status = poll.status.first(value)
        if not isinstance(status, str):
            raise ProtocolError(f"the upstream's answer has no word at {poll.status}")
        if status in poll.failed:
            raise make_error(self.description.errors, value, f"the job is {status}", None, answer)
        if status not in poll.pending:
            return None
        url = ask.state["poll"] = poll.url.first(value) or ask.state.get("poll")
        return Follow(follow_request(url, self, ask), poll.every_s)


class _Lists(_Described):
    """Which models there are."""

    def get_models_url(self, ask: Ask) -> str | None:
        models = self.description.models
        assert models is not None
        return _fill(models.url, ask)

    def transform_models(self, answer: Piece, ask: Ask) -> Iterable[ModelInfo | str]:
        del ask
        models = self.description.models
        assert models is not None
        names = models.id.find(answer.json())
        return [name for name in names if isinstance(name, str) and name]


class _Embeds(_Described):
    """How texts become vectors."""

    def transform_embedding_request(self, ask: Ask) -> Body:
        vectors = self.description.embeddings
        assert vectors is not None
        body = vectors.request(texts_scope(ask))
        return body if isinstance(body, dict) else {}

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        del ask
        vectors = self.description.embeddings
        assert vectors is not None
        value = answer.json()
        try:
            found = tuple(tuple(map(float, one)) for one in vectors.each.find(value))
        except (TypeError, ValueError):
            raise ProtocolError(f"the upstream's answer has no vectors at {vectors.each}") from None
        counts = TokenReader()
        prompt = None if vectors.usage is None else counts.count(vectors.usage.first(value))
        return Embeddings(vectors=found, usage=counts.usage(prompt, None))


def _fill(template: Render, ask: Ask) -> str:
    """Fill a URL's template; values become segments of its path. Raises: ConfigError."""
    url = template(address_scope(ask, encode_segment))
    if url is None:
        raise ConfigError(
            f"provider '{ask.provider.name}': something in its adapter's url is not set",
            place=ask.provider.place,
            hint="a key, or an option that the description names",
        )
    return str(url)


def make_error(
    errors: Errors | None, value: Any, said: str | None, status: int | None, answer: Piece
) -> UpstreamError:
    """Make the error that an answer is: by the description's words, else as everybody's are."""
    details = read_details(answer.data)
    code = details.code
    if errors is not None:
        said = _found(errors.message, value) or said
        code = _found(errors.code, value) or code
    message = one_line(said or details.message)
    details = replace(details, message=message, code=code and one_line(code)[:100])
    error = classify(status, details, answer.headers, answer.data)
    kind = _kind(errors, code, status)
    if kind is None or type(error) is kind:
        return error
    renamed = kind(
        error.message,
        retry_after=error.retry_after,
        request_id=error.request_id,
        raw=error.raw,
    )
    renamed.upstream_status = error.upstream_status
    renamed.upstream_code = error.upstream_code
    renamed.upstream_type = error.upstream_type
    return renamed


def _kind(
    errors: Errors | None, code: str | None, status: int | None
) -> type[UpstreamError] | None:
    if errors is None:
        return None
    words = (word for word in (code, None if status is None else str(status)) if word)
    return next((errors.kinds[word] for word in words if word in errors.kinds), None)


def _found(path: Path | None, value: Any) -> str | None:
    found = None if path is None else path.first(value)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None
