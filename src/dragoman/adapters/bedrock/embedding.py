"""Vectors: Bedrock has them by InvokeModel alone, where each vendor has a body of its own.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html and
/titan-embedding-models.html (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.adapters.ask import Ask
from dragoman.adapters.frames import Piece
from dragoman.errors import ProtocolError, Unsupported
from dragoman.types.embedding import Embeddings
from dragoman.types.usage import Usage
from dragoman.wire.tokens import TokenReader


def render_texts(ask: Ask) -> dict[str, Any]:
    """Write the body for `ask.texts`. Raises: Unsupported."""
    model = (ask.option("family") or ask.model).lower()
    if "cohere.embed" in model:
        body: dict[str, Any] = {"texts": list(ask.texts), "input_type": "search_document"}
        if ask.dimensions is not None:
            body["output_dimension"] = ask.dimensions
        return body
    if "amazon.titan-embed" not in model:
        raise Unsupported(
            f"{ask.provider.name}: how {ask.model} takes texts is not known",
            hint="cohere.embed-… and amazon.titan-embed-… have embeddings here",
        )
    if len(ask.texts) != 1:
        raise Unsupported(
            f"{ask.model} takes one text to a request, not {len(ask.texts)}",
            param="input",
            hint="ask for each by itself, or use a cohere.embed-… model",
        )
    body = {"inputText": ask.texts[0]}
    if ask.dimensions is not None:
        body["dimensions"] = ask.dimensions
    return body


def read_vectors(answer: Piece) -> Embeddings:
    """Read vectors. Raises: ProtocolError."""
    body = answer.object()
    rows = body.get("embeddings")
    if isinstance(rows, dict):
        rows = rows.get("float")  # Embed v4, and v3 when types are named
    if rows is None and "embedding" in body:
        rows = [body["embedding"]]
    if not isinstance(rows, list) or not all(map(_is_vector, rows)):
        raise ProtocolError("the upstream's answer has no embeddings")
    return Embeddings(
        vectors=tuple(tuple(map(float, row)) for row in rows), usage=_usage(answer, body)
    )


def _usage(answer: Piece, body: dict[str, Any]) -> Usage | None:
    count = body.get("inputTextTokenCount", answer.headers.get("x-amzn-bedrock-input-token-count"))
    read = TokenReader()
    number = int(count) if isinstance(count, str) and count.isdecimal() else count
    return read.usage(read.count(number), 0 if number is not None else None)


def _is_vector(row: Any) -> bool:
    return isinstance(row, list) and all(type(number) in (int, float) for number in row)
