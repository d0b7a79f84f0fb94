"""Replies in the language of whoever asks: told by the path, rendered as the gateway does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import msgspec
from msgspec import Struct

from dragoman.errors import InvalidRequest, ServerError
from dragoman.testing.reply import Asked, Fault, Reply
from dragoman.types.completion import Completion
from dragoman.types.event import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
)
from dragoman.types.message import Part, Reasoning, Text, ToolCall
from dragoman.types.request import ChatRequest
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat

NAMES = ("openai-completions", "openai-responses", "anthropic-messages")
_CREATED = 1_700_000_000
_NONSENSE = b'data: {"half of it\n\n'


class Spoken(Struct, frozen=True, kw_only=True):
    """An answer as bytes: `chunks` in order, then the fault, if there is one."""

    status: int
    headers: dict[str, str]
    chunks: tuple[bytes, ...]
    fault: Fault | None = None


def speak(reply: Reply, asked: Asked) -> Spoken:
    """Put a reply into the language of the path that was asked."""
    if asked.path.endswith("/models"):
        return _json(200, b'{"object":"list","data":[{"id":"fake","object":"model"}]}')
    wire = next((f for f in map(get_format, NAMES) if asked.path.endswith(f.path)), None)
    if wire is None:
        return _json(404, b'{"error":{"message":"there is no such path"}}')
    if reply.status >= 400:
        return _refusal(reply, wire)
    try:
        request = wire.parse_request(asked.body)
    except InvalidRequest as error:
        return _json(*wire.render_error(error))
    pieces = _streamed(reply, request, wire) if request.stream else None
    if pieces is not None:
        return _cut_short(reply, pieces)
    return _whole(reply, request, wire)


def _refusal(reply: Reply, wire: WireFormat) -> Spoken:
    error = ServerError(reply.text, status=reply.status, code=reply.code)
    spoken = _json(*wire.render_error(error))
    return msgspec.structs.replace(spoken, headers={**spoken.headers, **reply.headers})


def _whole(reply: Reply, request: ChatRequest, wire: WireFormat) -> Spoken:
    completion = Completion(
        parts=tuple(_parts(reply)),
        finish_reason=_ending(reply),
        usage=reply.usage,
        id="fake-1",
        model=request.model,
        created=_CREATED,
    )
    body = wire.render_response(completion, request).body
    if reply.fault is None:
        return _json(200, body, reply)
    kept = {"cut": body[: len(body) // 2], "stall": b"", "nonsense": b"half of it {"}[reply.fault]
    fault = None if reply.fault == "nonsense" else reply.fault
    return msgspec.structs.replace(_json(200, kept, reply), fault=fault)


def _streamed(reply: Reply, request: ChatRequest, wire: WireFormat) -> list[bytes]:
    renderer = wire.stream_renderer(request.model, include_usage=True, request=request)
    events = _events(reply, request.model)
    return [piece for event in events if (piece := renderer.render(event))]


def _cut_short(reply: Reply, pieces: list[bytes]) -> Spoken:
    """Let the fault happen where it should. The first piece says no more than that it begins."""
    headers = {"content-type": "text/event-stream", "cache-control": "no-cache", **reply.headers}
    fault = reply.fault
    if fault is not None:
        pieces = pieces[: reply.after + 1 if reply.after else 0]
    if fault == "nonsense":
        pieces, fault = [*pieces, _NONSENSE], "cut"
    return Spoken(status=200, headers=headers, chunks=tuple(pieces), fault=fault)


def _events(reply: Reply, model: str) -> Iterator[Event]:
    yield Start(id="fake-1", model=model, created=_CREATED)
    for index, part in zip(count(), _parts(reply), strict=False):
        yield from _part(index, part)
    yield Finish(_ending(reply), usage=reply.usage)


def _part(index: int, part: Part) -> Iterator[Event]:
    if isinstance(part, ToolCall):
        yield PartStart(index, ToolCall(part.id, part.name))
        pieces = [part.arguments[at : at + 8] for at in range(0, len(part.arguments), 8)]
        yield from (PartDelta(index, "tool_call", piece) for piece in pieces)
    elif isinstance(part, Reasoning):
        yield PartStart(index, Reasoning(""))
        yield from (PartDelta(index, "reasoning", piece) for piece in _words(part.text))
    elif isinstance(part, Text):
        yield PartStart(index, Text(""))
        yield from (PartDelta(index, "text", piece) for piece in _words(part.text))
    yield PartEnd(index, part)


def _parts(reply: Reply) -> Iterator[Part]:
    if reply.reasoning:
        yield Reasoning(reply.reasoning)
    if reply.text or not reply.calls:
        yield Text(reply.text)
    for number, (name, arguments) in enumerate(reply.calls, 1):
        yield ToolCall(f"call_{number}", name, arguments)


def _words(text: str) -> list[str]:
    """Split a text into words, each with the white space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def _ending(reply: Reply) -> FinishReason:
    return "tool_calls" if reply.calls else "stop"


def _json(status: int, body: bytes, reply: Reply | None = None) -> Spoken:
    headers = {"content-type": "application/json", **(reply.headers if reply else {})}
    return Spoken(status=status, headers=headers, chunks=(body,) if body else ())
