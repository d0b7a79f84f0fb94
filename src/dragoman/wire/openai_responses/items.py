"""Items → parts, alike in answers and in requests.

An item with several contents repeats its own fields in the meta of each. What an upstream sent may
have any shape; what a client sent has been checked before it comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from dragoman.types.message import (
    Media,
    MediaKind,
    Meta,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.wire.annotations import read_logprobs, split_annotations
from dragoman.wire.data_url import split_data_url
from dragoman.wire.json_text import encode_text, mend_surrogates
from dragoman.wire.openai_responses.schema import NAME, flat_name, own, rest_meta
from dragoman.wire.parts import own_meta
from dragoman.wire.seal import is_sealed, unseal

Item = dict[str, Any]

_SPOKEN = ("id", "phase")
"""What a message of the model's has for itself, and every part of it repeats."""


def parse_output(output: Any) -> tuple[Part, ...]:
    """Read the items of an answer."""
    items = output if isinstance(output, list) else []
    return tuple(part for item in items if isinstance(item, dict) for part in parse_item(item))


def parse_item(item: Item) -> tuple[Part, ...]:
    """Read one item of an answer; one that has no type says nothing."""
    if not _string(item, "type"):
        return ()
    return read_item({**item, "role": "assistant"} if item["type"] == "message" else item)[1]


def read_item(item: Item) -> tuple[Role, tuple[Part, ...]]:
    """Read one item: who says it, and what."""
    kind = _string(item, "type")
    if (read := _ITEMS.get(kind)) is not None:
        return read(item)
    role: Role = "assistant"
    if kind.endswith("_output") or kind == "mcp_approval_response":
        role = "tool"
    elif kind in ("item_reference", "additional_tools", "compaction_trigger"):
        role = "user"
    return role, (Unknown(NAME, encode_text(item)),)


def _message(item: Item) -> tuple[Role, tuple[Part, ...]]:
    role: Role = item["role"]
    if role == "assistant":
        return role, tuple(part for part in message_parts(item) if part is not None)
    return role, parse_content(item.get("content"))


def message_parts(item: Item) -> list[Part | None]:
    """Read a message of the model's, part by part; None for one that says nothing."""
    fields = message_meta(item)
    parts: list[Part | None] = []
    for part in parse_content(item.get("content")):
        if isinstance(part, Text | Refusal):
            meta = own_meta(NAME, {**own(fields), **own(part.meta)})
            empty = not part.text and not own(part.meta) and not getattr(part, "citations", ())
            parts.append(None if empty else replace(part, meta=meta))
        else:
            parts.append(part)
    return parts


def message_meta(item: Item) -> Meta | None:
    """Keep what a message of the model's has for itself."""
    return own_meta(NAME, {name: item[name] for name in _SPOKEN if item.get(name)})


def parse_content(content: Any) -> tuple[Part, ...]:
    """Read content: a string, or a list of blocks."""
    if isinstance(content, str):
        return (Text(mend_surrogates(content)),)
    blocks = content if isinstance(content, list) else []
    return tuple(_block(block) for block in blocks if isinstance(block, dict))


def _block(block: Item) -> Part:
    read = _BLOCKS.get(_string(block, "type"))
    part = read(block) if read is not None else None
    return Unknown(NAME, encode_text(block)) if part is None else part


def _text(block: Item) -> Part:
    citations, others = split_annotations(block.get("annotations"), NAME)
    rest = {**block, "annotations": others or None}
    return Text(
        _string(block, "text"),
        rest_meta(rest, "type", "text", "logprobs"),
        citations,
        read_logprobs(block.get("logprobs")),
    )


def _refusal(block: Item) -> Part:
    return Refusal(_string(block, "refusal"), rest_meta(block, "type", "refusal"))


def _image(block: Item) -> Part | None:
    meta = rest_meta(block, "type", "image_url", "file_id", "detail")
    detail = _string(block, "detail") or None
    if file_id := _string(block, "file_id"):
        return Media(kind="image", file_id=file_id, detail=detail, meta=meta)
    return _from_url("image", _string(block, "image_url"), "image/png", detail=detail, meta=meta)


def _file(block: Item) -> Part | None:
    meta = rest_meta(block, "type", "file_id", "file_data", "file_url", "filename", "detail")
    kept: dict[str, Any] = {
        "name": _string(block, "filename") or None,
        "detail": _string(block, "detail") or None,
        "meta": meta,
    }
    if file_id := _string(block, "file_id"):
        return Media(kind="file", file_id=file_id, **kept)
    if url := _string(block, "file_url"):
        return _from_url("file", url, "application/pdf", **kept)
    data = _string(block, "file_data")
    if data and not data.startswith("data:"):
        return Media(kind="file", media_type="application/pdf", data="".join(data.split()), **kept)
    return _from_url("file", data, "application/pdf", **kept)


def _audio(block: Item) -> Part | None:
    inner = block.get("input_audio")
    if not isinstance(inner, dict):
        return None
    form = _string(inner, "format")
    media_type = "audio/mpeg" if form == "mp3" else f"audio/{form}"
    meta = rest_meta(block, "type", "input_audio")
    return Media(kind="audio", media_type=media_type, data=_string(inner, "data"), meta=meta)


def _from_url(kind: MediaKind, url: str, media_type: str, **fields: Any) -> Part | None:
    if not url:
        return None
    if (found := split_data_url(url)) is None:
        return Media(kind=kind, url=url, **fields)
    return Media(kind=kind, media_type=found[0] or media_type, data=found[1], **fields)


_BLOCKS: dict[str, Callable[[Item], Part | None]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}


def _reasoning(item: Item) -> tuple[Role, tuple[Part, ...]]:
    secret = item.get("encrypted_content")
    if is_sealed(secret):  # another format's
        found = unseal(str(secret), NAME)
        return "assistant", (Reasoning(reasoning_text(item), found.meta, found.signer),)
    return "assistant", (Reasoning(reasoning_text(item), reasoning_meta(item)),)


def reasoning_text(item: Item) -> str:
    """Get what people may read of a thought: all of it where it is told, else its summary."""
    return "".join(_texts(item.get("content"))) or "\n\n".join(_texts(item.get("summary")))


def reasoning_meta(item: Item) -> Meta | None:
    """Keep a thought as it must be sent back."""
    kept = {key: value for key, value in item.items() if value not in ([], "")}
    return rest_meta(kept, "type", "status")


def _texts(sections: Any) -> list[str]:
    found = sections if isinstance(sections, list) else []
    texts = [_string(section, "text") for section in found if isinstance(section, dict)]
    return [text for text in texts if text]


def _function_call(item: Item) -> tuple[Role, tuple[Part, ...]]:
    arguments = item.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else encode_text(arguments)
    text = mend_surrogates(arguments) if arguments.strip() else "{}"
    return "assistant", (ToolCall(call_id(item), call_name(item), text, call_meta(item)),)


def _custom_call(item: Item) -> tuple[Role, tuple[Part, ...]]:
    text = encode_text({"input": _string(item, "input")})
    return "assistant", (ToolCall(call_id(item), call_name(item), text, call_meta(item)),)


def call_id(item: Item) -> str:
    """Get the id by which a result will name its call."""
    return _string(item, "call_id") or _string(item, "id")


def call_name(item: Item) -> str:
    """Get the name of the tool, flat."""
    return flat_name(_string(item, "name"), _string(item, "namespace") or None)


def call_meta(item: Item) -> Meta | None:
    """Keep what a call carries beside its id and its arguments."""
    fields = {**item, "custom": True if item.get("type") == "custom_tool_call" else None}
    if not item.get("namespace"):
        fields["name"] = None
    return rest_meta(fields, "type", "call_id", "arguments", "input", "status")


def _call_output(item: Item) -> tuple[Role, tuple[Part, ...]]:
    fields = {**item, "custom": True if item["type"] == "custom_tool_call_output" else None}
    meta = rest_meta(fields, "type", "call_id", "output", "status", "name")
    output = item.get("output")
    name = _string(item, "name") or None
    return "tool", (ToolResult(call_id(item), parse_content(output), name=name, meta=meta),)


def _image_call(item: Item) -> tuple[Role, tuple[Part, ...]]:
    """Read a picture that the model made; one that is not there is a block like any other."""
    data = _string(item, "result")
    if not data:
        return "assistant", (Unknown(NAME, encode_text(item)),)
    media_type = f"image/{_string(item, 'output_format') or 'png'}"
    meta = rest_meta(item, "type", "result")
    return "assistant", (Media(kind="image", media_type=media_type, data=data, meta=meta),)


_ITEMS: dict[str, Callable[[Item], tuple[Role, tuple[Part, ...]]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "function_call_output": _call_output,
    "custom_tool_call_output": _call_output,
    "image_generation_call": _image_call,
}


def _string(item: Item, name: str) -> str:
    value = item.get(name)
    return mend_surrogates(value) if isinstance(value, str) else ""
