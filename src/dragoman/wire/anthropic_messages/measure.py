"""The usual message, measured and not read: a relay hands on bytes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from dragoman.wire.anthropic_messages.schema import finish_reason
from dragoman.wire.anthropic_messages.usage import merge_usage, parse_usage
from dragoman.wire.base import Measured


class _Block(Struct, gc=False):
    type: Literal["text", "thinking", "redacted_thinking", "tool_use"]


class _Answer(Struct, gc=False):
    type: Literal["message"]
    content: list[_Block]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    usage: dict[str, Any]
    model: str | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def measure_response(body: bytes) -> Measured | None:
    """Find how a whole answer ended and what it used; None where that takes a closer look."""
    try:
        answer = _decode(body)
    except (ValueError, RecursionError):
        return None
    usage = parse_usage(merge_usage({}, answer.usage))
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    reason = finish_reason(answer.stop_reason, any(b.type == "tool_use" for b in answer.content))
    return Measured(reason, usage, answer.model)
