"""Streamed answers, written: strictly what the official clients read.

Law: an item is added, then grows, then is done, and has the same id and the same place all along.
A message stays open until something else is said, because only then it is known to be whole. What
did not end is not done: an answer that fails has no `done` for what was open.

Source: https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dragoman.errors import DragomanError, ServerError
from dragoman.types.event import Event, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.types.message import Media, Meta, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from dragoman.types.request import ChatRequest
from dragoman.types.usage import Usage
from dragoman.wire.annotations import write_logprobs
from dragoman.wire.beside import describe, doubtful_ending, foreign_beside
from dragoman.wire.json_text import encode
from dragoman.wire.openai_fields import find_tier
from dragoman.wire.openai_responses.echo import echo
from dragoman.wire.openai_responses.errors import error_event, response_error
from dragoman.wire.openai_responses.history import (
    image_item,
    reasoning_item,
    refusal_block,
    text_block,
)
from dragoman.wire.openai_responses.schema import NAME, ending, item_id, own
from dragoman.wire.openai_responses.tools import ToolNames
from dragoman.wire.openai_responses.usage import render_usage
from dragoman.wire.seal import seal
from dragoman.wire.sse import render_frame

Item = dict[str, Any]


class _Open:
    """Where a part that is open stands in the answer."""

    __slots__ = ("aloud", "item", "output_index", "place", "section", "where")

    def __init__(self, item: Item, output_index: int, place: int = 0) -> None:
        self.item = item
        self.output_index = output_index
        self.where = {"output_index": output_index, "item_id": item.get("id")}
        self.place = place  # in the content
        self.aloud = False  # a thought that is told in full
        self.section = -1  # of the summary; none has begun


class ResponsesRenderer:
    """Writes one streamed answer. `response` is the answer as it stands."""

    def __init__(self, model: str, request: ChatRequest | None = None) -> None:
        self.warnings: list[str] = []
        self.response: dict[str, Any] = {
            "id": "resp_0",
            "object": "response",
            "created_at": 0,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": model,
            "output": [],
            **echo(request),
            "usage": None,
        }
        self._output: list[Any] = self.response["output"]
        self._names = ToolNames(request.tools if request is not None else ())
        self._open: dict[int, _Open] = {}
        self._message: _Open | None = None  # the one that more may be said in
        self._ids: set[str] = set()
        self._number = 0
        self._started = False
        self._refused = False
        self._frames: list[bytes] = []

    def render(self, event: Event) -> bytes:
        """Render one event; empty when this format says nothing for it."""
        self.take(event)
        written = b"".join(self._frames)
        self._frames.clear()
        return written

    def take(self, event: Event) -> None:
        """Take one event into the answer."""
        if isinstance(event, PartDelta):
            self._delta(event)
        elif isinstance(event, PartStart):
            self._part_start(event.index, event.part)
        elif isinstance(event, PartEnd):
            self._part_end(event.index, event.part)
            if isinstance(event.part, Text):
                self._warn_of_foreign(event.part.meta, len(event.part.citations))
        elif isinstance(event, Start):
            self._start(event)
        elif isinstance(event, Finish):
            self._finish(event)
        else:
            self._fail(event.error, event.usage)

    def _say(self, kind: str, **fields: Any) -> None:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        self._frames.append(render_frame(encode(data), kind))

    def _start(self, event: Start) -> None:
        self._started = True
        self.response["id"] = event.id or self.response["id"]
        self.response["created_at"] = event.created or 0
        self._say("response.created", response=self.response)
        self._say("response.in_progress", response=self.response)

    def _part_start(self, index: int, part: Part) -> None:
        if isinstance(part, Text | Refusal):
            self._begin_content(index, part)
            return
        self._end_message()
        if isinstance(part, Reasoning):
            fields = own(part.meta)
            item = {"type": "reasoning", "id": self._id("rs", index, fields.get("id"))}
            opened = self._add(index, {**item, "summary": []})
            opened.aloud = "content" in fields
        elif isinstance(part, ToolCall):
            item = self._names.item(part)
            custom = item["type"] == "custom_tool_call"
            item["id"] = self._id("ctc" if custom else "fc", index, item.get("id"))
            item["input" if custom else "arguments"] = ""
            self._add(index, {**item, "status": "in_progress"})
        elif (item := self._whole(index, part)) is not None:
            self._output.append(item)
            place = {"output_index": len(self._output) - 1}
            self._say("response.output_item.added", **place, item=item)
            self._say("response.output_item.done", **place, item=item)

    def _add(self, index: int, item: Item) -> _Open:
        self._output.append(item)
        opened = self._open[index] = _Open(item, len(self._output) - 1)
        self._say("response.output_item.added", output_index=opened.output_index, item=item)
        return opened

    def _done(self, opened: _Open) -> None:
        where = {"output_index": opened.output_index}
        self._say("response.output_item.done", **where, item=opened.item)

    def _id(self, prefix: str, index: int, said: Any = None) -> str:
        """Find the id of an item: what its provider says, unless another has it already."""
        found = said if isinstance(said, str) and said and said not in self._ids else None
        found = found or item_id(prefix, self.response["id"], index)
        self._ids.add(found)
        return found

    def _whole(self, index: int, part: Part) -> Any:
        """Write a part that comes in one piece; None for what this format can't say."""
        if isinstance(part, Unknown) and part.format == NAME:
            return msgspec.Raw(part.raw.encode())
        if isinstance(part, Media) and (item := image_item(part)) is not None:
            return {**item, "id": self._id("ig", index, item.get("id"))}
        warning = f"{describe(part)} cannot be said in OpenAI Responses: left out"
        if warning not in self.warnings:
            self.warnings.append(warning)
        return None

    def _begin_content(self, index: int, part: Text | Refusal) -> None:
        fields = own(part.meta)
        self._refused = self._refused or isinstance(part, Refusal)
        opened = self._message
        if opened is not None and not _is_of(opened.item, fields):
            self._end_message()
            opened = None
        if opened is None:
            item: Item = {
                "type": "message",
                "id": self._id("msg", index, fields.get("id")),
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
            if fields.get("phase"):
                item["phase"] = fields["phase"]
            opened = self._message = self._add(index, item)
        else:
            content = opened.item["content"]
            opened = _Open(opened.item, opened.output_index, len(content))
        self._open[index] = opened
        block = _block(type(part)(""))
        opened.item["content"].append(block)
        self._say("response.content_part.added", **self._at(opened), part=block)

    @staticmethod
    def _at(opened: _Open) -> dict[str, Any]:
        return {**opened.where, "content_index": opened.place}

    def _end_message(self, status: str = "completed") -> None:
        if self._message is not None:
            self._message.item["status"] = status
            self._done(self._message)
            self._message = None

    def _delta(self, event: PartDelta) -> None:
        opened = self._open[event.index]
        if event.kind == "text":
            if event.text or event.logprobs:
                logprobs = write_logprobs(event.logprobs)
                kind, at = "response.output_text.delta", self._at(opened)
                self._say(kind, **at, delta=event.text, logprobs=logprobs)
        elif event.kind == "reasoning":
            self._think(opened, event)
        elif event.kind == "tool_call":
            if opened.item["type"] == "function_call":
                kind = "response.function_call_arguments.delta"
                self._say(kind, **opened.where, delta=event.text)
        elif event.text:
            self._say("response.refusal.delta", **self._at(opened), delta=event.text)

    def _think(self, opened: _Open, event: PartDelta) -> None:
        """Tell a thought, or the next piece of its summary, whose sections are items of a list."""
        if not event.text:
            return
        if opened.aloud:
            place = {**opened.where, "content_index": 0}
            self._say("response.reasoning_text.delta", **place, delta=event.text)
            return
        divides = "summary_index" in own(event.meta)
        if divides or opened.section < 0:
            self._end_section(opened)
            opened.section += 1
            section = {"type": "summary_text", "text": ""}
            opened.item["summary"].append(section)
            where = {**opened.where, "summary_index": opened.section}
            self._say("response.reasoning_summary_part.added", **where, part=section)
        if not divides:
            opened.item["summary"][-1]["text"] += event.text
            where = {**opened.where, "summary_index": opened.section}
            self._say("response.reasoning_summary_text.delta", **where, delta=event.text)

    def _end_section(self, opened: _Open) -> None:
        if opened.section >= 0:
            section = opened.item["summary"][-1]
            where = {**opened.where, "summary_index": opened.section}
            self._say("response.reasoning_summary_text.done", **where, text=section["text"])
            self._say("response.reasoning_summary_part.done", **where, part=section)

    def _part_end(self, index: int, part: Part) -> None:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        if isinstance(part, Text | Refusal):
            self._end_content(opened, part)
        elif isinstance(part, Reasoning):
            self._end_thought(opened, part)
        elif isinstance(part, ToolCall):
            self._end_call(opened, part)

    def _end_content(self, opened: _Open, part: Text | Refusal) -> None:
        at = self._at(opened)
        block = opened.item["content"][opened.place] = _block(part)
        if isinstance(part, Refusal):
            self._say("response.refusal.done", **at, refusal=part.text)
        else:
            kind = "response.output_text.annotation.added"
            for number, annotation in enumerate(block["annotations"]):
                self._say(kind, **at, annotation_index=number, annotation=annotation)
            logprobs = block["logprobs"]
            self._say("response.output_text.done", **at, text=part.text, logprobs=logprobs)
        self._say("response.content_part.done", **at, part=block)

    def _end_thought(self, opened: _Open, part: Reasoning) -> None:
        item = opened.item
        if opened.aloud:
            place = {**opened.where, "content_index": 0}
            self._say("response.reasoning_text.done", **place, text=part.text)
        else:
            self._end_section(opened)
        if fields := own(part.meta):
            item.update({**reasoning_item(part), "summary": item["summary"], **fields})
            item["id"] = opened.where["item_id"]
        else:
            item["encrypted_content"] = seal(part)
        self._done(opened)

    def _end_call(self, opened: _Open, part: ToolCall) -> None:
        fields = self._names.item(part)
        opened.item.update({**fields, "id": opened.where["item_id"], "status": "completed"})
        where = opened.where
        if fields["type"] == "custom_tool_call":
            text = fields["input"]
            self._say("response.custom_tool_call_input.delta", **where, delta=text)
            self._say("response.custom_tool_call_input.done", **where, input=text)
        else:
            kind, name = "response.function_call_arguments.done", fields["name"]
            self._say(kind, **where, name=name, arguments=fields["arguments"])
        self._done(opened)

    def _warn_of_foreign(self, meta: Meta | None, cited: int = 0) -> None:
        self._warn(foreign_beside(meta, NAME, cited))

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            if warning not in self.warnings:
                self.warnings.append(warning)

    def _finish(self, event: Finish) -> None:
        self._warn_of_foreign(event.meta)
        if event.reason == "error":
            word = event.raw_reason or "error"
            error = ServerError(f"the provider broke off its answer: {word}")
            self._fail(error, event.usage)
            return
        status, details = ending(event.reason, event.raw_reason, self._refused)
        self._end_message(status)
        if details is None and event.raw_reason != status:
            self._warn(doubtful_ending(event.reason, event.raw_reason, event.stop_sequence, status))
        self.response |= {
            "status": status,
            "incomplete_details": details,
            "usage": render_usage(event.usage),
            **own(event.meta),
        }
        if (tier := find_tier(event.meta)) is not None:
            self.response["service_tier"] = tier
        self._say(f"response.{status}", response=self.response)

    def _fail(self, error: DragomanError, usage: Usage | None) -> None:
        if not self._started:
            self._frames.append(render_frame(encode(error_event(error, self._number)), "error"))
            return
        self.response |= {
            "status": "failed",
            "error": response_error(error),
            "usage": render_usage(usage),
        }
        self._say("response.failed", response=self.response)


def _is_of(item: Item, fields: Any) -> bool:
    """Whether a part that carries these fields belongs to this message."""
    same_id = fields.get("id") in (None, item["id"])
    return same_id and fields.get("phase") == item.get("phase")


def _block(part: Text | Refusal) -> Item:
    if isinstance(part, Refusal):
        return refusal_block(part)
    return {"annotations": [], "logprobs": write_logprobs(part.logprobs), **text_block(part)}
