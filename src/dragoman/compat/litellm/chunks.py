"""Pieces of an answer in any of LiteLLM's shapes → frames of a chat completion's stream.

    {"text": …, "is_finished": …}   a GenericStreamingChunk, or what a `handle_…_chunk` returns
    ModelResponseStream             ours, LiteLLM's own, or the same as a dict
    "text"                          text

The frames are read by the parser of that wire format, as if a server had sent them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from dragoman.compat.litellm.shapes import dump, map_finish_reason
from dragoman.wire.json_text import encode

DONE = b"data: [DONE]\n\n"

_REQUIRED = ("text", "is_finished")


class WrongShape(TypeError):
    """Something, the `value`, is no piece of an answer."""

    def __init__(self, message: str, value: Any) -> None:
        super().__init__(message)
        self.value = value


class FrameWriter:
    """Writes frames. What ends an answer, its reason and usage, is held back until `end`."""

    def __init__(self, model: str) -> None:
        self.finished = False
        self.anything = False
        self._model = model
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._reasons: dict[int, str] = {}
        self._usage: Any = None
        self._called: set[int] = set()
        self._begun: set[int] = set()

    def add(self, chunk: Any) -> bytes:
        """Write a piece; nothing when there is nothing in it. Raises: WrongShape."""
        fields = read_chunk(chunk)
        if fields.get("usage"):
            self._usage = fields["usage"]
        if isinstance(name := fields.get("model"), str) and name:
            self._model = name
        choices = [self._choice(one) for one in _objects(fields.get("choices"))]
        said = [choice for choice in choices if choice is not None]
        return self._frame(said) if said else b""

    def end(self, *, whole: bool = True) -> bytes:
        """Write the end. Not `whole`: if no reason was said, it counts as cut off."""
        if whole and not self._reasons:
            self._reasons[0] = "stop"
        choices = [
            {"index": i, "delta": {}, "finish_reason": self._reason(i)} for i in self._reasons
        ]
        frames = self._frame(choices) if choices else b""
        if self._usage is not None:
            frames += self._frame([], usage=self._usage)
        return frames + (DONE if self._reasons else b"")

    def fail(self, body: bytes) -> bytes:
        """Write an error's body in the middle of an answer."""
        return b"data: " + body + b"\n\n"

    def _choice(self, choice: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take what a choice says; None when that is nothing yet."""
        index = choice.get("index") or 0
        if reason := choice.get("finish_reason"):
            self._reasons[index] = map_finish_reason(str(reason))
            self.finished = True
        given = choice.get("delta")
        said = given if isinstance(given, Mapping) else {}
        delta = {name: value for name, value in said.items() if value is not None}
        delta.pop("role", None)
        if calls := list(_objects(delta.get("tool_calls"))):
            self._called.add(index)
            delta["tool_calls"] = [_clean_call(call, i) for i, call in enumerate(calls)]
        else:
            delta.pop("tool_calls", None)
        if delta.get("content") == "":
            del delta["content"]
        if not delta:
            return None
        self.anything = True
        if index not in self._begun:
            self._begun.add(index)
            delta = {"role": "assistant", **delta}
        return {"index": index, "delta": delta, "finish_reason": None}

    def _reason(self, index: int) -> str:
        reason = self._reasons[index]
        return "tool_calls" if reason == "stop" and index in self._called else reason

    def _frame(self, choices: list[dict[str, Any]], **fields: Any) -> bytes:
        head = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }
        return b"data: " + encode({**head, "choices": choices, **fields}) + b"\n\n"


def read_chunk(chunk: Any) -> Mapping[str, Any]:
    """Take a piece in any shape as the fields of a `chat.completion.chunk`. Raises: WrongShape."""
    if chunk is None:
        return {}
    if isinstance(chunk, str):
        return _from_generic({"text": chunk, "is_finished": False})
    plain = dump(chunk)
    if isinstance(plain, Mapping):
        if "choices" in plain:
            return plain
        if all(name in plain for name in _REQUIRED):
            return _from_generic(plain)
    raise WrongShape(f"a value of type {type(chunk).__name__}{_keys(plain)} is no chunk", chunk)


def _from_generic(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    text = chunk["text"]
    if text is not None and not isinstance(text, str):
        raise WrongShape(f"the text of a chunk is of type {type(text).__name__}", text)
    delta: dict[str, Any] = {"content": text}
    for name in ("reasoning_content", "thinking_blocks"):
        delta[name] = chunk.get(name)
    if call := chunk.get("tool_use"):
        delta["tool_calls"] = [call]
    reason = chunk.get("finish_reason") or "stop" if chunk["is_finished"] else None
    choice = {"index": chunk.get("index") or 0, "delta": delta, "finish_reason": reason}
    return {"choices": [choice], "usage": chunk.get("usage")}


def _clean_call(call: Mapping[str, Any], place: int) -> dict[str, Any]:
    index = call.get("index")
    return {**call, "index": place if index is None else index}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, Mapping):
            yield one


def _keys(value: Any) -> str:
    return f" with {', '.join(map(str, list(value)[:8]))}" if isinstance(value, Mapping) else ""
