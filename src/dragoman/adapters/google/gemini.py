"""The Gemini API itself: `generateContent`, as AI Studio serves it.

Source: https://ai.google.dev/api/generate-content, /api/embeddings (read 2026-11); what is sent and
read is compared with Google's own library in tests/adapters/test_gemini_sdk.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from dragoman.adapters.adapter import Adapter, Body
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import CHAT, EMBEDDINGS, Ask
from dragoman.adapters.frames import Piece
from dragoman.adapters.google.answers import AnswerReader, read_usage
from dragoman.adapters.google.contents import Object, render_contents
from dragoman.adapters.google.errors import parse_error
from dragoman.adapters.google.listing import read_models
from dragoman.adapters.google.model import NAME
from dragoman.adapters.google.settings import render_config, render_tools
from dragoman.endpoint import encode_segment
from dragoman.errors import DragomanError, InvalidRequest, ProtocolError, Unsupported
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpAnswer
from dragoman.types.model import ModelInfo
from dragoman.wire.beside import warn_of_marks
from dragoman.wire.error_body import bounded
from dragoman.wire.extra import refuse_foreign_files

VERSION = "v1beta"

_VERSIONED = re.compile(r"/v\d+[a-z0-9]*$")
_COLLECTIONS = ("models", "tunedModels")


class Gemini(Adapter):
    """Speaks the Gemini API with a key."""

    name = "gemini"
    framing = "sse"
    version: ClassVar[str] = VERSION

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """Send the key as this API wants it, unless the table says otherwise (`auth`)."""
        if ask.provider.auth is not None or not ask.api_key:
            return super().validate_environment(ask)
        return {"content-type": "application/json", "x-goog-api-key": ask.api_key}

    def get_complete_url(self, ask: Ask) -> str:
        """Say `…/v1beta/models/MODEL:generateContent`."""
        collection, _, rest = ask.model.partition("/")
        if collection not in _COLLECTIONS or not rest:
            collection, rest = "models", ask.model
        base, mark, query = ask.base_url.partition("?")
        base = versioned(base.rstrip("/").removesuffix("/openai"), self.version)
        verb = self.verb(ask)
        path = f"{base}/{collection}/{encode_segment(rest)}:{verb.partition('?')[0]}"
        queries = "&".join(part for part in (query if mark else "", verb.partition("?")[2]) if part)
        return f"{path}?{queries}" if queries else path

    def verb(self, ask: Ask) -> str:
        """Name the method of the model's that is called. Raises: Unsupported."""
        if ask.endpoint == EMBEDDINGS:
            return "batchEmbedContents"
        if ask.endpoint != CHAT:
            raise Unsupported(f"{ask.provider.name} has no {ask.endpoint}")
        return "streamGenerateContent?alt=sse" if ask.stream else "generateContent"

    def transform_request(self, ask: Ask) -> Body:
        """Say the conversation. Raises: Unsupported."""
        request, warn = ask.request, ask.warn
        dialect = ask.provider.dialect
        refuse_foreign_files(request, ())
        warn_of_marks(request, NAME, warn)
        instructions, contents = render_contents(
            request, ask.model, reasoning_as_text=dialect.reasoning_as_text, warn=warn
        )
        body: Object = {"contents": contents}
        if instructions:
            body["systemInstruction"] = {"parts": instructions}
        render_tools(request, body, warn)
        if config := render_config(request, ask.model, dialect, warn):
            body["generationConfig"] = config
        return body

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """Read a whole answer. Raises: DragomanError."""
        del ask
        reader = AnswerReader(out)
        reader.read(answer.json())
        if not (out.ending or reader.answered):
            raise ProtocolError("the upstream gave no answer", raw=bounded(answer.data))

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """Read one response of the stream. Raises: DragomanError."""
        reader = ask.state.get("reader")
        if reader is None:
            reader = ask.state["reader"] = AnswerReader(out)
        reader.read(frame.json())

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        """Classify an error."""
        del ask
        return parse_error(answer.status, answer.headers, answer.body)

    def get_models_url(self, ask: Ask) -> str | None:
        """Say where the models are listed, all on one page."""
        base = ask.base_url.partition("?")[0].rstrip("/").removesuffix("/openai")
        return f"{versioned(base, self.version)}/models?pageSize=1000"

    def transform_models(self, answer: Piece, ask: Ask) -> Iterable[ModelInfo]:
        """Read the models that can be talked to or make vectors, with their limits."""
        del ask
        return read_models(answer.object())

    def transform_embedding_request(self, ask: Ask) -> Body:
        """Ask for one vector for each text."""
        if not ask.texts:
            raise InvalidRequest("there is no text to embed", param="input")
        model = ask.model if ask.model.startswith("models/") else f"models/{ask.model}"
        asked: Object = {} if ask.dimensions is None else {"outputDimensionality": ask.dimensions}
        requests = [
            {"model": model, "content": {"parts": [{"text": text}]}, **asked} for text in ask.texts
        ]
        return {"requests": requests}

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """Read the vectors. Raises: ProtocolError."""
        value = answer.object()
        return Embeddings(
            vectors=tuple(read_vector(one, answer) for one in as_list(value, "embeddings", answer)),
            model=ask.model,
            usage=read_usage(value.get("usageMetadata")),
        )


def versioned(base: str, version: str) -> str:
    """Put a version behind a base URL that has none."""
    return base if _VERSIONED.search(base) else f"{base}/{version}"


def as_list(value: Object, name: str, answer: Piece) -> list[object]:
    """Take a list out of an answer. Raises: ProtocolError."""
    found = value.get(name)
    if not isinstance(found, list):
        raise ProtocolError(f"the upstream's answer has no {name}", raw=bounded(answer.data))
    return found


def read_vector(value: object, answer: Piece) -> tuple[float, ...]:
    """Read `values`. Raises: ProtocolError."""
    values = value.get("values") if isinstance(value, dict) else None
    if not isinstance(values, list) or not all(type(one) in (int, float) for one in values):
        raise ProtocolError(
            "a vector of the upstream's is no list of numbers", raw=bounded(answer.data)
        )
    return tuple(map(float, values))
