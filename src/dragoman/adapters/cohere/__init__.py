"""Cohere's own API, version 2: `/v2/chat` and `/v2/embed`.

Beyond its OpenAI-compatible endpoint it has documents and citations, tool plans, thinking and its
safety modes; `documents`, `citation_options`, `safety_mode` and `priority` of a request go there.

Source: https://docs.cohere.com/reference/chat and cohere-python 7.3, cohere/v2 (read 2026-11)
"""

from __future__ import annotations

from typing import Any, ClassVar

from dragoman.adapters.adapter import Adapter, Body
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import EMBEDDINGS, Ask
from dragoman.adapters.cohere.answers import StreamReader, parse_error, read_answer
from dragoman.adapters.cohere.request import render_body
from dragoman.adapters.frames import Piece
from dragoman.errors import DragomanError, ProtocolError, Unsupported
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpAnswer
from dragoman.wire.error_body import bounded
from dragoman.wire.tokens import TokenReader

_OTHER_PATHS = ("/compatibility/v1", "/v1", "/v2")


class Cohere(Adapter):
    """Cohere's API v2. Option: `input_type`, what vectors are for (`search_document`)."""

    name: ClassVar[str] = "cohere"

    def get_complete_url(self, ask: Ask) -> str:
        """Say `…/v2/chat` or `…/v2/embed`, also for a base URL with the path of its other APIs."""
        if ask.endpoint not in ("chat", EMBEDDINGS):
            raise Unsupported(f"{ask.provider.name} has no {ask.endpoint}")
        return f"{_root(ask)}/v2/{'embed' if ask.endpoint == EMBEDDINGS else 'chat'}"

    def get_models_url(self, ask: Ask) -> str:
        """Say where the models are listed. Source: https://docs.cohere.com/reference/list-models"""
        return f"{_root(ask)}/v1/models?page_size=1000"

    def transform_request(self, ask: Ask) -> Body:
        """Say the conversation. Raises: Unsupported."""
        return render_body(ask)

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """Read a whole answer. Raises: DragomanError."""
        del ask
        read_answer(answer.object(), out)

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """Read an event. Raises: DragomanError."""
        reader = ask.state.get("reader")
        if reader is None:
            reader = ask.state["reader"] = StreamReader(out)
        reader.read(frame.object(), frame.data)

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        """Classify an error."""
        del ask
        return parse_error(answer.status, answer.headers, answer.body)

    def transform_embedding_request(self, ask: Ask) -> Body:
        """Ask for vectors of all texts; a text that is too long is an error."""
        body: dict[str, Any] = {
            "model": ask.model,
            "texts": list(ask.texts),
            "input_type": ask.option("input_type", default="search_document"),
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        if ask.dimensions is not None:
            body["output_dimension"] = ask.dimensions
        return body

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """Read the vectors. Raises: ProtocolError."""
        del ask
        try:
            vectors = answer["embeddings"]["float"]
            found = tuple(tuple(float(number) for number in vector) for vector in vectors)
        except (TypeError, ValueError, KeyError):
            raise ProtocolError("the upstream gave no vectors", raw=bounded(answer.data)) from None
        meta = answer.get("meta")
        billed = meta.get("billed_units") if isinstance(meta, dict) else None
        tokens = billed.get("input_tokens") if isinstance(billed, dict) else None
        counts = TokenReader()
        return Embeddings(vectors=found, usage=counts.usage(counts.count(tokens), None))


def _root(ask: Ask) -> str:
    base = ask.base_url.rstrip("/")
    for path in _OTHER_PATHS:
        base = base.removesuffix(path)
    return base
