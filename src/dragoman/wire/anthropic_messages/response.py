"""Whole answers, read and written.

Source: https://platform.claude.com/docs/en/api/messages (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import ProtocolError
from dragoman.types.completion import Completion
from dragoman.types.message import Meta, Part, Text, ToolCall
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.anthropic_messages.answer_writer import AnswerWriter
from dragoman.wire.anthropic_messages.blocks import parse_blocks, parse_content, refusal_part
from dragoman.wire.anthropic_messages.errors import find_error
from dragoman.wire.anthropic_messages.schema import (
    NAME,
    finish_reason,
    own,
    rest_meta,
)
from dragoman.wire.anthropic_messages.usage import (
    merge_usage,
    parse_usage,
    render_usage,
    rest_of_usage,
)
from dragoman.wire.base import Rendered
from dragoman.wire.beside import foreign_beside
from dragoman.wire.error_body import bounded
from dragoman.wire.ids import hashed_id
from dragoman.wire.json_text import encode, mend_surrogates
from dragoman.wire.openai_fields import kin_tier
from dragoman.wire.tokens import doubts
from dragoman.wire.whole import read_whole

_MODELLED = (
    "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage",
)  # fmt: skip


class _Answer(Struct, gc=False):
    content: msgspec.Raw = msgspec.Raw(b"[]")


_decode_answer = msgspec.json.Decoder(_Answer).decode


def parse_response(body: bytes, dialect: Dialect) -> Completion:
    """Read a whole answer that came with a 2xx status.

    A stream that came although none was asked for is read as well.

    Raises: UpstreamError for an error inside it, ProtocolError for a web page, an empty body, or
    anything else that is no answer, StreamTruncated for a stream that breaks off.
    """
    from dragoman.wire.anthropic_messages.stream import MessagesParser

    return read_whole(body, _parse_answer, lambda: MessagesParser(dialect))


def _parse_answer(value: Any, body: bytes) -> Completion:
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list | str) or value.get("type") == "error":
        if error := find_error(body):
            if isinstance(value, dict):
                error.usage = parse_usage(merge_usage({}, value.get("usage")))
            raise error
        raise ProtocolError("the upstream's answer has no content", raw=bounded(body))
    try:
        parts = parse_content(bytes(_decode_answer(body).content))
    except (ValueError, RecursionError):
        parts = parse_blocks(content)
    answer_id = _text(value, "id")
    parts = _with_ids(parts, answer_id)
    raw = _text(value, "stop_reason")
    if raw == "refusal":
        last = parts[-1].text if parts and isinstance(parts[-1], Text) else ""
        refusal = refusal_part(value.get("stop_details"), last)
        parts = parts if refusal is None else (*parts, refusal)
    reported = merge_usage({}, value.get("usage"))
    usage = parse_usage(reported)
    return Completion(
        parts=parts,
        finish_reason=finish_reason(raw, any(isinstance(part, ToolCall) for part in parts)),
        raw_finish_reason=raw,
        stop_sequence=_text(value, "stop_sequence"),
        usage=usage,
        id=answer_id,
        model=_text(value, "model"),
        warnings=doubts(usage),
        meta=answer_meta(value, reported),
    )


def made_up_id(answer_id: str | None, number: int) -> str:
    """Make the id of an answer's call of this number that came without one."""
    return hashed_id(f"{answer_id}/{number}", "toolu_")


def _with_ids(parts: tuple[Part, ...], answer_id: str | None) -> tuple[Part, ...]:
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if all(call.id for call in calls):
        return parts
    numbers = count(1)
    named: list[Part] = []
    for part in parts:
        if isinstance(part, ToolCall):
            made_up = made_up_id(answer_id, next(numbers))
            part = replace(part, id=part.id or made_up)
        named.append(part)
    return tuple(named)


def answer_meta(fields: Mapping[str, Any], reported: dict[str, Any]) -> Meta | None:
    """Keep an answer's own fields that no part carries: container, service tier, server tools."""
    return rest_meta({**fields, "more_usage": rest_of_usage(reported) or None}, *_MODELLED)


def _text(value: dict[str, Any], name: str) -> str | None:
    found = value.get(name)
    return mend_surrogates(found) if isinstance(found, str) and found else None


def render_response(completion: Completion, request: ChatRequest | None = None) -> Rendered:
    """Write a whole answer. What only other formats can say is left out, with a warning."""
    del request
    warnings: dict[str, None] = {}  # in order, none twice

    def warn(sentence: str) -> None:
        warnings[sentence] = None

    for sentence in foreign_beside(completion.meta, NAME):
        warn(sentence)
    writer = AnswerWriter()
    blocks = [writer.block(part, warn) for part in completion.parts]
    fields = dict(own(completion.meta))
    more_usage = fields.pop("more_usage", None) or kin_tier(completion.meta, warn)
    rendered = {
        "id": completion.id or "msg_0",
        "type": "message",
        "role": "assistant",
        "model": completion.model or "",
        "content": [block for block in blocks if block is not None],
        **writer.ending(
            completion.finish_reason,
            completion.raw_finish_reason,
            completion.stop_sequence,
            fields.pop("stop_details", None),
            warn,
        ),
        "usage": render_usage(completion.usage, more_usage),
    }
    if rendered["stop_reason"] is None:
        warn("the answer ended with an error, which no stop_reason of this API names")
    return Rendered(encode({**fields, **rendered}), tuple(warnings))
