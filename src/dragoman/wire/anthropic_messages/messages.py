"""Messages as a client sends them, read exactly: every complaint names the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.types.message import Message, Part, Reasoning, Role, ToolResult
from dragoman.wire.anthropic_messages.blocks import (
    parse_blocks,
    parse_raw_block,
)
from dragoman.wire.anthropic_messages.schema import NAME, Block, own, rest_meta
from dragoman.wire.fields import expect, read_bool, read_object, read_text, refuse
from dragoman.wire.seal import is_sealed, unseal

_BOM = b"\xef\xbb\xbf"
_ROLES: tuple[Role, ...] = ("user", "assistant", "system")


class _Message(Struct, gc=False):
    content: msgspec.Raw = msgspec.Raw(b"[]")


class _Request(Struct, gc=False):
    messages: list[_Message] = []


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def parse_messages(
    values: list[Any], body: bytes, *, continued: bool = False
) -> tuple[Message, ...]:
    """Read the messages of a request, whose `body` tells how numbers in it are written.

    The results of tools become messages of their own, as our vocabulary has it. `continued`: they
    may answer calls that the provider has kept.

    Raises: InvalidRequest that names the field, as in `messages[0].content[1].text`.
    """
    called: set[str] | None = None if continued else set()
    for index, value in enumerate(values):
        _check_message(value, f"messages[{index}]", called)
    raws = _decode_request(body.removeprefix(_BOM)).messages if b'"input"' in body else []
    parsed: list[Message] = []
    for index, value in enumerate(values):
        content = value["content"]
        if raws and isinstance(content, list) and value["role"] == "assistant":
            found = (parse_raw_block(bytes(raw)) for raw in _decode_list(raws[index].content))
            parts = tuple(part for part in found if part is not None)
        else:
            parts = parse_blocks(content)
        opened = map(_unsealed, parts)
        parsed.extend(_split(value, tuple(part for part in opened if part != Reasoning(""))))
    return tuple(parsed)


def parse_system(value: Any) -> tuple[Message, ...]:
    """Read the instructions. Raises: InvalidRequest."""
    if isinstance(value, list):
        for index, block in enumerate(value):
            _check_block(block, f"system[{index}]", set())
    elif not isinstance(value, str):
        expect(value, "system", "a string or a list")
    parts = parse_blocks(value)
    return (Message("system", parts),) if parts else ()


def _unsealed(part: Part) -> Part:
    """Open what we sealed into the reasoning of an earlier answer."""
    if not isinstance(part, Reasoning):
        return part
    fields = own(part.meta)
    sealed = fields.get("signature") or fields.get("redacted")
    if not isinstance(sealed, str) or not is_sealed(sealed):
        return part
    found = unseal(sealed, NAME)
    return Reasoning(part.text, found.meta, found.signer)


def _split(value: Block, parts: tuple[Part, ...]) -> list[Message]:
    """Part results of tools from what the user says."""
    role: Role = value["role"]
    meta = rest_meta(value, "role", "content")
    if role != "user" or not any(isinstance(part, ToolResult) for part in parts):
        return [Message(role, parts, meta=meta)]
    messages: list[Message] = []
    run: list[Part] = []
    for part in parts:
        if run and isinstance(part, ToolResult) != isinstance(run[-1], ToolResult):
            messages.append(_said(run))
            run = []
        run.append(part)
    return [*messages, _said(run)]


def _said(run: list[Part]) -> Message:
    return Message("tool" if isinstance(run[0], ToolResult) else "user", tuple(run))


def _check_message(value: Any, path: str, called: set[str] | None) -> None:
    message = read_object(value, path)
    role = read_text(message.get("role"), f"{path}.role")
    if role not in _ROLES:
        refuse(f"{path}.role", f"unknown role {role[:40]!r}; one of {', '.join(_ROLES)}")
    content = message.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        expect(content, f"{path}.content", "a string or a list")
    for index, block in enumerate(content):
        _check_block(block, f"{path}.content[{index}]", called)


def _check_block(value: Any, path: str, called: set[str] | None) -> None:
    """Check a block. `called` are the ids of calls so far; None: there may be others."""
    block = read_object(value, path)
    kind = read_text(block.get("type"), f"{path}.type")
    if (check := _CHECKS.get(kind)) is not None:
        check(block, path)
    if called is None:
        return
    if isinstance(block.get("id"), str):
        called.add(block["id"])
    if kind == "tool_result" and block["tool_use_id"] not in called:
        call_id = block["tool_use_id"][:80]
        refuse(f"{path}.tool_use_id", f"no tool_use before this has the id {call_id!r}")


def _check_text(block: Block, path: str) -> None:
    read_text(block.get("text"), f"{path}.text")


def _check_thinking(block: Block, path: str) -> None:
    read_text(block.get("thinking"), f"{path}.thinking")
    if block.get("signature") is not None:
        read_text(block["signature"], f"{path}.signature")


def _check_redacted(block: Block, path: str) -> None:
    read_text(block.get("data"), f"{path}.data")


def _check_call(block: Block, path: str) -> None:
    read_text(block.get("id"), f"{path}.id")
    read_text(block.get("name"), f"{path}.name")
    read_object(block.get("input"), f"{path}.input")


def _check_result(block: Block, path: str) -> None:
    read_text(block.get("tool_use_id"), f"{path}.tool_use_id")
    if block.get("is_error") is not None:
        read_bool(block["is_error"], f"{path}.is_error")
    content = block.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        expect(content, f"{path}.content", "a string or a list")
    for index, inner in enumerate(content):
        _check_block(inner, f"{path}.content[{index}]", set())


def _check_source(block: Block, path: str) -> None:
    source = read_object(block.get("source"), f"{path}.source")
    kind = read_text(source.get("type"), f"{path}.source.type")
    for field in _SOURCE_FIELDS.get(kind, ()):
        read_text(source.get(field), f"{path}.source.{field}")
    if block.get("title") is not None:
        read_text(block["title"], f"{path}.title")


_SOURCE_FIELDS = {
    "base64": ("media_type", "data"),
    "text": ("data",),
    "url": ("url",),
    "file": ("file_id",),
}

_CHECKS: dict[str, Callable[[Block, str], None]] = {
    "text": _check_text,
    "thinking": _check_thinking,
    "redacted_thinking": _check_redacted,
    "tool_use": _check_call,
    "tool_result": _check_result,
    "image": _check_source,
    "document": _check_source,
}
