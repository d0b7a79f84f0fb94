"""Streamed chat completions, written: strictly what the official clients read.

Source: https://platform.openai.com/docs/api-reference/chat/streaming (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.types.event import Event, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.types.message import Media, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from dragoman.wire.beside import describe, doubtful_ending, foreign_beside
from dragoman.wire.json_text import decode, encode
from dragoman.wire.openai_completions.response import media_url, reasoning_details, render_citations
from dragoman.wire.openai_completions.schema import FINISH_WORDS, NAME
from dragoman.wire.openai_completions.usage import render_usage
from dragoman.wire.openai_errors import error_object
from dragoman.wire.openai_fields import find_tier
from dragoman.wire.sse import render_frame

_END = b"data: [DONE]\n\n"
_TAIL = b'},"logprobs":null,"finish_reason":null}]}\n\n'
_FIELDS = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}


class CompletionsRenderer:
    """Writes one streamed answer. After an error there is no `[DONE]`: nothing was done."""

    def __init__(self, model: str, include_usage: bool = True) -> None:
        self.warnings: list[str] = []
        self._model = model
        self._include_usage = include_usage
        self._head: dict[str, Any] = {
            "id": "chatcmpl-0",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": model,
        }
        self._calls: dict[int, int] = {}  # a part's index → its number among the tool calls
        self._heads: dict[str, bytes] = {}
        self._refused = False
        self._said = 0  # how many characters of text
        self._details = 0  # how many pieces of reasoning that must be sent back

    def render(self, event: Event) -> bytes:
        """Render one event; empty when this format says nothing for it."""
        if isinstance(event, PartDelta):
            return self._delta(event)
        if isinstance(event, PartStart):
            return self._part_start(event)
        if isinstance(event, Start):
            self._head["id"] = event.id or self._head["id"]
            self._head["created"] = event.created or 0
            # Nearly all that follows differs in one text alone.
            for kind in ("text", "reasoning"):
                whole = self._chunk({_FIELDS[kind]: "?"})
                self._heads[kind] = whole[: -len(_TAIL) - len(b'"?"')]
            return self._chunk({"role": "assistant", "content": ""})
        if isinstance(event, PartEnd):
            return self._part_end(event)
        if isinstance(event, Finish):
            return self._finish(event)
        return render_frame(encode({"error": error_object(event.error)}))

    def _delta(self, event: PartDelta) -> bytes:
        if event.kind == "tool_call":
            function = {"arguments": event.text}
            return self._call({"index": self._calls[event.index], "function": function})
        if event.text and not event.logprobs and event.kind in self._heads:
            return self._heads[event.kind] + encode(event.text) + _TAIL
        if not event.text and not event.logprobs:
            return b""
        logprobs = {"content": event.logprobs, "refusal": None} if event.logprobs else None
        self._refused = self._refused or event.kind == "refusal"
        return self._chunk({_FIELDS[event.kind]: event.text}, logprobs=logprobs)

    def _part_start(self, event: PartStart) -> bytes:
        part = event.part
        if isinstance(part, ToolCall):
            number = self._calls[event.index] = len(self._calls)
            function = {"name": part.name, "arguments": ""}
            call = {"index": number, "id": part.id, "type": "function", "function": function}
            return self._call(call)
        if isinstance(part, Text | Refusal | Reasoning):
            return b""
        return self._whole(event.index, part)

    def _whole(self, index: int, part: Part) -> bytes:
        if isinstance(part, Media) and part.kind == "image" and (url := media_url(part)):
            image = {"type": "image_url", "index": 0, "image_url": {"url": url}}
            return self._chunk({"images": [image]})
        if isinstance(part, Unknown) and part.format == NAME:
            number = self._calls[index] = len(self._calls)
            return self._call({"index": number, **decode(part.raw.encode())})
        self._warn(f"{describe(part)} cannot be said in a chat completion: left out")
        return b""

    def _part_end(self, event: PartEnd) -> bytes:
        """Send what only this format reads back and only the end of a part knows."""
        part = event.part
        own = (getattr(part, "meta", None) or {}).get(NAME)
        if isinstance(part, Text):
            return self._text_end(part)
        if own and isinstance(part, ToolCall):
            return self._call({"index": self._calls[event.index], **own})
        if isinstance(part, Reasoning):
            is_first = not (self._said or self._calls or self._refused)
            if details := reasoning_details(part, self._details, is_first):
                self._details += len(details)
                return self._chunk({"reasoning_details": details})
        return b""

    def _text_end(self, part: Text) -> bytes:
        self._warn(*foreign_beside(part.meta, NAME, len(part.citations)))
        before, self._said = self._said, self._said + len(part.text)
        citations = render_citations(part, before)
        return self._chunk({"annotations": citations}) if citations else b""

    def _warn(self, *warnings: str) -> None:
        self.warnings += [warning for warning in warnings if warning not in self.warnings]

    def _finish(self, event: Finish) -> bytes:
        self._warn(*foreign_beside(event.meta, NAME))
        word = FINISH_WORDS[event.reason]
        self._warn(*doubtful_ending(event.reason, event.raw_reason, event.stop_sequence, word))
        if event.reason == "refusal" and not self._refused:
            word = "content_filter"
        if (tier := find_tier(event.meta)) is not None:
            self._head["service_tier"] = tier
        end = self._chunk({}, finish_reason=word)
        if self._include_usage and event.usage is not None:
            usage = {**self._head, "choices": [], "usage": render_usage(event.usage)}
            end += render_frame(encode(usage))
        return end + _END

    def _call(self, call: dict[str, Any]) -> bytes:
        return self._chunk({"tool_calls": [call]})

    def _chunk(
        self, delta: dict[str, Any], *, finish_reason: str | None = None, logprobs: Any = None
    ) -> bytes:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return render_frame(encode({**self._head, "choices": [choice]}))
