"""What a model can do, found out with the smallest requests that show it."""

from __future__ import annotations

import json
import struct
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Literal, Unpack

from msgspec import Struct

from dragoman.client import Client
from dragoman.conversation import Messages
from dragoman.params import Params
from dragoman.stream import Stream
from dragoman.types.completion import Completion
from dragoman.types.credential import Secret
from dragoman.types.event import PartDelta
from dragoman.types.message import Media, Message, user
from dragoman.types.request import JsonSchema, Tool

SHORT_TOKENS = 16
"""The least that every API accepts: OpenAI's refuses less."""
LONG_TOKENS = 128
"""Enough for a short call or object, after some thinking."""
TOTAL_S = 120.0
"""For one step: a model that is still being loaded may need it."""

CHECK_SCHEMA = JsonSchema(
    {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    },
    name="check",
)
TIME_TOOL = Tool(
    "get_time",
    "Tell the time in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SCHEMA_QUESTION = 'Answer with the JSON object {"ok": true}.'
TOOL_QUESTION = "What time is it in Paris? Call get_time."


class Told(Struct, frozen=True):
    """What was seen. `usage`: whether the answer came with its tokens."""

    verdict: Literal["ok", "warning"]
    detail: str = ""
    fix: str | None = None
    usage: bool | None = None


class Asker(Struct, frozen=True):
    """Asks one model, once, without retries. `key` comes before all configured ones.

    `first_token_s` holds for streams alone: it would have whole answers streamed as well.
    """

    client: Client
    ref: str
    key: Secret | None = None
    total_s: float = TOTAL_S
    first_token_s: float = 60.0

    def chat(self, messages: Messages, **params: Unpack[Params]) -> Completion:
        """Get a whole answer. Raises: DragomanError."""
        return self.client.chat(self.ref, messages, **self._with(params))

    def stream(self, messages: Messages, **params: Unpack[Params]) -> Stream:
        """Get a streamed answer. Raises, from the iteration: DragomanError."""
        timed: Params = {"first_token": self.first_token_s, **self._with(params)}
        return self.client.stream(self.ref, messages, **timed)

    def _with(self, params: Params) -> Params:
        merged: Params = {"retries": 0, "total": self.total_s, **params}
        if self.key is not None:
            merged["api_key"] = self.key
        return merged


Ask = Callable[[Asker], Told]
"""Find one thing out. Raises: DragomanError when the provider says no."""


def ask_chat(asker: Asker) -> Told:
    """Get a whole answer."""
    return Told("ok", _amount(asker.chat("Say OK.", max_tokens=SHORT_TOKENS)))


def ask_stream(asker: Asker) -> Told:
    """Get a streamed answer."""
    began = time.monotonic()
    first: float | None = None
    with asker.stream("Say OK.", max_tokens=SHORT_TOKENS) as stream:
        for event in stream:
            if first is None and isinstance(event, PartDelta):
                first = time.monotonic() - began
        answer = stream.completion
    detail = "nothing was said" if first is None else f"first token {first * 1000:.0f} ms"
    return Told("ok", detail, usage=answer.usage is not None)


def ask_tools(asker: Asker) -> Told:
    """Have the model call a function."""
    return judge_tools(asker.chat(TOOL_QUESTION, tools=[TIME_TOOL], max_tokens=LONG_TOKENS))


def judge_tools(answer: Completion) -> Told:
    """See whether an answer calls the function."""
    calls = answer.tool_calls
    if any(call.name == TIME_TOOL.name and is_object(call.arguments) for call in calls):
        return Told("ok", "called the function")
    if answer.finish_reason == "length":
        return Told("warning", f"accepted; cut off after {LONG_TOKENS} tokens, before a call")
    if answer.tool_calls:
        return Told("warning", "called, with arguments that are no JSON object")
    return Told("warning", "accepted, and answered in text", "another model may call functions")


def ask_schema(asker: Asker) -> Told:
    """Have the model answer by a JSON Schema."""
    answer = asker.chat(SCHEMA_QUESTION, output=CHECK_SCHEMA, max_tokens=LONG_TOKENS)
    return judge_schema(answer)


def judge_schema(answer: Completion) -> Told:
    """See whether an answer keeps to the schema."""
    found = decode(answer.text)
    if isinstance(found, dict) and isinstance(found.get("ok"), bool):
        return Told("ok", "kept to the schema")
    if answer.finish_reason == "length":
        return Told("warning", f"accepted; cut off after {LONG_TOKENS} tokens")
    return Told(
        "warning", "accepted, and not kept to", 'dialect = { json_schema = "object" } may do better'
    )


def ask_images(asker: Asker) -> Told:
    """Show the model a small picture."""
    asker.chat([picture_question()], max_tokens=SHORT_TOKENS)
    return Told("ok", "accepted")


def picture_question() -> Message:
    """Ask for the colour of a red square."""
    picture = Media(kind="image", media_type="image/png", data=_square())
    return user("Which colour is this?", picture)


ABILITIES: Mapping[Literal["tools", "schema", "images"], Ask] = {
    "tools": ask_tools,
    "schema": ask_schema,
    "images": ask_images,
}
"""What a provider need not have, in order."""


def _amount(answer: Completion) -> str:
    tokens = answer.usage.completion_tokens if answer.usage else None
    if tokens is None:
        return "answered" if answer.text or answer.reasoning else "answered with nothing"
    return f"{tokens} token{'' if tokens == 1 else 's'}"


def is_object(text: str) -> bool:
    """Tell whether text is a JSON object."""
    return isinstance(decode(text), dict)


def decode(text: str) -> Any:
    """Read JSON; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _square(size: int = 32) -> str:
    """Draw a red square as a PNG in base64: some servers refuse anything smaller.

    Source: https://www.w3.org/TR/png-3 (read 2026-11)
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + b"\xd0\x20\x20" * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()
