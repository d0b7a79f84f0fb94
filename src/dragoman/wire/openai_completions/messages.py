"""Messages of chat completions as a client sends them, read exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.types.message import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.wire.data_url import split_data_url
from dragoman.wire.fields import expect, read_list, read_object, read_text, refuse
from dragoman.wire.json_text import encode_text
from dragoman.wire.openai_completions.content import image_part
from dragoman.wire.openai_completions.schema import NAME, REASONING_FIELDS
from dragoman.wire.parts import own_meta
from dragoman.wire.seal import is_sealed, unseal

_ROLES = ("system", "developer", "user", "assistant", "tool")
_READ = frozenset({"role", "content", "name", "tool_call_id", "tool_calls", "refusal"})
_ANSWER_ONLY = frozenset({"annotations", "logprobs", "images", "function_call"})
"""Fields that answers have and requests have not: dropped from answers that are sent back."""


def parse_messages(messages: Iterable[Mapping[str, Any] | Message]) -> tuple[Message, ...]:
    """Read messages in OpenAI's shape; messages of ours among them stay as they are.

    Neighbouring tool messages become one, as our vocabulary has it.

    Raises: InvalidRequest that names the field, as in `messages[0].content`.
    """
    parsed: list[Message] = []
    for index, message in enumerate(messages):
        if isinstance(message, Message):
            parsed.append(message)
            continue
        read = _message(message, f"messages[{index}]")
        if read.role == "tool" and parsed and parsed[-1].role == "tool":
            parsed[-1] = Message("tool", parsed[-1].parts + read.parts)
        else:
            parsed.append(read)
    return tuple(parsed)


def _message(value: Any, path: str) -> Message:
    if not isinstance(value, Mapping):
        expect(value, path, "an object")
    message = dict(value)
    role = message.get("role")
    if role not in _ROLES:
        if isinstance(role, str):
            refuse(f"{path}.role", f"unknown role {role[:40]!r}; one of {', '.join(_ROLES)}")
        expect(role, f"{path}.role", "a string")
    name = message.get("name")
    if name is not None:
        read_text(name, f"{path}.name")
    content = message.get("content")
    if role == "tool":
        return _tool_message(message, content, name, path)
    if role == "assistant":
        return _assistant(message, content, name, path)
    if content is None:
        refuse(f"{path}.content", "is missing")
    own = {key: item for key, item in message.items() if key not in _READ}
    return Message(role, _content(content, f"{path}.content"), name, own_meta(NAME, own))


def _tool_message(message: dict[str, Any], content: Any, name: Any, path: str) -> Message:
    call_id = read_text(message.get("tool_call_id"), f"{path}.tool_call_id")
    parts = () if content is None else _content(content, f"{path}.content")
    own = {key: item for key, item in message.items() if key not in _READ}
    result = ToolResult(call_id, parts, name=name, meta=own_meta(NAME, own))
    return Message("tool", (result,))


def _assistant(message: dict[str, Any], content: Any, name: Any, path: str) -> Message:
    parts: list[Part] = []
    parts += _reasoning(message)
    if content is not None:
        parts.extend(part for part in _content(content, f"{path}.content") if part != Text(""))
    if (refusal := message.get("refusal")) is not None:
        parts.append(Refusal(read_text(refusal, f"{path}.refusal")))
    calls = message.get("tool_calls")
    for index, call in enumerate([] if calls is None else read_list(calls, f"{path}.tool_calls")):
        parts.append(_call(call, f"{path}.tool_calls[{index}]"))
    known = _READ | _ANSWER_ONLY | {*REASONING_FIELDS, "reasoning_details"}
    own = {key: item for key, item in message.items() if key not in known and item is not None}
    return Message("assistant", tuple(parts), name, own_meta(NAME, own))


def _reasoning(message: dict[str, Any]) -> list[Part]:
    """Read what an answer of ours, or of a server's, said that it thought."""
    text = next((message[key] for key in REASONING_FIELDS if isinstance(message.get(key), str)), "")
    details = message.get("reasoning_details")
    details = details if isinstance(details, list) else []
    sealed = [item["data"] for item in details if _is_sealed(item)]
    found = [unseal(data, NAME) for data in sealed]
    parts: list[Part] = [Reasoning(one.text, one.meta, one.signer) for one in found if one.meta]
    if parts:
        text = text.removeprefix("".join(one.text for one in found))
    others = [item for item in details if not _is_sealed(item)]
    own = {"reasoning_details": others} if others else {}
    return [*parts, Reasoning(text, own_meta(NAME, own))] if text or own else parts


def _is_sealed(item: Any) -> bool:
    return isinstance(item, dict) and is_sealed(item.get("data"))


def _call(value: Any, path: str) -> Part:
    call = read_object(value, path)
    if call.get("type", "function") != "function":
        return Unknown(NAME, encode_text(call))
    function = read_object(call.get("function"), f"{path}.function")
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = encode_text(arguments)  # what many write by hand
    own = {
        key: item for key, item in call.items() if key not in ("id", "type", "function", "index")
    }
    return ToolCall(
        read_text(call.get("id"), f"{path}.id"),
        read_text(function.get("name"), f"{path}.function.name"),
        read_text("" if arguments is None else arguments, f"{path}.function.arguments"),
        own_meta(NAME, own),
    )


def _content(content: Any, path: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list | tuple):
        expect(content, path, "a string or a list")
    return tuple(_part(part, f"{path}[{index}]") for index, part in enumerate(content))


def _part(value: Any, path: str) -> Part:
    if isinstance(value, str):
        return Text(value)
    part = read_object(value, path)
    kind = read_text(part.get("type"), f"{path}.type")
    read = _PARTS.get(kind)
    return Unknown(NAME, encode_text(part)) if read is None else read(part, path)


def _text(part: dict[str, Any], path: str) -> Part:
    return Text(read_text(part.get("text"), f"{path}.text"), _own(part, "text"))


def _refusal(part: dict[str, Any], path: str) -> Part:
    return Refusal(read_text(part.get("refusal"), f"{path}.refusal"), _own(part, "refusal"))


def _image(part: dict[str, Any], path: str) -> Part:
    inner = part.get("image_url")
    if isinstance(inner, str):
        inner = {"url": inner}
    inner = read_object(inner, f"{path}.image_url")
    url = read_text(inner.get("url"), f"{path}.image_url.url")
    if not url:
        refuse(f"{path}.image_url.url", "is empty")
    detail = inner.get("detail")
    if detail is not None:
        read_text(detail, f"{path}.image_url.detail")
    return replace(image_part(url, detail), meta=_own(part, "image_url"))


def _video(part: dict[str, Any], path: str) -> Part:
    inner = read_object(part.get("video_url"), f"{path}.video_url")
    url = read_text(inner.get("url"), f"{path}.video_url.url")
    found = split_data_url(url)
    meta = _own(part, "video_url")
    if found is None:
        return Media(kind="video", url=url, meta=meta)
    return Media(kind="video", media_type=found[0] or "video/mp4", data=found[1], meta=meta)


def _audio(part: dict[str, Any], path: str) -> Part:
    inner = read_object(part.get("input_audio"), f"{path}.input_audio")
    data = read_text(inner.get("data"), f"{path}.input_audio.data")
    form = read_text(inner.get("format"), f"{path}.input_audio.format")
    media_type = "audio/mpeg" if form == "mp3" else f"audio/{form}"
    return Media(kind="audio", media_type=media_type, data=data, meta=_own(part, "input_audio"))


def _file(part: dict[str, Any], path: str) -> Part:
    inner = read_object(part.get("file"), f"{path}.file")
    name = inner.get("filename")
    if name is not None:
        read_text(name, f"{path}.file.filename")
    meta = _own(part, "file")
    if (file_id := inner.get("file_id")) is not None:
        identifier = read_text(file_id, f"{path}.file.file_id")
        return Media(kind="file", file_id=identifier, name=name, meta=meta)
    url = read_text(inner.get("file_data"), f"{path}.file.file_data")
    found = split_data_url(url)
    if found is not None:
        media_type = found[0] or "application/octet-stream"
        return Media(kind="file", media_type=media_type, data=found[1], name=name, meta=meta)
    if url.startswith(("http://", "https://")):  # OpenRouter
        return Media(kind="file", url=url, name=name, meta=meta)
    return Media(kind="file", media_type="application/pdf", data=url, name=name, meta=meta)


_PARTS = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "video_url": _video,
    "input_audio": _audio,
    "file": _file,
}


def _own(part: dict[str, Any], key: str) -> Any:
    """Keep what a part carries beside its content (`cache_control`)."""
    return own_meta(NAME, {name: part[name] for name in part if name not in ("type", key)})
