"""Chunks of an answer → events. A whole answer is a stream of one chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.types.event import Event, Finish, Start
from dragoman.types.message import Reasoning
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.annotations import citation_fields, read_logprobs, split_annotations
from dragoman.wire.json_text import SurrogateJoiner, mend_surrogates
from dragoman.wire.openai_completions.content import (
    ReasoningDetails,
    find_reasoning,
    image_parts,
    merge,
    merged,
    readable,
    split_content,
)
from dragoman.wire.openai_completions.schema import (
    ANSWER_FIELDS,
    NAME,
    Choice,
    Chunk,
    Delta,
    delta_from,
    finish_reason,
)
from dragoman.wire.openai_completions.tool_calls import ToolCalls
from dragoman.wire.openai_completions.usage import find_usage
from dragoman.wire.parts import OpenParts, TextKind, own_meta
from dragoman.wire.think import ThinkSplitter
from dragoman.wire.tokens import doubts

_END_OF_TIME = 2**53  # whatever `created` is then, it is no second since 1970


class AnswerReader:
    """Reads one answer; every method appends to the list of events that it is given.

    `raw_reason` is the finish reason seen so far, `started` whether there has been a choice.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.usage: Usage | None = None
        self.raw_reason: str | None = None
        self.started = False
        self.parts = OpenParts()
        self._dialect = dialect
        self._head: dict[str, Any] = {}
        self._stop_sequence: str | None = None
        self._meta: dict[str, Any] = {}
        self._calls = ToolCalls(self.parts)
        self._think = ThinkSplitter(dialect.think_tags) if dialect.think_tags else None
        self._is_named = False  # reasoning comes in a field of its own: details only repeat it
        self._details = ReasoningDetails()
        self._late_details = ReasoningDetails()  # those that came when the text had begun
        self._surrogates = SurrogateJoiner()
        self._tokens: list[Mapping[str, Any]] = []  # whose text has not come yet

    def take(self, chunk: Chunk, events: list[Event]) -> None:
        """Take the next chunk, which holds no error."""
        choices = chunk.choices
        if (
            not choices
            or chunk.usage is not None
            or chunk.x_groq is not None
            or chunk.timings is not None
            or choices[0].usage is not None
        ):
            self.report(chunk)
        if not self.started:
            self._begin(chunk, events)
        for choice in choices or ():
            if not choice.index or choice.index == "0":  # the others are not modelled
                self._take_choice(choice, events)
        if self.raw_reason or not choices:
            self._note(chunk)

    def report(self, chunk: Chunk) -> None:
        """Take what a chunk says of usage: where there are several reports, they are cumulative."""
        self.usage = find_usage(chunk, self._dialect) or self.usage

    def finish(self, events: list[Event]) -> None:
        """Close all parts and say that the answer is whole."""
        self._flush(events)
        self._calls.close(events)
        if self._late_details:
            self.parts.whole(Reasoning("", self._late_details.meta()), events)
        self.parts.close(events)
        if self._tokens:
            merge(self._meta.setdefault("logprobs", {}), {"content": self._tokens})
        if cited := self.parts.citations:  # in no words at all
            pages = [
                {"type": "url_citation", "url_citation": citation_fields(c, NAME)} for c in cited
            ]
            self._annotate_answer(pages)
        for name in ("logprobs", "audio"):
            if name in self._meta:
                self._meta[name] = merged(self._meta[name])
        if not self.started:
            events.append(Start())
        events.append(
            Finish(
                finish_reason(self.raw_reason, bool(self._calls)),
                self.raw_reason,
                self.usage,
                self._stop_sequence,
                own_meta(NAME, self._meta),
                doubts(self.usage),
            )
        )

    def _begin(self, chunk: Chunk, events: list[Event]) -> None:
        """Keep what the head says; Azure's first chunk has it empty, and no choices."""
        for name in ("id", "model"):
            if isinstance(value := getattr(chunk, name), str) and value:
                self._head[name] = value
        if type(chunk.created) in (int, float) and 0 < chunk.created < _END_OF_TIME:
            self._head["created"] = int(chunk.created)
        self._note(chunk)
        if chunk.choices:
            self.started = True
            self._calls.seed = f"{self._head.get('id')}/{self._head.get('created')}"
            events.append(Start(**self._head))

    def _note(self, chunk: Chunk) -> None:
        for name in ANSWER_FIELDS:
            if (value := getattr(chunk, name)) is not None:
                self._meta[name] = value

    def _take_choice(self, choice: Choice, events: list[Event]) -> None:
        delta = choice.delta
        if delta is None and isinstance(choice.message, dict) and not self.parts.any:
            delta = delta_from(choice.message)
        if choice.logprobs is not None:
            self._take_logprobs(choice.logprobs)
        if delta is not None:
            self._take_delta(delta, events)
        if choice.finish_reason and isinstance(choice.finish_reason, str):
            self.raw_reason = mend_surrogates(choice.finish_reason)
        if isinstance(choice.stop_reason, str):
            self._stop_sequence = choice.stop_reason  # vLLM

    def _take_logprobs(self, logprobs: Any) -> None:
        """Keep those of the content's tokens for the text, and the others with the answer."""
        if not isinstance(logprobs, dict):
            return
        tokens = logprobs.get("content")
        self._tokens += read_logprobs(tokens)
        if others := {k: v for k, v in logprobs.items() if v and (k != "content" or not tokens)}:
            merge(self._meta.setdefault("logprobs", {}), others)

    def _take_delta(self, delta: Delta, events: list[Event]) -> None:
        if (
            delta.reasoning_content is not None
            or delta.reasoning is not None
            or delta.reasoning_details is not None
            or delta.reasoning_text is not None
        ):
            self._take_reasoning(delta, events)
        content = delta.content
        if content:
            if isinstance(content, str):
                self._text(content, events)
            else:
                for kind, text in split_content(content):
                    self._add(kind, text, events)
        if delta.refusal and isinstance(delta.refusal, str):
            self._add("refusal", delta.refusal, events)
        if delta.annotations:
            self._annotate(delta.annotations)
        if delta.tool_calls or delta.function_call:
            self._flush(events)
            self._calls.feed(delta.tool_calls or [], events)
            self._calls.feed_legacy(delta.function_call, events)
        if delta.images:
            for image in image_parts(delta.images):
                self.parts.whole(image, events)
        if isinstance(delta.audio, dict):
            self._take_audio(delta.audio, events)

    def _annotate(self, annotations: Any) -> None:
        """Give citations to the text that is open, or that comes first; keep the others."""
        before = self.parts.text_before
        citations, others = split_annotations(annotations, NAME, before)
        if self.parts.kind == "text" or not before:
            self.parts.citations += citations
        else:
            others = annotations  # whose words have been told already
        if others:
            self._annotate_answer(others)

    def _annotate_answer(self, annotations: list[Any]) -> None:
        self._meta.setdefault("annotations", []).extend(annotations)

    def _take_reasoning(self, delta: Delta, events: list[Event]) -> None:
        text = find_reasoning(delta)
        self._is_named = self._is_named or bool(text)
        if not isinstance(delta.reasoning_details, list) or not delta.reasoning_details:
            if text:
                self._add("reasoning", text, events)
            return
        if not self._is_named:
            text = readable(delta.reasoning_details)
        is_open = self.parts.kind == "reasoning"
        if not (text or is_open) and self.parts.any:
            self._late_details.add(delta.reasoning_details)
            return
        if not is_open:
            self._details = ReasoningDetails()
            self.parts.open_text("reasoning", events)
        self._details.add(delta.reasoning_details)
        self.parts.set_meta(self._details.meta)
        if text:
            self._add("reasoning", text, events)

    def _take_audio(self, audio: dict[str, Any], events: list[Event]) -> None:
        """Keep the sound as it is; what is said in it is text."""
        merge(self._meta.setdefault("audio", {}), audio)
        if isinstance(audio.get("transcript"), str) and audio["transcript"]:
            self._add("text", audio["transcript"], events)

    def _text(self, text: str, events: list[Event]) -> None:
        if self._think is None:
            self._add("text", text, events)
            return
        for kind, piece in self._think.feed(text):
            self._add(kind, piece, events)

    def _add(self, kind: TextKind, text: str, events: list[Event]) -> None:
        if not (text := self._surrogates.feed(text)):
            return
        if self._tokens and kind == "text":
            self.parts.add(kind, text, events, logprobs=tuple(self._tokens))
            self._tokens = []
        else:
            self.parts.add(kind, text, events)

    def _flush(self, events: list[Event]) -> None:
        """Let go of what was held back in case more of it came."""
        if self._think is not None:
            for kind, piece in self._think.close():
                self._add(kind, piece, events)
        if rest := self._surrogates.close():
            self.parts.add(self.parts.kind or "text", rest, events)
