"""Histories as callers write them: ours, or in the shape of any of the three APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from dragoman.types.message import Message, user
from dragoman.wire import get_format

Messages: TypeAlias = str | Message | Sequence[Message | Mapping[str, Any]]
"""A prompt, or a history: messages of ours, or dicts as one of the three APIs has them."""

_ANTHROPIC = frozenset({
    "tool_use", "tool_result", "thinking", "redacted_thinking", "document", "search_result",
})  # fmt: skip
_RESPONSES = frozenset({
    "message", "function_call", "function_call_output", "custom_tool_call",
    "custom_tool_call_output", "input_text", "input_image", "input_file", "output_text",
})  # fmt: skip


_CONTINUED: Mapping[str, Mapping[str, Any]] = {
    "openai-responses": {"previous_response_id": "any"},
    "anthropic-messages": {"thread": {"type": "continue"}},
}
"""How a format is told that other messages come before these: calls that results answer."""


def read_messages(messages: Messages) -> tuple[Message, ...]:
    """Make messages of what a caller gave.

    The shape of dicts is told by what only one API has; what all have is read as chat completions.

    Raises: InvalidRequest that names the field.
    """
    if isinstance(messages, str):
        return (user(messages),)
    if isinstance(messages, Message):
        return (messages,)
    if all(isinstance(message, Message) for message in messages):
        return tuple(messages)  # type: ignore[arg-type]
    name = _shape(messages)
    if name == "openai-completions":
        from dragoman.wire.openai_completions import parse_messages

        return parse_messages(messages)
    read: list[Message] = []
    dicts: list[Mapping[str, Any]] = []
    for message in messages:
        if isinstance(message, Message):
            read += _parse(name, dicts)
            dicts = []
            read.append(message)
        else:
            dicts.append(message)
    return (*read, *_parse(name, dicts))


def _parse(name: str, history: list[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Have a format read a history as part of a request in its language."""
    if not history:
        return ()
    field = "input" if name == "openai-responses" else "messages"
    body = {"model": "any", "max_tokens": 1, field: history, **_CONTINUED.get(name, {})}
    return get_format(name).parse_request(msgspec.json.encode(body)).messages


def _shape(messages: Sequence[Message | Mapping[str, Any]]) -> str:
    for message in messages:
        if isinstance(message, Message):
            continue
        kinds = {message.get("type"), *_block_kinds(message.get("content"))}
        if kinds & _ANTHROPIC or _has_source(message.get("content")):
            return "anthropic-messages"
        if kinds & _RESPONSES or ("type" in message and "role" not in message):
            return "openai-responses"
    return "openai-completions"


def _block_kinds(content: Any) -> list[Any]:
    blocks = content if isinstance(content, list | tuple) else ()
    return [block.get("type") for block in blocks if isinstance(block, Mapping)]


def _has_source(content: Any) -> bool:
    """Anthropic's images have a `source`; nobody else's have."""
    blocks = content if isinstance(content, list | tuple) else ()
    return any(isinstance(block, Mapping) and "source" in block for block in blocks)
