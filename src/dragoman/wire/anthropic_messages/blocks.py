"""Content blocks → parts, alike in answers and in requests.

What an upstream sent may have any shape; what a client sent has been checked before it comes here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.types.message import (
    Citation,
    Media,
    MediaKind,
    Meta,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.wire.anthropic_messages.schema import BESIDE, NAME, Block, kind_of, rest_meta
from dragoman.wire.ids import original_id
from dragoman.wire.json_text import decode, encode_text, mend_surrogates


def parse_content(raw: bytes) -> tuple[Part, ...]:
    """Read content as it stands in a body: a string, or a list of blocks."""
    try:
        values: list[msgspec.Raw] = _decode_list(raw)
    except (ValueError, RecursionError):
        return parse_blocks(decode(raw))
    parts = (parse_raw_block(bytes(value)) for value in values)
    return tuple(part for part in parts if part is not None)


def parse_raw_block(raw: bytes) -> Part | None:
    """Read one block as it stands in a body; numbers in it keep the form that they have there."""
    value = decode(raw)
    if not isinstance(value, dict):
        return parse_block(value)
    if (kind := kind_of(value)) == "tool_use":
        return parse_block(value, _raw_input(raw, value))
    if kind in _READERS:
        return parse_block(value)
    return Unknown(NAME, _text_of(raw) or encode_text(value))


def parse_blocks(content: Any) -> tuple[Part, ...]:
    """Read decoded content."""
    if isinstance(content, str):
        return (Text(mend_surrogates(content)),) if content else ()
    if not isinstance(content, list):
        return ()
    parts = (parse_block(block) for block in content)
    return tuple(part for part in parts if part is not None)


def parse_block(block: Any, arguments: str | None = None) -> Part | None:
    """Read one decoded block; None when there is nothing in it.

    `arguments` is a tool call's `input` as JSON text, verbatim, where it is known.
    """
    if isinstance(block, str):
        return Text(mend_surrogates(block)) if block else None
    if not isinstance(block, dict):
        return None
    if (kind := kind_of(block)) == "tool_use":
        return _tool_call(block, arguments)
    read = _READERS.get(kind)
    return Unknown(NAME, encode_text(block)) if read is None else read(block)


def refusal_part(details: Any, last_text: str) -> Refusal | None:
    """Make the part that says why an answer was refused: this API says so beside the content.

    Returns: None when it does not say why, or when the content ends with the same words, as where
    a server translates.
    """
    explanation = string(details, "explanation") if isinstance(details, dict) else ""
    return Refusal(explanation, BESIDE) if explanation not in ("", last_text) else None


def call_meta(block: Block) -> Meta | None:
    """Keep what a tool call carries beside id, name and input."""
    return rest_meta(block, "type", "id", "name", "input")


def text_meta(block: Block) -> Meta | None:
    """Keep what a text carries beside it: citations, cache marks."""
    return rest_meta(block, "type", "text")


def cited_pages(block: Block, text: str) -> tuple[Citation, ...]:
    """Find the pages that a text cites: all of it rests on each of them."""
    citations = block.get("citations")
    pages: list[Citation] = []
    for citation in citations if isinstance(citations, list) else ():
        if not isinstance(citation, dict):
            continue
        url = string(citation, "url") or string(citation, "source")
        if url.startswith(("http://", "https://")):
            pages.append(Citation(url, string(citation, "title") or None, 0, len(text)))
    return tuple(pages)


def thinking_meta(block: Block) -> Meta | None:
    """Keep what signs a thought; an empty signature is none."""
    unsigned = () if block.get("signature") else ("signature",)
    return rest_meta(block, "type", "thinking", *unsigned)


def _text(block: Block) -> Part | None:
    text, meta = string(block, "text"), text_meta(block)
    return Text(text, meta, cited_pages(block, text)) if text or meta else None


def _thinking(block: Block) -> Part | None:
    text, meta = string(block, "thinking"), thinking_meta(block)
    return Reasoning(text, meta) if text or meta else None


def _redacted(block: Block) -> Part | None:
    data = string(block, "data")
    return Reasoning("", {NAME: {"redacted": data}}) if data else None


def _tool_call(block: Block, arguments: str | None) -> Part:
    if arguments is None:
        arguments = input_text(block.get("input"))
    call_id = original_id(string(block, "id"))
    return ToolCall(call_id, string(block, "name"), arguments, call_meta(block))


def _tool_result(block: Block) -> Part:
    return ToolResult(
        original_id(string(block, "tool_use_id")),
        parse_blocks(block.get("content")),
        block.get("is_error") is True,
        meta=rest_meta(block, "type", "tool_use_id", "content", "is_error"),
    )


def _image(block: Block) -> Part:
    return _media(block, "image", rest_meta(block, "type", "source"))


def _document(block: Block) -> Part:
    meta = rest_meta(block, "type", "source", "title")
    return _media(block, "file", meta, string(block, "title") or None)


def _media(block: Block, kind: MediaKind, meta: Any, name: str | None = None) -> Part:
    source = block.get("source")
    fields = _read_source(source) if isinstance(source, dict) else None
    if fields is None:
        return Unknown(NAME, encode_text(block))
    return Media(kind=kind, name=name, meta=meta, **fields)


def _read_source(source: Block) -> dict[str, Any] | None:
    read = _SOURCES.get(kind_of(source))
    return None if read is None else read(source)


def _base64_source(source: Block) -> dict[str, Any] | None:
    data, media_type = string(source, "data"), string(source, "media_type")
    return {"data": "".join(data.split()), "media_type": media_type} if media_type else None


def _url_source(source: Block) -> dict[str, Any] | None:
    url = string(source, "url")
    return {"url": url} if url else None


def _file_source(source: Block) -> dict[str, Any] | None:
    file_id = string(source, "file_id")
    return {"file_id": file_id} if file_id else None


def _text_source(source: Block) -> dict[str, Any] | None:
    text = source.get("data")
    if not isinstance(text, str):
        return None
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return {"data": data, "media_type": "text/plain"}


_SOURCES: dict[str, Callable[[Block], dict[str, Any] | None]] = {
    "base64": _base64_source,
    "url": _url_source,
    "file": _file_source,
    "text": _text_source,
}

_READERS: dict[str, Callable[[Block], Part | None]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_result": _tool_result,
    "image": _image,
    "document": _document,
}


class _Call(Struct, gc=False):
    input: msgspec.Raw = msgspec.Raw(b"")


_decode_call = msgspec.json.Decoder(_Call).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _raw_input(raw: bytes, block: Block) -> str | None:
    """Find a call's input verbatim; None when it is no object."""
    if not isinstance(block.get("input"), dict):
        return None
    try:
        return _text_of(bytes(_decode_call(raw).input))
    except (ValueError, RecursionError):
        return None


def input_text(value: Any) -> str:
    """Write a decoded input as arguments. Some servers send the text of it."""
    if isinstance(value, str):
        return value or "{}"
    return "{}" if value is None else encode_text(value)


def _text_of(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def string(block: Block, name: str) -> str:
    """Read a field that must be a text; empty where it is none."""
    value = block.get(name)
    return mend_surrogates(value) if isinstance(value, str) else ""
