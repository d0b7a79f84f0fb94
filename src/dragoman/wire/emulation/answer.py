"""Answers to requests in words, read: events in, events out.

Law: with tools, words go on as they come, and a call when it is whole. With a schema all words are
held back to the end, because only then is known where the JSON is; reasoning goes on as it comes.
What broke off goes on as the words that it is.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from dragoman.types.event import Event, Failure, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.types.message import Part, Reasoning, Refusal, Text, ToolCall
from dragoman.wire.base import StreamParser
from dragoman.wire.emulation.tags import Call, TagReader
from dragoman.wire.ids import hashed_id
from dragoman.wire.json_repair import find_json, is_json, repair_json
from dragoman.wire.parts import OpenCall, OpenParts, TextKind
from dragoman.wire.think import ThinkSplitter, ThinkTags
from dragoman.wire.wrapped import WrappedParser

_UNTOLD = ("stop", "other", "error", "pause")
"""Reasons that a model gives which does not know that it has called a tool."""


class Wanted(Struct, frozen=True):
    """What an answer is read for: calls of the tools `names`, and JSON where there is a `schema`.

    `think` tells thoughts from words, in an answer that has none as its own parts. Ids of calls are
    made out of `seed`, which differs from one turn of a conversation to the next.
    """

    names: frozenset[str]
    schema: bool
    must_call: bool
    repair_arguments: bool
    think: ThinkTags
    seed: str


class AnswerParser(WrappedParser):
    """Reads one streamed answer."""

    def __init__(self, inner: StreamParser, wanted: Wanted) -> None:
        super().__init__(inner)
        self._reader = AnswerReader(wanted)

    def _changed(self, events: list[Event]) -> list[Event]:
        changed = self._reader.changed(events)
        self.holds = self._reader.holds
        return changed


class AnswerReader:
    """Changes the events of one answer. `holds`: some of it is not out yet."""

    def __init__(self, wanted: Wanted) -> None:
        self.holds = False
        self._wanted = wanted
        self._parts = OpenParts()
        self._think = ThinkSplitter(wanted.think) if wanted.think else None
        self._tags = TagReader(wanted.names) if wanted.names else None
        self._held: list[str] = []  # all words so far, where there is a schema
        self._own: dict[int, OpenCall] = {}  # calls that the model made by itself
        self._count = 0
        self._warnings: list[str] = []

    def changed(self, events: list[Event]) -> list[Event]:
        """Change the next events."""
        out: list[Event] = []
        for event in events:
            if isinstance(event, PartDelta):
                self._delta(event, out)
            elif isinstance(event, PartStart):
                self._start(event, out)
            elif isinstance(event, PartEnd):
                self._end(event, out)
            elif isinstance(event, Start):
                out.append(event)
            elif isinstance(event, Finish):
                self._finish(event, out)
            else:
                self._fail(event, out)
        self.holds = bool(self._held or self._own or (self._tags and self._tags.holds))
        return out

    # -- parts

    def _start(self, event: PartStart, out: list[Event]) -> None:
        part = event.part
        if isinstance(part, ToolCall):
            self._own[event.index] = self._parts.open_call(part.id, part.name, out, part.meta)
        elif isinstance(part, Reasoning | Refusal):
            self._think = None  # its thoughts are apart already
            kind: TextKind = "reasoning" if isinstance(part, Reasoning) else "refusal"
            self._parts.open_text(kind, out, part.meta)

    def _delta(self, event: PartDelta, out: list[Event]) -> None:
        if event.kind == "tool_call":
            call = self._own.get(event.index)
            if call is not None and not self._wanted.repair_arguments:
                self._parts.add_arguments(call, event.text, out)
        elif event.kind != "text":
            self._parts.add(event.kind, event.text, out, event.meta, event.logprobs)
        elif self._think is None:
            self._read(event.text, out, event)
        else:
            self._split(self._think.feed(event.text), out)

    def _end(self, event: PartEnd, out: list[Event]) -> None:
        part = event.part
        if isinstance(part, ToolCall):
            self._end_own(self._own.pop(event.index, None), part, out)
        elif isinstance(part, Reasoning | Refusal):
            if part.meta is not None:
                self._parts.set_meta(part.meta)
            self._parts.close_text(out)
        elif isinstance(part, Text):
            self._end_text(part, out)
        else:
            self._parts.whole(part, out)

    def _split(self, pieces: list[tuple[TextKind, str]], out: list[Event]) -> None:
        for kind, text in pieces:
            if kind == "text":
                self._read(text, out)
            else:
                self._parts.add(kind, text, out)

    def _end_text(self, part: Text, out: list[Event]) -> None:
        if self._think is not None:
            self._split(self._think.close(), out)
        for piece in self._tags.close() if self._tags is not None else ():
            self._take(piece, out)
        if self._parts.kind == "text":
            if self._parts.open_text_so_far == part.text:  # else its places are others
                self._parts.citations = part.citations
            if part.meta is not None:
                self._parts.set_meta(part.meta)
            self._parts.close_text(out)

    def _end_own(self, call: OpenCall | None, part: Part, out: list[Event]) -> None:
        """End a call that the model made by itself; where that is asked for, mend its arguments."""
        assert isinstance(part, ToolCall), "it ends as what it began"
        if call is None:
            return
        if self._wanted.repair_arguments:
            self._parts.add_arguments(call, self._repaired(part), out)
        call.meta = part.meta
        self._parts.close_call(call, out)

    def _repaired(self, call: ToolCall) -> str:
        if not call.arguments.strip() or is_json(call.arguments):
            return call.arguments
        try:
            repaired = repair_json(call.arguments)
        except ValueError:
            self._warn(f"the arguments of {call.name} are no JSON, and can't be repaired")
            return call.arguments
        self._warn(f"the arguments of {call.name} were broken JSON, and were repaired")
        return repaired

    # -- words and calls

    def _read(self, text: str, out: list[Event], delta: PartDelta | None = None) -> None:
        if self._tags is None:
            self._say(text, out, delta)
            return
        for piece in self._tags.feed(text):
            self._take(piece, out, delta)

    def _take(self, piece: str | Call, out: list[Event], delta: PartDelta | None = None) -> None:
        if isinstance(piece, str):
            self._say(piece, out, delta)
            return
        if piece.mended:
            self._warn(f"a call of {piece.name} was broken JSON, and was repaired")
        self._count += 1
        seed = f"{self._wanted.seed}:{self._count}:{piece.name}:{piece.arguments}"
        call = self._parts.open_call(hashed_id(seed), piece.name, out)
        self._parts.add_arguments(call, piece.arguments, out)
        self._parts.close_call(call, out)

    def _say(self, text: str, out: list[Event], delta: PartDelta | None = None) -> None:
        if self._wanted.schema:
            self._held.append(text)
        elif text or (delta is not None and delta.meta is not None):
            meta, logprobs = (delta.meta, delta.logprobs) if delta is not None else (None, ())
            self._parts.add("text", text, out, meta, logprobs)

    # -- the end

    def _finish(self, event: Finish, out: list[Event]) -> None:
        self._say_json(event, out)
        self._parts.close(out)
        reason = event.reason
        if self._count and reason in _UNTOLD:
            reason = "tool_calls"
        if self._wanted.must_call and self._wanted.names and not self._count:
            self._warn("the model was told to call a tool, and did not")
        for doubt in self._tags.doubts if self._tags is not None else ():
            self._warn(doubt)
        out.append(replace(event, reason=reason, warnings=(*event.warnings, *self._warnings)))

    def _say_json(self, event: Finish, out: list[Event]) -> None:
        """Give out what was held back: the JSON in it, unless it can't be whole."""
        text = "".join(self._held)
        self._held.clear()
        if not text:
            return
        # What a limit cut off is no answer to be closed: nothing is invented.
        if not self._count and event.reason in _UNTOLD and not is_json(text):
            try:
                found = find_json(text)
            except ValueError:
                self._warn("the answer is not the JSON that was asked for")
            else:
                how = "taken out of the text around it" if found in text else "repaired"
                self._warn(f"the answer's JSON was {how}")
                text = found
        self._parts.add("text", text, out)

    def _fail(self, event: Failure, out: list[Event]) -> None:
        held = "".join(self._held) + (self._tags.release() if self._tags is not None else "")
        self._held.clear()
        if held:
            self._parts.add("text", held, out)
        out.append(event)

    def _warn(self, warning: str) -> None:
        if warning not in self._warnings:
            self._warnings.append(warning)
