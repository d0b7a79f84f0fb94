"""What a client sends as `input`, checked exactly and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragoman.types.message import Message
from dragoman.wire.fields import expect, read_list, read_object, read_text, refuse
from dragoman.wire.openai_responses.items import read_item

Check = Callable[[Any, str], Any]

_ROLES = ("user", "assistant", "system", "developer")
_GROUPED = ("assistant", "tool")
"""Neighbouring items of these are one message: one turn of the model's, the results of one."""


def parse_input(value: Any) -> list[Message]:
    """Read the input: a text, or items. Raises: InvalidRequest that names the field."""
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    elif not isinstance(value, list):
        expect(value, "input", "a string or a list")
    messages: list[Message] = []
    for index, item in enumerate(value):
        role, parts = read_item(_checked(item, f"input[{index}]"))
        if role in _GROUPED and messages and messages[-1].role == role:
            messages[-1] = Message(role, messages[-1].parts + parts)
        else:
            messages.append(Message(role, parts))
    return messages


def check_results(value: Any) -> None:
    """See that every result of a tool has a call before it, unless the provider keeps some items.

    Raises: InvalidRequest that names the field.
    """
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    if any(item.get("type") in (None, "item_reference") and "role" not in item for item in items):
        return
    called: set[str] = set()
    for index, item in enumerate(items):
        if not isinstance(call_id := item.get("call_id"), str):
            continue
        if item.get("type") in _RESULTS and call_id not in called:
            refuse(f"input[{index}].call_id", f"no item before this is the call {call_id[:80]!r}")
        called.add(call_id)


_RESULTS = ("function_call_output", "custom_tool_call_output")


def _checked(value: Any, path: str) -> dict[str, Any]:
    """Check an item; give it the type that it may leave out."""
    item = read_object(value, path)
    if item.get("type") is None:
        if "role" not in item and "id" in item:
            item = {**item, "type": "item_reference"}
        else:
            item = {**item, "type": "message"}
    kind = read_text(item["type"], f"{path}.type")
    for name, check in _ITEMS.get(kind, {}).items():
        check(item.get(name), f"{path}.{name}")
    return item


def _role(value: Any, path: str) -> None:
    if read_text(value, path) not in _ROLES:
        refuse(path, f"unknown role {value[:40]!r}; one of {', '.join(_ROLES)}")


def _optional(check: Check) -> Check:
    return lambda value, path: None if value is None else check(value, path)


def _content(value: Any, path: str) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list):
        expect(value, path, "a string or a list")
    for index, item in enumerate(value):
        where = f"{path}[{index}]"
        block = read_object(item, where)
        kind = read_text(block.get("type"), f"{where}.type")
        for name, check in _BLOCKS.get(kind, {}).items():
            check(block.get(name), f"{where}.{name}")
        sources = _SOURCES.get(kind)
        if sources and not any(block.get(name) for name in sources):
            refuse(where, f"one of {', '.join(sources)} must be set")


def _sections(value: Any, path: str) -> None:
    for index, item in enumerate(read_list(value, path)):
        where = f"{path}[{index}]"
        read_text(read_object(item, where).get("text"), f"{where}.text")


def _audio(value: Any, path: str) -> None:
    inner = read_object(value, path)
    for name in ("data", "format"):
        read_text(inner.get(name), f"{path}.{name}")


_text_or_none = _optional(read_text)

_ITEMS: dict[str, dict[str, Check]] = {
    "message": {"role": _role, "content": _content, "id": _text_or_none, "phase": _text_or_none},
    "function_call": {
        "call_id": read_text,
        "name": read_text,
        "arguments": read_text,
        "namespace": _text_or_none,
        "id": _text_or_none,
    },
    "custom_tool_call": {
        "call_id": read_text,
        "name": read_text,
        "input": read_text,
        "namespace": _text_or_none,
        "id": _text_or_none,
    },
    "function_call_output": {"call_id": read_text, "output": _content, "name": _text_or_none},
    "custom_tool_call_output": {"call_id": read_text, "output": _content},
    "reasoning": {
        "id": _text_or_none,
        "summary": _optional(_sections),
        "content": _optional(_sections),
        "encrypted_content": _text_or_none,
    },
}

_BLOCKS: dict[str, dict[str, Check]] = {
    "input_text": {"text": read_text},
    "output_text": {"text": read_text},
    "text": {"text": read_text},
    "refusal": {"refusal": read_text},
    "input_image": {
        "image_url": _text_or_none,
        "file_id": _text_or_none,
        "detail": _text_or_none,
    },
    "input_file": {
        "file_id": _text_or_none,
        "file_url": _text_or_none,
        "file_data": _text_or_none,
        "filename": _text_or_none,
    },
    "input_audio": {"input_audio": _audio},
}

_SOURCES = {
    "input_image": ("image_url", "file_id"),
    "input_file": ("file_id", "file_url", "file_data"),
}
"""Blocks that must say in one of these ways where their content is."""
