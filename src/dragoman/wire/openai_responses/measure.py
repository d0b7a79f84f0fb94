"""The usual response, measured and not read: a relay hands on bytes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from dragoman.types.provider import Dialect
from dragoman.wire.base import Measured
from dragoman.wire.openai_responses.usage import parse_usage


class _Item(Struct, gc=False):
    type: Literal["message", "reasoning"]


class _Answer(Struct, gc=False):
    object: Literal["response"]
    status: Literal["completed"]
    output: list[_Item]
    usage: Any
    model: str | None = None
    error: None = None


_decode = msgspec.json.Decoder(_Answer).decode


def measure_response(body: bytes, dialect: Dialect) -> Measured | None:
    """Find what a complete answer of text used; None where that takes a closer look."""
    if b'"refusal"' in body:
        return None
    try:
        answer = _decode(body)
    except (ValueError, RecursionError):
        return None
    usage = parse_usage(answer.usage, dialect)
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return Measured("stop", usage, answer.model)
