"""A stream that says the same again and again, and would do so until its limit: it is ended.

What is looked for is exact: the end of a text is one block, whatever its length, many times over.
The cost of a piece of content is bounded: the text's end is looked at once in `STEP` characters,
with two searches in a window of a few thousand.
"""

from __future__ import annotations

from dragoman.errors import RepeatedItself
from dragoman.types.event import Event, Failure, PartDelta, PartEnd
from dragoman.types.model import RepetitionGuard
from dragoman.types.provider import Dialect
from dragoman.wire.base import StreamParser, WireFormat
from dragoman.wire.wrapped import Wrapped, WrappedParser

STEP = 256
"""Characters between two looks."""

SOLID_FACTOR = 4
"""A block without white space has to fill so many times more. Tables have their rules, base64 its
`AAAA` where a picture is black: a thousand of them mean nothing."""

_PROBE = 64


class Guarded(Wrapped):
    """A format whose streams end when they repeat themselves."""

    def __init__(self, inner: WireFormat, guard: RepetitionGuard) -> None:
        super().__init__(inner)
        self._guard = guard

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> StreamParser:
        """Start reading a stream under guard."""
        del meter
        return GuardedParser(self.inner.stream_parser(dialect), self._guard)


class GuardedParser(WrappedParser):
    """Hands on events until a part repeats itself; then `Failure`, and nothing more."""

    def __init__(self, inner: StreamParser, guard: RepetitionGuard) -> None:
        super().__init__(inner)
        self._guard = guard
        self._watches: dict[int, Watch] = {}
        self._ended = False

    def _changed(self, events: list[Event]) -> list[Event]:
        if self._ended:
            return []
        for number, event in enumerate(events):
            if isinstance(event, PartDelta):
                watch = self._watches.get(event.index)
                if watch is None:
                    watch = self._watches[event.index] = Watch(self._guard)
                if (block := watch.add(event.text)) is not None:
                    self._ended = True
                    failure = Failure(_error(block, self._guard), self.usage)
                    return [*events[: number + 1], failure]
            elif isinstance(event, PartEnd):
                self._watches.pop(event.index, None)
        return events


def _error(block: str, guard: RepetitionGuard) -> RepeatedItself:
    said = " ".join(block.split())
    shown = said if len(said) <= 60 else said[:59] + "…"
    return RepeatedItself(
        f"the model repeats itself: {shown!r}, over and over",
        hint="ask again, with a higher temperature or another model; repetition_guard"
        f" (now {guard.characters} characters) decides what counts",
    )


class Watch:
    """Watches the end of one text.

    Example:
        watch = Watch(RepetitionGuard())
        watch.add("Again and again. " * 200)  # "Again and again. "
    """

    __slots__ = ("_guard", "_new", "_pieces", "_tail", "_window")

    def __init__(self, guard: RepetitionGuard) -> None:
        self._guard = guard
        self._window = guard.characters * SOLID_FACTOR
        self._tail = ""
        self._pieces: list[str] = []
        self._new = 0

    def add(self, text: str) -> str | None:
        """Take more text; return the block that it repeats, once it does."""
        self._pieces.append(text)
        self._new += len(text)
        if self._new < STEP:
            return None
        self._tail = (self._tail + "".join(self._pieces))[-self._window :]
        self._pieces.clear()
        self._new = 0
        return self._find()

    def _find(self) -> str | None:
        tail, guard = self._tail, self._guard
        size = len(tail)
        if size < guard.characters:
            return None
        # The last place at which the end of the text has been seen before tells the block's length.
        at = tail.rfind(tail[-_PROBE:], 0, size - 1)
        if at < 0:
            return None
        period = size - _PROBE - at
        block = tail[-period:]
        solid = block.split() == [block]
        span = max(guard.characters * (SOLID_FACTOR if solid else 1), period * guard.repeats)
        if span > size or tail[size - span :][period:] != tail[size - span : size - period]:
            return None
        return block
