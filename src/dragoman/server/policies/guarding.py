"""Guardrails at work: on a request's body before it is routed, on an answer before it goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from dragoman.errors import GuardrailBlocked, InvalidRequest
from dragoman.guardrails.rails import Inspected, Rails, Screen
from dragoman.server.http.multipart import open_form
from dragoman.types.completion import Completion
from dragoman.types.event import Event, Failure, PartDelta, PartEnd, PartStart
from dragoman.types.exchange import Exchange
from dragoman.types.guardrail import Finding
from dragoman.types.message import Media, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from dragoman.wire.envelope import open_envelope
from dragoman.wire.json_text import encode

LONG_BYTES = 64 * 1024
"""Longer bodies are looked at in a thread of their own, so that nobody else waits for them."""


async def inspect_body(rails: Rails, body: bytes, kind: str = "") -> tuple[bytes, Inspected | None]:
    """Look at a body of JSON, or at a form. One that is broken is somebody else's to refuse.

    `kind` is its content type. Returns: the body as it may go on, and what was found.
    """
    if len(body) > LONG_BYTES:
        return await asyncio.to_thread(_inspect, rails, body, kind)
    return _inspect(rails, body, kind)


def _inspect(rails: Rails, body: bytes, kind: str) -> tuple[bytes, Inspected | None]:
    if kind.lower().startswith("multipart/form-data"):
        return _inspect_form(rails, body, kind)
    if body.lstrip()[:1] != b"{":
        return body, None
    try:
        envelope = open_envelope(body)
        fields = {name: envelope.get(name) for name in envelope.fields}
    except InvalidRequest:
        return body, None
    inspected = rails.inspect(fields)
    changes = {name: encode(value) for name, value in inspected.changed.items()}
    return envelope.rewritten(changes) if changes else body, inspected


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

    Probabilities of tokens are left out: they repeat what was said.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._said: dict[int, list[str]] = {}
        self._kinds: dict[int, PartDelta] = {}
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
                out.append(replace(event, part=self._whole(event.part)))
            else:
                out.append(event)
            if self._screen.blocked is not None:
                return [*out, Failure(self._screen.blocked.error)]
        return out

    def completion(self, completion: Completion) -> Completion:
        """Pass on what may go out of a whole answer; see `error` for whether any may."""
        return replace(completion, parts=tuple(map(self._whole, completion.parts)))

    def _delta(self, event: PartDelta) -> list[Event]:
        text = self._screen.feed(event.index, event.text)
        self._kinds[event.index] = event
        self._said.setdefault(event.index, []).append(text)
        if not text and event.meta is None:
            return []
        return [replace(event, text=text, logprobs=())]

    def _end(self, event: PartEnd) -> list[Event]:
        said = self._said.pop(event.index, None)
        if said is None:  # it came in no pieces
            return [replace(event, part=self._whole(event.part))]
        kind = self._kinds.pop(event.index).kind
        rest = self._screen.close(event.index)
        out: list[Event] = [PartDelta(event.index, kind, rest)] if rest else []
        if self._screen.blocked is None:
            out.append(replace(event, part=_with(event.part, "".join((*said, rest)))))
        return out

    def _whole(self, part: Part) -> Part:
        text = _text_of(part)
        if isinstance(part, Media | Unknown):
            self._screen.unseen()
        return part if not text else _with(part, self._screen.whole(text))


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
