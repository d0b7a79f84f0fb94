"""The words of Anthropic Messages: why an answer ended, and which fields there are.

Source: https://platform.claude.com/docs/en/api/messages (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.types.event import FinishReason
from dragoman.types.message import Meta, Refusal
from dragoman.wire.json_text import mended
from dragoman.wire.parts import own_meta

NAME = "anthropic-messages"

Block = dict[str, Any]
"""A content block as it stands in JSON."""

VERSION = "2023-06-01"
"""The version of the API that we speak to upstreams. Since 2026-10-21 sampling parameters are
refused, and servers that only speak the same language know no version but this one."""

_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
    # Servers that translate, and forget this word.
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}

_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "other": "end_turn",
}

_OWN_WORDS = frozenset(
    {
        "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal",
        "model_context_window_exceeded", "compaction",
    }
)  # fmt: skip


def finish_reason(raw: str | None, has_tool_calls: bool) -> FinishReason:
    """Find the word for how an answer ended; an unknown one is `other`, never an exception.

    Where tools are called that is the reason, whatever the server says.
    """
    reason = _FINISH_REASONS.get(raw, "other") if raw else "stop"
    return "tool_calls" if has_tool_calls and reason in ("stop", "other") else reason


def stop_reason(reason: FinishReason, raw: str | None, stop_sequence: str | None) -> str | None:
    """Say how an answer ended; None for an error, which no word of this API names.

    The provider's own word is kept where it is this API's and means the same.
    """
    if reason == "stop" and stop_sequence is not None:
        return "stop_sequence"
    if raw in _OWN_WORDS and _FINISH_REASONS[raw] == reason:
        return raw
    return _STOP_REASONS.get(reason)


def kind_of(value: Mapping[str, Any]) -> str:
    """Get the `type` of a block, delta or event; empty where it is no text."""
    kind = value.get("type")
    return kind if isinstance(kind, str) else ""


def own(meta: Meta | None) -> Mapping[str, Any]:
    """Get what this format put into a part's meta."""
    return (meta or {}).get(NAME) or {}


BESIDE: Meta = {NAME: {"beside_content": True}}
"""Marks a refusal whose words stand in `stop_details`, beside the content."""


def is_beside(part: Refusal) -> bool:
    """Whether a refusal's words stand beside the content."""
    return own(part.meta).get("beside_content") is True


def rest_meta(fields: Mapping[str, Any], *known: str) -> Meta | None:
    """Keep the fields of an object that have no place in the vocabulary; null is no value."""
    rest = {key: item for key, item in fields.items() if key not in known and item is not None}
    return own_meta(NAME, mended(rest)) if rest else None
