"""Whole answers, read and written.

Source: https://platform.openai.com/docs/api-reference/responses/object (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.errors import ProtocolError
from dragoman.types.completion import Completion
from dragoman.types.message import Refusal, ToolCall
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.base import Rendered
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import encode
from dragoman.wire.openai_responses.errors import find_error, find_failure
from dragoman.wire.openai_responses.items import parse_output
from dragoman.wire.openai_responses.renderer import ResponsesRenderer
from dragoman.wire.openai_responses.schema import answer_meta, finish_reason, head
from dragoman.wire.openai_responses.usage import parse_usage
from dragoman.wire.tokens import doubts
from dragoman.wire.whole import events_of, read_whole

NOT_YET = ("queued", "in_progress")
"""How a request for an answer in the background is answered."""


def parse_response(body: bytes, dialect: Dialect) -> Completion:
    """Read a whole answer that came with a 2xx status.

    A stream that came although none was asked for is read as well.

    Raises: UpstreamError for an error inside it, ProtocolError for a web page, an empty body, or
    anything else that is no answer, StreamTruncated for a stream that breaks off.
    """
    from dragoman.wire.openai_responses.stream import ResponsesParser

    return read_whole(
        body,
        lambda value, data: _parse_answer(value, data, dialect),
        lambda: ResponsesParser(dialect),
    )


def _parse_answer(value: Any, body: bytes, dialect: Dialect) -> Completion:
    if not isinstance(value, dict) or not isinstance(value.get("output"), list):
        if error := find_error(body):
            usage = value.get("usage") if isinstance(value, dict) else None
            error.usage = parse_usage(usage, dialect)
            raise error
        if not isinstance(value, dict) or value.get("status") not in NOT_YET:
            raise ProtocolError("the upstream's answer has no output", raw=bounded(body))
    usage = parse_usage(value.get("usage"), dialect)
    if failure := find_failure(value, body):
        failure.usage = usage
        raise failure
    parts = parse_output(value.get("output"))
    reason, raw = finish_reason(
        value.get("status"),
        value.get("incomplete_details"),
        has_calls=any(isinstance(part, ToolCall) for part in parts),
        has_refusal=any(isinstance(part, Refusal) for part in parts),
    )
    identity, model, created = head(value)
    return Completion(
        parts=parts,
        finish_reason=reason,
        raw_finish_reason=raw,
        usage=usage,
        id=identity,
        model=model,
        created=created,
        warnings=doubts(usage),
        meta=answer_meta(value),
    )


def render_response(completion: Completion, request: ChatRequest | None = None) -> Rendered:
    """Write a whole answer: what is left at the end of a stream."""
    renderer = ResponsesRenderer(completion.model or "", request)
    for event in events_of(completion):
        renderer.take(event)
    return Rendered(encode(renderer.response), tuple(renderer.warnings))
