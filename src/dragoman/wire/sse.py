"""Server-sent events: bytes ↔ frames.

Law: what comes out never depends on where the chunks were cut, and takes time linear in their
length. Lines end in LF, CR or CRLF and nothing else: U+2028 is text.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (read 2026-11)
"""

from __future__ import annotations

import re

from msgspec import Struct

from dragoman.errors import ProtocolError
from dragoman.wire.json_text import decode

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The longest line, and the most data of one event, unless the caller says otherwise."""

DONE = b"[DONE]"
"""The data of the frame with which OpenAI-style streams end."""

_BOM = b"\xef\xbb\xbf"
_CR, _LF = 13, 10
_BREAK = re.compile(rb"\r\n|\n|\r")


class Frame(Struct, frozen=True, gc=False):
    """One event: its name, empty where it has none, and its data, not yet decoded."""

    event: str
    data: bytes


class SseParser:
    """Takes bytes as they come, gives frames as they are complete.

    `error` is set, for good, when a line or an event is longer than `max_event_bytes`; nothing
    comes after it. `cut` is set by `close` when what was pending had to be thrown away.

    Example:
        parser = SseParser()
        for chunk in body:
            for frame in parser.feed(chunk):
                print(frame.event, frame.data)
    """

    __slots__ = (
        "_after_cr",
        "_at_start",
        "_data",
        "_event",
        "_fresh",
        "_max",
        "_open",
        "_pending",
        "_size",
        "cut",
        "error",
    )

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.error: ProtocolError | None = None
        self.cut = False
        self._max = max_event_bytes
        self._pending = bytearray()  # the line that has not ended yet
        self._at_start = True
        self._after_cr = False
        self._fresh = False  # nothing of what has come is still to be dealt with
        self._open = False  # an event has begun: `_event` and `_data` hold what it has so far
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes; return the events that they complete. Never raises."""
        if self.error is not None or not chunk:
            return []
        if (
            # What nearly always comes: one event, whole, with one line of data.
            self._fresh
            and chunk.startswith(b"data: ")
            and chunk.endswith(b"\n\n")
            and chunk.find(b"\n") == len(chunk) - 2 <= self._max
            and b"\r" not in chunk
        ):
            return [Frame("", chunk[6:-2])]
        frames = self._feed(chunk)
        self._fresh = not (self._pending or self._open or self._after_cr or self._at_start)
        return frames

    def _feed(self, chunk: bytes) -> list[Frame]:
        if self._after_cr:
            self._after_cr = False
            if chunk[0] == _LF:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk[-1] == _CR
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._at_start:
            chunk = self._without_bom(chunk)
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._pending += chunk
            if len(self._pending) > self._max:
                self._too_long()
            return []
        lines = chunk[:end]
        if self._pending:
            lines = bytes(self._pending) + lines
        self._pending = bytearray(chunk[end:])
        return self._take(lines)

    def close(self) -> list[Frame]:
        """Say that the body has ended.

        An event that was not ended by an empty line counts when it is `[DONE]` or a complete JSON
        object or array. The specification would drop it, but servers forget the last empty line.
        """
        if self.error is not None:
            return []
        frames: list[Frame] = []
        if self._pending:
            self._line(bytes(self._pending), frames)
            self._pending.clear()
        if self._open:
            self._dispatch(frames)
            if frames and not _is_complete(frames[0].data):
                frames.clear()
                self.cut = True
        return frames

    def _without_bom(self, chunk: bytes) -> bytes:
        chunk = bytes(self._pending) + chunk
        self._pending.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._pending += chunk
            return b""
        self._at_start = False
        return chunk.removeprefix(_BOM)

    def _take(self, lines: bytes) -> list[Frame]:
        frames: list[Frame] = []
        *blocks, rest = lines.split(b"\n\n")
        for block in blocks:
            if not self._open and block[:6] == b"data: " and b"\n" not in block:
                if len(block) > self._max:
                    self._too_long()
                    return frames
                frames.append(Frame("", block[6:]))
                continue
            for line in block.split(b"\n"):
                self._line(line, frames)
            self._line(b"", frames)
            if self.error is not None:
                return frames
        for line in rest.split(b"\n")[:-1]:
            self._line(line, frames)
        if len(self._pending) > self._max:
            self._too_long()
        return frames

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if self.error is not None:
            return
        if len(line) > self._max:
            self._too_long()
            return
        if not line:
            self._dispatch(frames)
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._open = True
            self._data.append(value)
            self._size += len(value) + 1
            if self._size - 1 > self._max:
                self._too_long()
        elif name == b"event":
            self._open = True
            self._event = value.decode("utf-8", "replace")
        # A comment (the name is empty), `id`, `retry` or an unknown field: no part of an answer.

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._data:
            frames.append(Frame(self._event, b"\n".join(self._data)))
        self._open = False
        self._event = ""
        self._data = []
        self._size = 0

    def _too_long(self) -> None:
        self.error = ProtocolError(
            f"the upstream sent an event of more than {self._max} bytes", code="event_too_long"
        )
        self._pending.clear()
        self._data = []


_FRAME_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")


_EMPTY_LINES = (b"\n\n", b"\n\r\n", b"\r\r", b"\n\r")


def split_frames(data: bytes) -> list[bytes]:
    """Cut bytes behind each empty line; what comes behind the last one is a piece as well."""
    if b"\r" not in data:
        *whole, rest = data.split(b"\n\n")
        plain = [piece + b"\n\n" for piece in whole]
        return [*plain, rest] if rest else plain
    pieces = []
    at = 0
    for end in _FRAME_END.finditer(data):
        pieces.append(data[at : end.end()])
        at = end.end()
    if at < len(data):
        pieces.append(data[at:])
    return pieces


class FrameSplitter:
    """Lets bytes through as they are, in whole frames.

    A frame longer than `max_held` bytes goes through in pieces: `torn` says that one is under way.
    """

    __slots__ = ("_held", "_max", "torn")

    def __init__(self, max_held: int = 64 * 1024) -> None:
        self._held = bytearray()
        self._max = max_held
        self.torn = False

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return those up to the end of the last whole frame."""
        held = self._held
        if not held and chunk.endswith(b"\n\n"):
            self.torn = False
            return chunk
        start = max(0, len(held) - 3)
        held += chunk
        found = [(held.rfind(mark, start), len(mark)) for mark in _EMPTY_LINES]
        cut = max((at + size for at, size in found if at >= 0), default=0)
        if cut:
            self.torn = False
        elif len(held) > self._max:
            self.torn = True
            cut = len(held)
        whole = bytes(held[:cut])
        del held[:cut]
        return whole

    def close(self) -> bytes:
        """Return what is held, frame or not."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


def _is_complete(data: bytes) -> bool:
    """Whether the data can't be the beginning of something longer."""
    text = data.strip()
    if text == DONE:
        return True
    if text[:1] not in (b"{", b"["):
        return False
    try:
        decode(text)
    except ValueError:
        return False
    return True


def render_frame(data: bytes, event: str = "") -> bytes:
    """Write one event; data that holds line breaks becomes several `data:` lines."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_BREAK.split(data))
    return head + b"data: " + data + b"\n\n"


def render_comment(text: str = "") -> bytes:
    """Write a comment, which keeps a connection alive and means nothing."""
    return b": " + " ".join(text.split()).encode() + b"\n\n"
