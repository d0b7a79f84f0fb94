"""The words of OpenAI Responses: why an answer ended, what belongs to us, how items are named.

Source: https://platform.openai.com/docs/api-reference/responses (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.types.event import FinishReason
from dragoman.types.message import Meta
from dragoman.wire.ids import hashed_id, is_safe_id
from dragoman.wire.json_text import mend_surrogates, mended
from dragoman.wire.parts import own_meta

NAME = "openai-responses"

_INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
    # Servers that translate, and keep the words of chat completions.
    "max_tokens": "length",
    "length": "length",
}

_WORDS: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
_OWN_WORDS = frozenset({"max_messages", "steered"})


def finish_reason(
    status: Any, details: Any, *, has_calls: bool, has_refusal: bool
) -> tuple[FinishReason, str | None]:
    """Find the word for how an answer ended, and the provider's own.

    An unknown word is `other`, never an exception; an answer without a status is complete.
    """
    raw = status if isinstance(status, str) and status else None
    if raw == "incomplete":
        why = details.get("reason") if isinstance(details, dict) else None
        why = why if isinstance(why, str) and why else None
        return _INCOMPLETE.get(why or "", "other"), why or raw
    if raw not in (None, "completed"):
        return "other", raw
    if has_calls:
        return "tool_calls", raw
    return ("refusal" if has_refusal else "stop"), raw


def ending(
    reason: FinishReason, raw: str | None, has_refusal: bool
) -> tuple[str, dict[str, str] | None]:
    """Say how an answer ended: its status, and why it is incomplete where it is.

    A refusal without words of its own never becomes an empty answer.
    """
    if reason == "refusal" and not has_refusal:
        reason = "content_filter"
    if reason == "pause" or (reason == "other" and raw == "incomplete"):
        return "incomplete", None
    why = raw if reason == "other" and raw in _OWN_WORDS else _WORDS.get(reason)
    return ("completed", None) if why is None else ("incomplete", {"reason": why})


def own(meta: Meta | None) -> Mapping[str, Any]:
    """Get what this format put into a part's meta."""
    return (meta or {}).get(NAME) or {}


def rest_meta(fields: Mapping[str, Any], *known: str) -> Meta | None:
    """Keep the fields of an object that have no place in the vocabulary; null is no value."""
    rest = {key: item for key, item in fields.items() if key not in known and item is not None}
    return own_meta(NAME, mended(rest)) if rest else None


def item_id(prefix: str, answer_id: str | None, index: int) -> str:
    """Make the id of an item that came without one: the same for the same part of an answer."""
    return hashed_id(f"{answer_id}/{index}", f"{prefix}_")


def flat_name(name: str, namespace: str | None) -> str:
    """Name a tool of a namespace as other formats can: they have neither namespaces nor dots.

    Source: the pattern `^[a-zA-Z0-9_-]{1,64}$` of OpenAI and Anthropic (read 2026-11)
    """
    if not namespace:
        return name
    flat = f"{namespace}__{name}"
    return flat if is_safe_id(flat) else hashed_id(flat, f"{_safe(name)[:39]}_")


def _safe(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)


_MODELLED = frozenset(
    {
        "id", "object", "created_at", "completed_at", "status", "error", "incomplete_details",
        "model", "output", "output_text", "usage", "timings",
    }
)  # fmt: skip
_ECHOED = frozenset(
    {
        "background", "conversation", "include", "input", "instructions", "max_output_tokens",
        "max_tool_calls", "metadata", "parallel_tool_calls", "previous_response_id", "prompt",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning",
        "safety_identifier", "store", "stream", "temperature", "text", "tool_choice", "tools",
        "top_logprobs", "top_p", "truncation", "user", "image", "context_management",
        "frequency_penalty", "presence_penalty",
    }
)  # fmt: skip


_END_OF_TIME = 2**53  # whatever is beyond is no second since 1970


def head(response: Mapping[str, Any]) -> tuple[str | None, str | None, int | None]:
    """Get the id, the model and the time (Unix seconds) of an answer, where it has them."""
    created = response.get("created_at")
    if not isinstance(created, int | float) or not 1 <= created < _END_OF_TIME:
        created = None
    return (
        _text(response, "id"),
        _text(response, "model"),
        None if created is None else int(created),
    )


def answer_meta(response: Mapping[str, Any]) -> Meta | None:
    """Keep an answer's own fields that no part carries: service tier, use of tools."""
    return rest_meta(
        {key: item for key, item in response.items() if item not in ([], {})},
        *_MODELLED,
        *_ECHOED,
    )


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return mend_surrogates(found) if isinstance(found, str) and found else None
