"""What Converse and ConverseStream answer, read.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html and
/API_runtime_TokenUsage.html (read 2026-11)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import Ask
from dragoman.adapters.bedrock.media import media_type_of
from dragoman.adapters.bedrock.models import NAME
from dragoman.adapters.frames import Piece
from dragoman.errors import ProtocolError
from dragoman.types.message import Citation, Media, Reasoning, Text
from dragoman.types.usage import Usage
from dragoman.wire.error_body import bounded
from dragoman.wire.tokens import TokenReader, doubts

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "guardrail_intervened": "content_filter",
        "content_filtered": "content_filter",
        "malformed_model_output": "error",
        "malformed_tool_use": "error",
    }
)

_KEPT = ("metrics", "trace", "performanceConfig", "serviceTier", "additionalModelResponseFields")
"""What of an answer no part carries."""

_NO_PAGE = "citations that name no page of the web are left out"
_OWN_TOOL = "the model used a tool of the service's own: what it did is left out"


class _Use(msgspec.Struct):
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Block(msgspec.Struct):
    toolUse: _Use | None = None  # noqa: N815


class _Message(msgspec.Struct):
    content: list[_Block] = []


class _Output(msgspec.Struct):
    message: _Message = msgspec.field(default_factory=_Message)


class _Whole(msgspec.Struct):
    output: _Output = msgspec.field(default_factory=_Output)


_open = msgspec.json.Decoder(_Whole).decode


def read_response(answer: Piece, out: Answer) -> None:
    """Read a whole answer. Raises: ProtocolError."""
    body = answer.object()
    message = _object(answer["output"]).get("message")
    if not isinstance(message, dict):
        raise ProtocolError("the upstream's answer has no message", raw=bounded(answer.data))
    router = _object(_object(body.get("trace")).get("promptRouter"))
    out.start(id=answer.headers.get("x-amzn-requestid"), model=_model(router))
    inputs = _inputs(answer.data)
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        for name, value in _object(block).items():
            if (read := _BLOCKS.get(name)) is not None:
                read(out, value, inputs)
    _read_usage(out, body.get("usage"))
    _finish(out, body)


def _inputs(data: bytes) -> list[str]:
    """Find the arguments of the calls as they were written, in order; empty when that fails."""
    try:
        blocks = _open(data).output.message.content
    except (ValueError, RecursionError):
        return []
    return [bytes(block.toolUse.input).decode() for block in blocks if block.toolUse is not None]


def _read_text(out: Answer, value: Any, inputs: list[str]) -> None:
    del inputs
    out.text(value if isinstance(value, str) else None)


def _read_reasoning(out: Answer, value: Any, inputs: list[str]) -> None:
    del inputs
    said = _object(value)
    thought = _object(said.get("reasoningText"))
    signature = thought.get("signature")
    if isinstance(said.get("redactedContent"), str):
        out.part(_redacted(said["redactedContent"]))
    elif isinstance(thought.get("text"), str):
        meta = {NAME: {"signature": signature}} if isinstance(signature, str) else None
        out.part(Reasoning(thought["text"], meta))


def _read_call(out: Answer, value: Any, inputs: list[str]) -> None:
    use = _object(value)
    written = inputs.pop(0) if inputs else ""
    if use.get("type") == "server_tool_use":
        out.warn(_OWN_TOOL)
        return
    out.tool_call(
        id=_str(use.get("toolUseId")),
        name=_str(use.get("name")),
        arguments=written or _object(use.get("input")),
    )


def _read_own_tool(out: Answer, value: Any, inputs: list[str]) -> None:
    del value, inputs
    out.warn(_OWN_TOOL)


def _read_cited(out: Answer, value: Any, inputs: list[str]) -> None:
    del inputs
    said = _object(value)
    content = said.get("content")
    texts = [_object(one).get("text") for one in content] if isinstance(content, list) else []
    text = "".join(one for one in texts if isinstance(one, str))
    cited = said.get("citations")
    found = [_citation(one, len(text)) for one in cited] if isinstance(cited, list) else []
    pages = tuple(one for one in found if one is not None)
    if len(pages) < len(found):
        out.warn(_NO_PAGE)
    if text:
        out.part(Text(text, citations=pages))


def _read_image(out: Answer, value: Any, inputs: list[str]) -> None:
    del inputs
    image = _object(value)
    data = _object(image.get("source")).get("bytes")
    if isinstance(data, str):
        kind = media_type_of(image.get("format"))
        out.part(Media(kind="image", media_type=kind, data=data))


_BLOCKS: Mapping[str, Callable[[Answer, Any, list[str]], None]] = MappingProxyType(
    {
        "text": _read_text,
        "reasoningContent": _read_reasoning,
        "toolUse": _read_call,
        "toolResult": _read_own_tool,
        "citationsContent": _read_cited,
        "image": _read_image,
    }
)


# -- a stream


def read_frame(frame: Piece, out: Answer, ask: Ask) -> None:
    """Read one frame of a stream; what is no event that we know says nothing."""
    if (read := _EVENTS.get(frame.event)) is not None:
        read(frame.object(), out, ask.state.setdefault("open", {}))


_Open = dict[Any, dict[str, Any]]
"""Blocks that are put together before they are told, by index."""


def _began(event: dict[str, Any], out: Answer, blocks: _Open) -> None:
    del event, blocks
    out.start()


def _started(event: dict[str, Any], out: Answer, blocks: _Open) -> None:
    index, start = event.get("contentBlockIndex"), _object(event.get("start"))
    use = _object(start.get("toolUse"))
    if "toolResult" in start or use.get("type") == "server_tool_use":
        out.warn(_OWN_TOOL)
        blocks[index] = {"skip": True}
    elif use:
        out.tool_call(index, id=_str(use.get("toolUseId")), name=_str(use.get("name")))
    elif "image" in start:
        blocks[index] = {"format": _object(start["image"]).get("format"), "pieces": []}


def _grew(event: dict[str, Any], out: Answer, blocks: _Open) -> None:
    index, delta = event.get("contentBlockIndex"), _object(event.get("delta"))
    if blocks.get(index, {}).get("skip"):
        return
    out.text(_str(delta.get("text")))
    if (use := _object(delta.get("toolUse"))) and isinstance(use.get("input"), str):
        out.tool_call(index, arguments=use["input"])
    thought = _object(delta.get("reasoningContent"))
    signature = _str(thought.get("signature"))
    if signature:
        block = blocks.setdefault(index, {})
        block["signature"] = block.get("signature", "") + signature
        out.reasoning(None, {NAME: {"signature": block["signature"]}})
    out.reasoning(_str(thought.get("text")))
    if isinstance(thought.get("redactedContent"), str):
        blocks.setdefault(index, {"redacted": True, "pieces": []})["pieces"].append(
            thought["redactedContent"]
        )
    if (image := _object(delta.get("image"))) and index in blocks:
        data = _object(image.get("source")).get("bytes")
        blocks[index]["pieces"] += [data] if isinstance(data, str) else []
    if "citation" in delta:
        cited = _citation(delta["citation"], 0)
        if cited is None:
            out.warn(_NO_PAGE)
        else:
            out.cite(cited)


def _ended(event: dict[str, Any], out: Answer, blocks: _Open) -> None:
    block = blocks.pop(event.get("contentBlockIndex"), {})
    out.end_part()
    if block.get("redacted"):
        out.part(_redacted(_joined(block["pieces"])))
    elif block.get("pieces"):
        kind = media_type_of(block.get("format"))
        out.part(Media(kind="image", media_type=kind, data=_joined(block["pieces"])))


def _stopped(event: dict[str, Any], out: Answer, blocks: _Open) -> None:
    blocks[None] = event
    _finish(out, event)


def _measured(event: dict[str, Any], out: Answer, blocks: _Open) -> None:
    _read_usage(out, event.get("usage"))
    _keep(out, {**blocks.get(None, {}), **event})


_EVENTS: Mapping[str, Callable[[dict[str, Any], Answer, _Open], None]] = MappingProxyType(
    {
        "messageStart": _began,
        "contentBlockStart": _started,
        "contentBlockDelta": _grew,
        "contentBlockStop": _ended,
        "messageStop": _stopped,
        "metadata": _measured,
    }
)


# -- both


def _finish(out: Answer, body: dict[str, Any]) -> None:
    raw = _str(body.get("stopReason"))
    fields = _object(body.get("additionalModelResponseFields"))
    sequence = _str(fields.get("stop_sequence")) if raw == "stop_sequence" else None
    reason = _REASONS.get(raw, "other") if raw else "stop"
    out.finish(reason, raw=raw, stop_sequence=sequence)
    _keep(out, body)


def _keep(out: Answer, body: dict[str, Any]) -> None:
    kept = {name: body[name] for name in _KEPT if body.get(name) is not None}
    if kept:
        out.meta({NAME: kept})


def _read_usage(out: Answer, raw: Any) -> None:
    usage = parse_usage(_object(raw))
    if usage is not None:
        out.usage(usage)
        for doubt in doubts(usage):
            out.warn(doubt)


def parse_usage(raw: dict[str, Any]) -> Usage | None:
    """Read a report. Input tokens here are those that no cache had part in.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: the total is
    inputTokens + cacheReadInputTokens + cacheWriteInputTokens (read 2026-11)
    """
    read = TokenReader()
    fresh = read.first(raw, "inputTokens")
    cache_read = read.first(raw, "cacheReadInputTokens")
    cache_write = read.first(raw, "cacheWriteInputTokens")
    details = raw.get("cacheDetails")
    hour = None
    for detail in details if isinstance(details, list) else ():
        if _object(detail).get("ttl") == "1h":
            hour = (hour or 0) + (read.first(_object(detail), "inputTokens") or 0)
    prompt = None if fresh is None else fresh + (cache_read or 0) + (cache_write or 0)
    return read.usage(
        prompt,
        read.first(raw, "outputTokens"),
        cache_read=cache_read,
        cache_write=cache_write,
        cache_write_1h=hour,
    )


def _redacted(data: str) -> Reasoning:
    return Reasoning("", {NAME: {"redacted": data}})


def _joined(pieces: list[str]) -> str:
    """Join base64 texts of pieces to that of the whole; as they are, if one is none."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        whole = b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except (ValueError, binascii.Error):
        return "".join(pieces)
    return base64.b64encode(whole).decode()


def _citation(value: Any, end: int) -> Citation | None:
    said = _object(value)
    url = _object(_object(said.get("location")).get("web")).get("url")
    return Citation(url, _str(said.get("title")), 0, end) if isinstance(url, str) else None


def _model(router: dict[str, Any]) -> str | None:
    return _str(router.get("invokedModelId"))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None
