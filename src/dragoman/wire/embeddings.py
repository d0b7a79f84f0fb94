"""OpenAI's embeddings: the one shape that servers have for them.

Source: https://platform.openai.com/docs/api-reference/embeddings (read 2026-11)
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.errors import ProtocolError
from dragoman.types.embedding import Embeddings
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import decode, encode
from dragoman.wire.openai_completions.errors import find_error
from dragoman.wire.openai_completions.usage import parse_usage

PATH = "/embeddings"


def render_embedding_request(
    texts: Sequence[str], model: str, dimensions: int | None, extra: Mapping[str, Any]
) -> bytes:
    """Write a request. Vectors are asked for as numbers, which every server can give."""
    body: dict[str, Any] = {"model": model, "input": list(texts)}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return encode({**extra, **body})


def render_embeddings(found: Embeddings, model: str, *, packed: bool) -> bytes:
    """Write an answer for a client; `packed` is base64 of little-endian floats."""
    usage = found.usage or Usage()
    prompt = usage.prompt_tokens or 0
    rows = [
        {
            "object": "embedding",
            "index": index,
            "embedding": pack_vector(vector) if packed else vector,
        }
        for index, vector in enumerate(found.vectors)
    ]
    return encode(
        {
            "object": "list",
            "data": rows,
            "model": model,
            "usage": {"prompt_tokens": prompt, "total_tokens": usage.total_tokens or prompt},
        }
    )


def pack_vector(vector: Sequence[float]) -> str:
    """Write a vector as base64 of little-endian floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def parse_embeddings(body: bytes, count: int, dialect: Dialect) -> Embeddings:
    """Read an answer with `count` vectors, as lists of numbers or in base64.

    Raises: UpstreamError for an error inside it, ProtocolError for anything that is no answer.
    """
    try:
        value = decode(body)
    except ValueError as error:
        raise ProtocolError("the upstream's answer is not JSON", raw=bounded(body)) from error
    rows = value.get("data") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise find_error(body) or ProtocolError(
            "the upstream's answer has no embeddings", raw=bounded(body)
        )
    if len(rows) != count:
        raise ProtocolError(f"the upstream gave {len(rows)} vectors for {count} texts")
    ordered = sorted(enumerate(rows), key=lambda pair: _index(pair[1], pair[0]))
    usage = value.get("usage")
    if isinstance(usage, dict):
        usage = {"completion_tokens": 0, **usage}
    model = value.get("model")
    return Embeddings(
        vectors=tuple(_vector(row.get("embedding")) for _, row in ordered),
        model=model if isinstance(model, str) else None,
        usage=parse_usage(usage, None, dialect),
    )


def _index(row: Mapping[str, Any], place: int) -> int:
    index = row.get("index")
    return index if isinstance(index, int) else place


def _vector(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        try:
            data = base64.b64decode(value, validate=True)
            return struct.unpack(f"<{len(data) // 4}f", data)
        except (ValueError, struct.error) as error:
            raise ProtocolError("a vector of the upstream's is not base64 of floats") from error
    if isinstance(value, list) and all(type(number) in (int, float) for number in value):
        return tuple(map(float, value))
    raise ProtocolError("a vector of the upstream's is no list of numbers")
