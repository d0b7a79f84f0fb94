"""What stands between one attempt's streamed answer and the client.

Law: until `committed`, nothing of what a bridge gives out may reach the client: the attempt may
still fail and another one take its place. What comes out never depends on chunk boundaries,
except that a relay cuts where its chunks are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from msgspec.structs import replace

from dragoman.errors import DragomanError, ProtocolError
from dragoman.types.event import Event, Failure, Finish, PartDelta, PartStart, Start
from dragoman.types.message import Reasoning, Refusal, Text
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.base import StreamParser, StreamRenderer, WireFormat
from dragoman.wire.json_text import utf8_size
from dragoman.wire.signer import sign_events
from dragoman.wire.sse import FrameSplitter, split_frames
from dragoman.wire.whole import Accumulator
from dragoman.wire.wrapped import WrappedParser

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
    def heard(self) -> bool:
        """Whether content has come, be it held back until more is known of it."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the answer is whole or has failed."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        ...

    @property
    def frames(self) -> int:
        """How much the upstream has said."""
        ...

    @property
    def said_tokens(self) -> int:
        """How many tokens of answer have come, about: for when nobody reports it."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What of the answer so far the caller's language could not say."""
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

    def __init__(self, parser: StreamParser, signer: str | None = None) -> None:
        self._signer = signer
        self.committed = False
        self.finish: Finish | None = None
        self.failure: Failure | None = None
        self.model: str | None = None
        self.id: str | None = None
        self._parser = parser
        self._said_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        return self._parser.usage

    @property
    def frames(self) -> int:
        """How much the upstream has said."""
        return self._parser.frames

    @property
    def heard(self) -> bool:
        """Whether content has come, be it held back until more is known of it."""
        return self.committed or (isinstance(self._parser, WrappedParser) and self._parser.holds)

    @property
    def said_tokens(self) -> int:
        """How many tokens of answer have come, about: four bytes each, as in English prose."""
        return -(-(self._said_bytes + self._parser.unread_bytes) // 4)

    @property
    def warnings(self) -> Sequence[str]:
        """What of the answer so far the caller's language could not say: nothing is left out."""
        return ()

    @property
    def ended(self) -> bool:
        """Whether the answer is whole or has failed."""
        return self.finish is not None or self.failure is not None

    def _note(self, events: Sequence[Event]) -> DragomanError | None:
        """Look at events; return the error when one is a failure."""
        for event in events:
            if isinstance(event, PartDelta):
                self._said_bytes += utf8_size(event.text)
                self.committed = self.committed or _says_something(event)
            elif isinstance(event, PartStart):
                self.committed = self.committed or _says_something(event)
            elif isinstance(event, Start):
                self.id, self.model = event.id, event.model
            elif isinstance(event, Finish):
                self.finish = event
            elif isinstance(event, Failure):
                self.failure = event
                return event.error
        return None


def _says_something(event: PartStart | PartDelta) -> bool:
    """Text begins empty; a tool call has its name when it begins; other parts come whole."""
    if isinstance(event, PartDelta):
        return bool(event.text)
    return not isinstance(event.part, Text | Reasoning | Refusal)


class Events(_Meter):
    """Parser → events: what the library gives its callers. `answer` is all that has come.

    `signer` is written on thoughts: who alone can read their signatures.

    Example:
        bridge = Events(get_format("openai-completions"), Dialect())
        for event in bridge.feed(chunk):
            print(event)
    """

    def __init__(self, upstream: WireFormat, dialect: Dialect, signer: str | None = None) -> None:
        super().__init__(upstream.stream_parser(dialect), signer)
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

    def _passed(self, events: Sequence[Event]) -> Sequence[Event]:
        if self.ended:
            return ()
        events = sign_events(events, self._signer)
        self._note(events)
        for event in events:
            self.answer.add(event)
        if self.failure is not None:
            self.failure.error.partial = self.answer.completion
        return events


class Translate(_Meter):
    """Parser → renderer: the answer in another format, or in the same one written anew.

    `id` and `created` stand in where the provider gives none: formats have no clock of their own.
    `priced` adds to the usage that is told at the end what it cost; `signer` as in `Events`.
    `screen` says what of the events may be told: a `Failure` that it adds ends the answer.
    """

    def __init__(
        self,
        upstream: WireFormat,
        dialect: Dialect,
        renderer: StreamRenderer,
        *,
        id: str | None = None,  # noqa: A002 - the word of every format
        created: int | None = None,
        priced: Callable[[Usage], Usage] | None = None,
        signer: str | None = None,
        screen: Callable[[Sequence[Event]], Sequence[Event]] | None = None,
    ) -> None:
        super().__init__(upstream.stream_parser(dialect), signer)
        self._screen = screen
        self._renderer = renderer
        self._id = id
        self._created = created
        self._priced = priced

    @property
    def warnings(self) -> Sequence[str]:
        """What of the answer the client's format could not say."""
        return tuple(self._renderer.warnings)

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        return self._written(self._parser.feed(chunk))

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        return self._written(self._parser.close())

    def fail(self, error: DragomanError) -> Sequence[bytes]:
        """Say that the answer broke off, in the client's format."""
        return self._written([Failure(error, self.usage)])

    def _written(self, events: Sequence[Event]) -> Sequence[bytes]:
        if self.ended or not events:
            return ()
        events = sign_events(events, self._signer)
        committed = self.committed
        self._note(events)
        if self._screen is not None:
            events = self._screened(events, self._screen)
        written = []
        for event in events:
            said = isinstance(event, PartStart | PartDelta) and _says_something(event)
            if isinstance(event, Start):
                event = Start(
                    event.id or self._id, event.model, event.created or self._created, event.usage
                )
            elif isinstance(event, Finish) and event.usage is not None and self._priced is not None:
                event = replace(event, usage=self._priced(event.usage))
            if chunk := self._renderer.render(event):
                written.append(chunk)
                committed = committed or said
        self.committed = committed  # what the client's format cannot say has not reached it
        return written

    def _screened(
        self, events: Sequence[Event], screen: Callable[[Sequence[Event]], Sequence[Event]]
    ) -> Sequence[Event]:
        """Leave out what must not be told; what was counted stays counted."""
        kept = screen(events)
        if self.failure is None and kept and isinstance(end := kept[-1], Failure):
            self.failure, self.finish = end, None
        return kept


class Relay(_Meter):
    """The upstream's bytes, verbatim, while a meter looks on.

    Frames leave whole, so that an error can follow the last one. An error of the upstream's inside
    the stream, and one of ours, is written anew in the same format, bounded and redacted. What the
    meter can't read does not break a relay once there has been content: the bytes go on, and usage
    is unknown. With `drop_usage` the frame that says usage and nothing else is left out, because
    the client had not asked for it. A JSON document instead of a stream is told as one.
    `request_id` as in `WireFormat.stream_renderer`.
    """

    def __init__(
        self,
        upstream: WireFormat,
        dialect: Dialect,
        model: str,
        *,
        drop_usage: bool = False,
        request_id: str | None = None,
    ) -> None:
        super().__init__(upstream.stream_parser(dialect, meter=True))
        self._format = upstream
        self._dialect = dialect
        self._model = model
        self._request_id = request_id
        self._drop_usage = drop_usage
        self._splitter = FrameSplitter()
        self._blind = False
        self._is_document: bool | None = None  # None until a byte has come that tells

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far; None when the meter lost its way."""
        return None if self._blind else self._parser.usage

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        if self.failure is not None:
            return ()
        if self._is_document is None and (first := chunk.lstrip()[:1]):
            self._is_document = first in (b"{", b"[")
        if self._is_document:
            error = self._note(self._parser.feed(chunk))
            return () if error is None else self._error(error)
        frames = self._splitter.feed(chunk)
        if self._blind or self.finish is not None:
            return self._kept(frames)
        error = self._note(self._parser.feed(chunk))
        return self._kept(frames) if error is None else self._failed(error, frames)

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        if self.failure is not None:
            return ()
        if self._is_document:
            return self._told()
        if self._blind:
            self.finish = Finish("other")
        elif self.finish is None and (error := self._note(self._parser.close())):
            return self._error(error)
        return self._kept(self._splitter.close())

    def fail(self, error: DragomanError) -> Sequence[bytes]:
        """Say that the answer broke off, in its own format."""
        if self.ended:
            return ()
        self.failure = Failure(error, self.usage)
        return self._error(error)

    def _told(self) -> Sequence[bytes]:
        """Tell a document as a stream."""
        events = self._parser.close()
        if error := self._note(events):
            return self._error(error)
        renderer = self._renderer()
        return [frame for event in events if (frame := renderer.render(event))]

    def _failed(self, error: DragomanError, frames: bytes) -> Sequence[bytes]:
        if self.committed and isinstance(error, ProtocolError):
            self.failure = None
            self._blind = True
            return self._kept(frames)
        return [*self._kept(self._before_error(frames)), *self._error(error)]

    def _before_error(self, frames: bytes) -> bytes:
        """Find what of these frames comes before the one that failed."""
        at = 0
        for frame in split_frames(frames):
            events = self._format.stream_parser(self._dialect, meter=True).feed(frame)
            if events and isinstance(events[-1], Failure):
                break
            at += len(frame)
        return frames[:at]

    def _error(self, error: DragomanError) -> Sequence[bytes]:
        frame = self._renderer().render(Failure(error))
        # Half a frame may have gone out when it was too long to be held back.
        return [b"\n\n" + frame] if self._splitter.torn else [frame]

    def _renderer(self) -> StreamRenderer:
        return self._format.stream_renderer(
            self._model, not self._drop_usage, request_id=self._request_id
        )

    def _kept(self, frames: bytes) -> Sequence[bytes]:
        if self._drop_usage and b'"usage"' in frames:
            kept = [f for f in split_frames(frames) if not self._format.is_usage_frame(f)]
            frames = b"".join(kept)
        return [frames] if frames else ()
