"""How streams are cut into frames: bytes → pieces, wherever the chunks were cut.

    sse            server-sent events: `piece.event`, `piece.data`
    json-lines     a JSON value on each line
    event-stream   AWS's binary frames: `piece.event`, `piece.headers`, `piece.data`
    bytes          whatever comes, as it comes

Law: no piece depends on where chunks were cut (but `bytes`); a piece has a greatest size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

from msgspec import Struct

from dragoman.errors import ProtocolError
from dragoman.types.http import Headers
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import decode
from dragoman.wire.sse import MAX_EVENT_BYTES, SseParser

Framing: TypeAlias = Literal["sse", "json-lines", "event-stream", "bytes"]

_NO_HEADERS: Headers = MappingProxyType({})


class Piece(Struct, frozen=True):
    """A frame of a stream, or a whole answer: its bytes, its event's name, its headers.

    `status` is the answer's. `piece["key"]` and `piece.get("key")` look into its JSON object.
    """

    data: bytes
    event: str = ""
    headers: Headers = _NO_HEADERS
    status: int = 200

    @property
    def text(self) -> str:
        """The bytes as text; what is no UTF-8 is replaced."""
        return self.data.decode("utf-8", "replace")

    def json(self) -> Any:
        """The bytes as JSON. Raises: ProtocolError for what is none."""
        try:
            return decode(self.data)
        except ValueError as error:
            raise ProtocolError(
                f"the upstream's answer is not JSON: {str(error)[:200]}", raw=bounded(self.data)
            ) from error

    def object(self) -> dict[str, Any]:
        """The bytes as a JSON object. Raises: ProtocolError for anything else."""
        value = self.json()
        if not isinstance(value, dict):
            raise ProtocolError("the upstream's answer is no JSON object", raw=bounded(self.data))
        return value

    def __getitem__(self, key: str) -> Any:
        value = self.object()
        if key not in value:
            raise ProtocolError(f"the upstream's answer has no {key!r}", raw=bounded(self.data))
        return value[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Look up a member of its JSON object."""
        return self.object().get(key, default)

    def __repr__(self) -> str:
        return f"Piece({self.event or 'data'}, {len(self.data)} bytes)"


class Cutter(Protocol):
    """Cuts a body. After an `error` nothing comes."""

    @property
    def error(self) -> ProtocolError | None:
        """What was wrong, when it cannot go on."""
        ...

    def feed(self, chunk: bytes) -> list[Piece]:
        """Take the next bytes; return the pieces that they complete. Never raises."""
        ...

    def close(self) -> list[Piece]:
        """Say that the body has ended; return what was pending and is whole."""
        ...


class Events:
    """Server-sent events."""

    def __init__(self) -> None:
        self._sse = SseParser()

    @property
    def error(self) -> ProtocolError | None:
        """See `Cutter`."""
        return self._sse.error

    def feed(self, chunk: bytes) -> list[Piece]:
        """See `Cutter`."""
        return [Piece(frame.data, frame.event) for frame in self._sse.feed(chunk)]

    def close(self) -> list[Piece]:
        """See `Cutter`."""
        return [Piece(frame.data, frame.event) for frame in self._sse.close()]


class Lines:
    """A JSON value on each line; empty lines are nothing."""

    def __init__(self) -> None:
        self.error: ProtocolError | None = None
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Piece]:
        """See `Cutter`."""
        if self.error is not None:
            return []
        head, newline, rest = chunk.partition(b"\n")
        self._keep(head)
        if not newline:
            return []
        pieces = self._take()
        *whole, last = rest.split(b"\n")
        pieces += [Piece(line) for line in map(bytes.strip, whole) if line]
        self._keep(last)
        return pieces

    def close(self) -> list[Piece]:
        """See `Cutter`."""
        return self._take()

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        self._pending.append(data)
        if self._size > MAX_EVENT_BYTES:
            self.error = _too_long()
            self._pending.clear()

    def _take(self) -> list[Piece]:
        line = b"".join(self._pending).strip()
        self._pending.clear()
        self._size = 0
        return [Piece(line)] if line else []


class Chunks:
    """Whatever comes, as it comes."""

    error: ProtocolError | None = None

    def feed(self, chunk: bytes) -> list[Piece]:
        """See `Cutter`."""
        return [Piece(chunk)] if chunk else []

    def close(self) -> list[Piece]:
        """See `Cutter`."""
        return []


def _event_stream() -> Cutter:
    from dragoman.adapters.event_stream import EventStream

    return EventStream()


CUTTERS: Mapping[str, Callable[[], Cutter]] = {
    "sse": Events,
    "json-lines": Lines,
    "event-stream": _event_stream,
    "bytes": Chunks,
}


def _too_long() -> ProtocolError:
    return ProtocolError(
        f"the upstream sent a piece of more than {MAX_EVENT_BYTES} bytes", code="body_too_long"
    )
