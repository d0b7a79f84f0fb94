"""Guardrails at work: on a request's body before it is routed, on an answer before it goes out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from dragoman.errors import DragomanError, GuardrailBlocked, InvalidRequest, RequestError
from dragoman.guardrails.rails import Inspected, Rails, Screen, too_deep
from dragoman.server.http.aside import aside
from dragoman.server.http.multipart import open_form
from dragoman.types.completion import Completion
from dragoman.types.event import (
    DeltaKind,
    Event,
    Failure,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
)
from dragoman.types.exchange import Exchange
from dragoman.types.guardrail import Finding
from dragoman.types.message import Media, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from dragoman.wire.envelope import open_envelope
from dragoman.wire.json_text import TooDeep, decode, encode, encode_text

FORM = "multipart/form-data"


async def inspect_body(rails: Rails, body: bytes, kind: str = "") -> tuple[bytes, Inspected | None]:
    """Look at a body of JSON, or at a form. One that cannot be read is somebody else's to refuse.

    `kind` is its content type. Returns: the body as it may go on, and what was found; None for one
    that nobody has looked at. Raises: InvalidRequest for one that two may read differently.
    """
    return await aside(len(body), lambda: _inspect(rails, body, kind))


def _inspect(rails: Rails, body: bytes, kind: str) -> tuple[bytes, Inspected | None]:
    if kind.partition(";")[0].strip().lower() == FORM:
        return _inspect_form(rails, body, kind)
    try:
        envelope = open_envelope(body)
        fields = {name: envelope.get(name) for name in envelope.fields}
    except InvalidRequest:
        return body, None
    try:
        json.loads(envelope.body, object_pairs_hook=_refuse_twice)
        inspected = rails.inspect(fields)
    except RecursionError:
        return body, None
    changes = {name: encode(value) for name, value in inspected.changed.items()}
    return envelope.rewritten(changes) if changes else body, inspected


def _refuse_twice(members: list[tuple[str, Any]]) -> None:
    """Refuse an object with two members of one name: we look at one, a provider may take the other.

    Raises: InvalidRequest.
    """
    seen = set()
    for name, _ in members:
        if name in seen:
            raise InvalidRequest(f"{name[:100]}: stands twice in one object", param=name[:100])
        seen.add(name)


def _inspect_form(rails: Rails, body: bytes, kind: str) -> tuple[bytes, Inspected | None]:
    try:
        form = open_form(body, kind)
    except InvalidRequest:
        return body, None
    inspected = rails.inspect(form.texts, files=form.has_files)
    return form.rewritten(inspected.changed) if inspected.changed else body, inspected


def note(exchange: Exchange, findings: Iterable[Finding]) -> None:
    """Say in an exchange's record, and to its client, what was found."""
    for finding in findings:
        exchange.findings.append(finding)
        exchange.warnings.append(finding.sentence)


class AnswerScreen:
    """Looks at one attempt's answer, event by event or whole. `blocked`: nothing more goes out.

    `structured`: the text is JSON, as a tool call's arguments are. Probabilities of tokens are left
    out: they repeat what was said.
    """

    def __init__(self, screen: Screen, *, structured: bool = False) -> None:
        self._screen = screen
        self._json = ("tool_call", "text") if structured else ("tool_call",)
        self._said: dict[int, list[str]] = {}
        self._kinds: dict[int, DeltaKind] = {}
        self._blocks: dict[int, Part] = {}
        self._noted = False

    def note_once(self, exchange: Exchange) -> None:
        """Write down what has been found, the first time."""
        if not self._noted:
            self._noted = True
            note(exchange, self._screen.findings)

    @property
    def error(self) -> GuardrailBlocked | None:
        """The refusal, if there is one."""
        return None if self._screen.blocked is None else self._screen.blocked.error

    def events(self, events: Iterable[Event]) -> list[Event]:
        """Pass on what may go out; a refusal is a `Failure`, and the last."""
        out: list[Event] = []
        for event in events:
            if isinstance(event, PartDelta):
                out += self._delta(event)
            elif isinstance(event, PartEnd):
                out += self._end(event)
            elif isinstance(event, PartStart):
                out.append(self._start(event))
            elif isinstance(event, Finish):
                out.append(replace(event, meta=self._screen.beside(event.meta)))
            elif isinstance(event, Failure):
                return [*out, replace(event, error=inspect_error(self._screen, event.error))]
            else:
                out.append(event)
            if self._screen.blocked is not None:
                return [*out, Failure(self._screen.blocked.error)]
        return out

    def completion(self, completion: Completion) -> Completion:
        """Pass on what may go out of a whole answer; see `error` for whether any may."""
        parts = tuple(map(self._whole, completion.parts))
        return replace(completion, parts=parts, meta=self._screen.beside(completion.meta))

    def _start(self, event: PartStart) -> Event:
        part = self._whole(event.part)
        if isinstance(part, Media | Unknown):
            self._blocks[event.index] = part
        return replace(event, part=part)

    def _delta(self, event: PartDelta) -> list[Event]:
        text = self._screen.feed(event.index, event.text, json=event.kind in self._json)
        self._kinds[event.index] = event.kind
        self._said.setdefault(event.index, []).append(text)
        meta = self._screen.beside(event.meta)
        if not text and meta is None:
            return []
        return [replace(event, text=text, meta=meta, logprobs=())]

    def _end(self, event: PartEnd) -> list[Event]:
        if (block := self._blocks.pop(event.index, None)) is not None:
            return [replace(event, part=block)]
        said = self._said.pop(event.index, None)
        if said is None:  # it came in no pieces
            return [replace(event, part=self._whole(event.part))]
        kind = self._kinds.pop(event.index)
        rest = self._screen.close(event.index)
        out: list[Event] = [PartDelta(event.index, kind, rest)] if rest else []
        if self._screen.blocked is None:
            part = _with(self._beside(event.part), "".join((*said, rest)))
            out.append(replace(event, part=part))
        return out

    def _whole(self, part: Part) -> Part:
        """Look at a part that is whole."""
        if isinstance(part, Unknown):
            return self._block(part)
        if isinstance(part, Media):
            self._screen.unseen()
        part = self._beside(part)
        if not (text := _text_of(part)):
            return part
        is_json = isinstance(part, ToolCall) or (isinstance(part, Text) and "text" in self._json)
        return _with(part, self._screen.whole(text, json=is_json))

    def _block(self, part: Unknown) -> Part:
        try:
            value = decode(part.raw.encode("utf-8", "replace"))
        except TooDeep:
            raise too_deep() from None
        except ValueError:
            return replace(part, raw=self._screen.whole(part.raw))
        looked_at = self._screen.answer(value)
        return part if looked_at is value else replace(part, raw=encode_text(looked_at))

    def _beside(self, part: Part) -> Part:
        """Look at what stands beside what a part says: names, citations, what only it can carry."""
        if isinstance(part, Unknown):
            return part
        look = self._screen.beside
        changed: dict[str, Any] = {"meta": look(part.meta)}
        if isinstance(part, ToolCall | Media):
            changed["name"] = look(part.name)
        if isinstance(part, Text):
            changed["citations"] = tuple(
                replace(one, title=look(one.title), meta=look(one.meta)) for one in part.citations
            )
        return replace(part, **changed)


def inspect_error(screen: Screen, error: DragomanError) -> DragomanError:
    """Look at what a provider says of a failure: it may repeat what was said.

    Returns: the error as it may be told, or the refusal of it; one of ours is left as it is.
    """
    if isinstance(error, RequestError):
        return error
    error.message = screen.whole(error.message)
    if error.exchange is not None:
        tries = [replace(one, reason=screen.beside(one.reason)) for one in error.attempts]
        error.exchange = replace(error.exchange, attempts=tries)
    return error if screen.blocked is None else screen.blocked.error


def _text_of(part: Part) -> str:
    if isinstance(part, Text | Refusal | Reasoning):
        return part.text
    return part.arguments if isinstance(part, ToolCall) else ""


def _with(part: Part, text: str) -> Part:
    """Put what may be said into a part. Citations count characters: they go with the old ones."""
    if isinstance(part, Text):
        citations = part.citations if text == part.text else ()
        return replace(part, text=text, logprobs=(), citations=citations)
    if isinstance(part, Refusal | Reasoning):
        return part if text == part.text else replace(part, text=text)
    if isinstance(part, ToolCall) and text != part.arguments:
        return replace(part, arguments=text or "{}")
    return part
