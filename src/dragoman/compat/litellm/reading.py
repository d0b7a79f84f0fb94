"""Reads the bytes of a stream by way of a provider's own chunk parser: bytes → chunks → events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dragoman.adapters.format import wrong_type
from dragoman.compat.litellm.chunks import DONE, FrameWriter, WrongShape
from dragoman.compat.litellm.hooks import ERRORS, call_hook
from dragoman.compat.litellm.http_answer import Lines, Texts
from dragoman.compat.litellm.streaming import BaseModelResponseIterator, find_handler, takes_lines
from dragoman.compat.litellm.told import Told, overrides
from dragoman.types.event import Event
from dragoman.types.http import HttpAnswer

_LINES = ("text/event-stream", "json-lines", "jsonl", "ndjson", "x-json-stream")
_THE_END = ("data: [DONE]", "data:[DONE]", "[DONE]")


class StreamReading:
    """How one stream is read.

    performed: by the provider's own code in a thread; what comes are our frames.
    held: the bytes of a whole answer, which a provider gives although a stream is told.
    """

    def __init__(self, told: Told, wraps: bool) -> None:
        self.held: list[bytes] = []
        self.performed = False
        self._told = told
        self._parser = ERRORS.stream_parser(told.ask.provider.dialect)
        self._writer = FrameWriter(told.model)
        self._read: Callable[..., Any] | None = None
        self._cutter: Lines | Texts | None = None
        self._handled = False
        self._ended = False
        if told.fake:
            return
        if wraps:
            self.performed = True
        elif overrides(told.config, "get_model_response_iterator"):
            self._choose(told)
        elif handler := find_handler(told.config):
            self._read, self._handled = handler, True

    def _choose(self, told: Told) -> None:
        """Hand lines to a chunk parser; let any other iterator pull them, in a thread."""
        iterator = told.hook(
            "get_model_response_iterator",
            streaming_response=iter(()),
            sync_stream=True,
            json_mode=told.json_mode,
        )
        if takes_lines(iterator):
            assert isinstance(iterator, BaseModelResponseIterator)
            self._read, self._cutter = iterator._handle_string_chunk, Lines()
        else:
            self.performed = True

    @property
    def is_whole(self) -> bool:
        """Whether the answer is a whole one, of which a stream is made."""
        return self._told.fake

    def feed(self, data: bytes, head: HttpAnswer) -> list[Event]:
        """Take the next bytes. Raises: DragomanError."""
        if self._read is None:
            return self._parser.feed(data)
        if self._cutter is None:
            kind = head.headers.get("content-type", "")
            self._cutter = Lines() if any(word in kind for word in _LINES) else Texts()
        return self._take(self._cutter.feed(data))

    def close(self) -> list[Event]:
        """Say that the body has ended. Raises: DragomanError."""
        events: list[Event] = []
        if self._read is not None and not self._ended:
            if self._cutter is not None:
                events += self._take(self._cutter.close())
            if not self._ended:
                events += self._parser.feed(self._writer.end(whole=self._handled))
        return events + self._parser.close()

    def _take(self, pieces: Iterable[str]) -> list[Event]:
        events: list[Event] = []
        for piece in pieces:
            if self._ended:
                break
            if not piece.strip() and isinstance(self._cutter, Lines):
                continue
            events += self._parser.feed(self._frame(piece))
        return events

    def _frame(self, piece: str) -> bytes:
        """Have a piece read; write what it says."""
        told = self._told
        assert self._read is not None
        done = piece.strip() in _THE_END
        if done and self._handled:
            return self._end()
        try:
            chunk = self._once(piece)
        except StopIteration:
            return self._end()
        try:
            frame = self._writer.add(chunk)
        except WrongShape as error:
            name = getattr(self._read, "__name__", "the chunk parser")
            raise wrong_type(told.whose, name, error.value, "a GenericStreamingChunk") from error
        return frame + (self._end() if done else b"")

    def _once(self, piece: str) -> Any:
        """Call the parser. Raises: StopIteration when it says that there is no more."""
        read = self._read
        assert read is not None

        def parse() -> Any:
            try:
                return read(piece)
            except StopIteration:
                return StopIteration

        parse.__name__ = getattr(read, "__name__", "the chunk parser")
        found = call_hook(self._told.whose, parse)
        if found is StopIteration:
            raise StopIteration
        return found

    def _end(self) -> bytes:
        self._ended = True
        return self._writer.end() or DONE
