"""Parts → content blocks: the pieces that answers and requests have in common."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from dragoman.types.message import Media, Reasoning, ToolCall, Unknown
from dragoman.wire.anthropic_messages.schema import NAME, Block, own
from dragoman.wire.json_text import decode

Warn = Callable[[str], None]


def render_input(arguments: str) -> Any:
    """Write a call's arguments as its `input`, verbatim, which must be an object.

    Returns: None when they are none; then the model wrote nonsense.
    """
    text = arguments.strip()
    if not text:
        return {}
    try:
        value = decode(text.encode("utf-8", "replace"))
    except ValueError:
        return None
    if not isinstance(value, dict):
        return {} if value is None else None
    try:
        return msgspec.Raw(text.encode())
    except UnicodeEncodeError:
        return value


def render_call(call: ToolCall, call_id: str, warn: Warn) -> Block:
    """Write a tool call. Arguments that are no JSON object are kept as text inside one."""
    value = render_input(call.arguments)
    if value is None:
        warn(f"the arguments of a call of {call.name} are no JSON object: sent as text")
        value = {"invalid_json": call.arguments}
    return {"type": "tool_use", "id": call_id, "name": call.name, "input": value, **own(call.meta)}


def render_own_reasoning(part: Reasoning) -> Block | None:
    """Write reasoning that a provider of this format has signed; None for any other."""
    fields = own(part.meta)
    if "redacted" in fields:
        return {"type": "redacted_thinking", "data": fields["redacted"]}
    if "signature" in fields:
        return {"type": "thinking", "thinking": part.text, **fields}
    return None


def render_unknown(part: Unknown) -> msgspec.Raw | None:
    """Write a block that we do not model, verbatim; None when it is another format's."""
    return msgspec.Raw(part.raw.encode()) if part.format == NAME else None


def render_media(part: Media) -> Block | None:
    """Write a picture or a file; None when this API has no block for it."""
    source = _source(part)
    if source is None:
        return None
    if part.kind == "image":
        return {"type": "image", "source": source, **own(part.meta)}
    title = {"title": part.name} if part.name else {}
    return {"type": "document", "source": source, **title, **own(part.meta)}


def _source(part: Media) -> Block | None:
    if part.kind not in ("image", "file"):
        return None
    if part.url is not None:
        return {"type": "url", "url": part.url}
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    media_type = part.media_type or ("image/png" if part.kind == "image" else "application/pdf")
    if part.kind == "file" and _is_text(media_type):
        text = _decoded(part.data or "")
        if text is not None:
            return {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "base64", "media_type": media_type, "data": part.data}


_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/yaml"})


def _is_text(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT_TYPES


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (ValueError, binascii.Error):
        return None
