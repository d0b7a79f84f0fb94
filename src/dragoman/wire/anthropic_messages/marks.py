"""Cache marks as clients of chat completions set them, on their way to where they mean something.

OpenAI has none; routers and their clients put this API's own `cache_control` on parts and tools.

Source: https://openrouter.ai/docs/features/prompt-caching (read 2026-11)
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from dragoman.types.message import Message, Meta, Part, ToolResult, Unknown
from dragoman.types.request import ChatRequest, Tool
from dragoman.wire.anthropic_messages.schema import NAME

_MARK = "cache_control"
_MARKED = TypeVar("_MARKED", bound=Any)


def adopt_marks(request: ChatRequest) -> ChatRequest:
    """Make the cache marks of another format's parts and tools our own."""
    messages = tuple(map(_message, request.messages))
    tools = tuple(_adopted(tool) if isinstance(tool, Tool) else tool for tool in request.tools)
    if messages == request.messages and tools == request.tools:
        return request
    return replace(request, messages=messages, tools=tools)


def _message(message: Message) -> Message:
    parts = tuple(map(_part, message.parts))
    return message if parts == message.parts else replace(message, parts=parts)


def _part(part: Part) -> Part:
    if isinstance(part, Unknown):
        return part
    if isinstance(part, ToolResult):
        inner = tuple(map(_part, part.parts))
        part = part if inner == part.parts else replace(part, parts=inner)
    return _adopted(part)


def _adopted(marked: _MARKED) -> _MARKED:
    meta: Meta = marked.meta or {}
    for name, fields in meta.items():
        if name != NAME and isinstance(fields.get(_MARK), dict):
            rest = {key: value for key, value in fields.items() if key != _MARK}
            own = {_MARK: fields[_MARK], **meta.get(NAME, {})}
            return replace(marked, meta={**meta, name: rest, NAME: own})
    return marked
