"""What stands between one attempt's streamed answer and the client.

Law: until `committed`, nothing of what a bridge gives out may reach the client: the attempt may
still fail and another one take its place. What comes out never depends on chunk boundaries,
except that a relay cuts where its chunks are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from dragoman.errors import DragomanError
from dragoman.types.event import Event, Failure, Finish, PartDelta, PartStart, Start
from dragoman.types.message import Reasoning, Refusal, Text, ToolCall
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.base import StreamParser, WireFormat
from dragoman.wire.whole import Accumulator

Out: TypeAlias = bytes | Event


class Bridge(Protocol):
    """Takes the upstream's bytes, gives out what goes to the client, and meters on the side.

    `committed`: content has been seen (text, reasoning, refusal, a tool call, a whole part).
    `frames` counts what the upstream said: it stands still while only comments come.
    `model` and `id` are what the provider calls them. One of `finish` and `failure` is set at the
    end. `usage` is what has been reported so far.
    """

    committed: bool
    finish: Finish | None
    failure: Failure | None
    model: str | None
    id: str | None

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        ...

    @property
    def frames(self) -> int:
        """How much the upstream has said."""
        ...

    def feed(self, chunk: bytes) -> Sequence[Out]:
        """Take the next bytes of the answer."""
        ...

    def close(self) -> Sequence[Out]:
        """Say that the answer's body has ended."""
        ...

    def fail(self, error: DragomanError) -> Sequence[Out]:
        """Say that the answer broke off: a timer ran out, the connection was lost."""
        ...


class _Meter:
    """What all bridges know."""

    def __init__(self, parser: StreamParser) -> None:
        self.committed = False
        self.finish: Finish | None = None
        self.failure: Failure | None = None
        self.model: str | None = None
        self.id: str | None = None
        self._parser = parser

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        return self._parser.usage

    @property
    def frames(self) -> int:
        """How much the upstream has said."""
        return self._parser.frames

    @property
    def ended(self) -> bool:
        """Whether the answer is whole or has failed."""
        return self.finish is not None or self.failure is not None

    def _note(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, PartDelta):
                self.committed = self.committed or bool(event.text)
            elif isinstance(event, PartStart):
                self.committed = self.committed or _is_content(event)
            elif isinstance(event, Start):
                self.id, self.model = event.id, event.model
            elif isinstance(event, Finish):
                self.finish = event
            elif isinstance(event, Failure):
                self.failure = event


def _is_content(event: PartStart) -> bool:
    """A tool call has a name when it begins; text begins empty; other parts come whole."""
    return isinstance(event.part, ToolCall) or not isinstance(
        event.part, Text | Reasoning | Refusal
    )


class Events(_Meter):
    """Parser → events: what the library gives its callers. `answer` is all that has come.

    Example:
        bridge = Events(get_format("openai-completions"), Dialect())
        for event in bridge.feed(chunk):
            print(event)
    """

    def __init__(self, upstream: WireFormat, dialect: Dialect) -> None:
        super().__init__(upstream.stream_parser(dialect))
        self.answer = Accumulator()

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """Take the next bytes of the answer."""
        return self._passed(self._parser.feed(chunk))

    def close(self) -> Sequence[Event]:
        """Say that the answer's body has ended."""
        return self._passed(self._parser.close())

    def fail(self, error: DragomanError) -> Sequence[Event]:
        """Say that the answer broke off; the error gets what had come as `partial`."""
        return () if self.ended else self._passed([Failure(error, self.usage)])

    def _passed(self, events: list[Event]) -> Sequence[Event]:
        if self.ended:
            return ()
        self._note(events)
        for event in events:
            self.answer.add(event)
        if self.failure is not None:
            self.failure.error.partial = self.answer.completion
        return events
