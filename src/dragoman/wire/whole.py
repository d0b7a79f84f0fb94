"""A whole answer ↔ its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dragoman.errors import ProtocolError
from dragoman.types.completion import Completion
from dragoman.types.event import (
    DeltaKind,
    Event,
    Failure,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
)
from dragoman.types.message import Part, Reasoning, Refusal, Text
from dragoman.types.usage import Usage
from dragoman.wire.error_body import bounded, web_page_error
from dragoman.wire.json_text import decode
from dragoman.wire.parts import whole_part

if TYPE_CHECKING:
    from dragoman.wire.base import StreamParser


def read_whole(
    body: bytes,
    parse_answer: Callable[[Any, bytes], Completion],
    stream_parser: Callable[[], StreamParser],
) -> Completion:
    """Read the body of a whole answer; a stream that came although none was asked for as well.

    `parse_answer` gets the decoded JSON and its bytes.

    Raises: ProtocolError for a web page, an empty body and what is no JSON, StreamTruncated for a
    stream that breaks off, and what `parse_answer` raises.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] == b"<":
        raise web_page_error(body)
    if not text:
        raise ProtocolError("the upstream answered with nothing", code="empty_answer")
    if text[:1] not in (b"{", b"["):
        return _read_stream(body, stream_parser())
    try:
        value = decode(text)
    except ValueError as error:
        raise ProtocolError(
            f"the upstream's answer is not JSON: {str(error)[:200]}", raw=bounded(body)
        ) from error
    return parse_answer(value, text)


def _read_stream(body: bytes, parser: StreamParser) -> Completion:
    events = parser.feed(body) + parser.close()
    end = events[-1]
    if not isinstance(end, Failure):
        return accumulate(events)
    if not parser.frames:
        raise ProtocolError("the upstream's answer is not JSON", raw=bounded(body))
    end.error.partial = accumulate(events)
    raise end.error


def events_of(completion: Completion) -> list[Event]:
    """Tell a whole answer as a stream, each part in one piece."""
    events: list[Event] = [Start(completion.id, completion.model, completion.created)]
    for index, part in enumerate(completion.parts):
        events.extend(whole_part(index, part))
    events.append(
        Finish(
            completion.finish_reason,
            completion.raw_finish_reason,
            completion.usage,
            completion.stop_sequence,
            completion.meta,
            completion.warnings,
        )
    )
    return events


_KINDS: dict[type[Part], DeltaKind] = {Text: "text", Refusal: "refusal", Reasoning: "reasoning"}


def accumulate(events: Iterable[Event]) -> Completion:
    """Build the whole answer out of all its events."""
    answer = Accumulator()
    for event in events:
        answer.add(event)
    return answer.completion


class Accumulator:
    """Builds the whole answer out of events.

    Example:
        answer = Accumulator()
        for event in events:
            answer.add(event)
        answer.completion.text
    """

    __slots__ = ("_end", "_open", "_parts", "_start")

    def __init__(self) -> None:
        self._start = Start()
        self._parts: dict[int, Part] = {}
        self._open: dict[int, tuple[Part, list[str]]] = {}
        self._end: Finish | Failure | None = None

    def add(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, PartDelta):
            self._open[event.index][1].append(event.text)
        elif isinstance(event, PartStart):
            self._open[event.index] = (event.part, [])
        elif isinstance(event, PartEnd):
            self._open.pop(event.index, None)
            self._parts[event.index] = event.part
        elif isinstance(event, Start):
            self._start = event
        else:
            self._end = event

    @property
    def completion(self) -> Completion:
        """The answer so far: whole once there has been a `Finish`.

        Of what is still open, text is taken as far as it came; tool calls are left out, because
        half a call must never be run.
        """
        finish = self._end if isinstance(self._end, Finish) else None
        reason: FinishReason = finish.reason if finish else "error"
        usage: Usage | None = self._end.usage if self._end else self._start.usage
        return Completion(
            parts=self._all_parts(),
            finish_reason=reason,
            raw_finish_reason=finish.raw_reason if finish else None,
            stop_sequence=finish.stop_sequence if finish else None,
            usage=usage,
            id=self._start.id,
            model=self._start.model,
            created=self._start.created,
            warnings=finish.warnings if finish else (),
            meta=finish.meta if finish else None,
        )

    def _all_parts(self) -> tuple[Part, ...]:
        parts = dict(self._parts)
        for index, (part, pieces) in self._open.items():
            if isinstance(part, Text | Refusal | Reasoning) and any(pieces):
                parts[index] = type(part)("".join(pieces))
        return tuple(parts[index] for index in sorted(parts))
