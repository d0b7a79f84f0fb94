"""What a scripted upstream does, as data: actions, and answers that render to actions."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes, in one write."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Repeat:
    """Write these bytes over and over, until the client leaves."""

    data: bytes
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stall:
    """Do nothing for so many seconds, or until the client leaves (None: only that)."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing until a test sets this, or until the client leaves."""

    released: threading.Event


@dataclass(frozen=True, slots=True)
class Close:
    """Send FIN. Without `notify`, TLS ends with no close_notify, as when a process dies."""

    notify: bool = True


@dataclass(frozen=True, slots=True)
class Reset:
    """Send RST."""


Action = Send | Repeat | Stall | Hold | Close | Reset
ENDS = (Repeat, Close, Reset)

# Reason phrases mean nothing to clients (RFC 9112 section 4), so few are spelled here.
REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer and the faults in its delivery. Methods return changed copies.

    Offsets (`at`) count bytes of `body`, before chunked framing; None is the end of the body.
    `sizes` splits the body into writes (and chunks) of these sizes, the last one repeated.
    A `content-length` among `headers` replaces the true one.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    framing: Literal["length", "chunked", "close"] = "length"
    trailers: Headers = ()
    interim: tuple[tuple[int, Headers], ...] = ()
    sizes: tuple[int, ...] = ()
    pause_s: float = 0.0
    faults: tuple[tuple[int, Action], ...] = ()
    endless: Repeat | None = None
    ending: Action | None = None
    version: str = "HTTP/1.1"

    # Headers and framing.

    def with_headers(self, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> Self:
        """Add headers; names may repeat."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return self._with(headers=(*self.headers, *pairs))

    def claiming(self, length: int) -> Self:
        """Say a content-length that may be wrong. Too long: add `.cut()`, or it waits."""
        return self._with(framing="length").with_headers({"content-length": str(length)})

    def chunked(self, *, trailers: Mapping[str, str] | None = None) -> Self:
        return self._with(framing="chunked", trailers=tuple((trailers or {}).items()))

    def until_close(self) -> Self:
        """Frame the body by the end of the connection."""
        return self._with(framing="close", ending=Close())

    def by_length(self) -> Self:
        return self._with(framing="length")

    def after(self, status: int, headers: Mapping[str, str] | None = None) -> Self:
        """Send an interim (1xx) answer first. May be repeated."""
        return self._with(interim=(*self.interim, (status, tuple((headers or {}).items()))))

    # Delivery.

    def paced(self, *sizes: int, pause_s: float = 0.0) -> Self:
        """Write the body in pieces of these sizes (the last repeats), with pauses between.

        Each piece is one write, but only a pause keeps TCP from merging two in one read.
        """
        return self._with(sizes=sizes, pause_s=pause_s)

    def stall(self, seconds: float | None = None, at: int | None = 0) -> Self:
        """Stop for so long when `at` bytes of the body are out (None: until the client leaves)."""
        return self._fault(Stall(seconds), at)

    def hold(self, released: threading.Event, at: int | None = 0) -> Self:
        """Stop when `at` bytes of the body are out, until this is set or the client leaves."""
        return self._fault(Hold(released), at)

    def cut(self, at: int | None = None) -> Self:
        """Close (FIN) when `at` bytes of the body are out."""
        return self._fault(Close(notify=False), at)

    def reset(self, at: int | None = None) -> Self:
        """Reset (RST) when `at` bytes of the body are out."""
        return self._fault(Reset(), at)

    def then_forever(self, data: bytes, pause_s: float = 0.0) -> Self:
        """Repeat these bytes after the body, never ending it."""
        return self._with(endless=Repeat(data, pause_s))

    def closing(self) -> Self:
        """Say `Connection: close`, and do it."""
        return self.with_headers({"connection": "close"})._with(ending=Close())

    def stale(self) -> Self:
        """Close after the answer without having said so: the pooled connection is dead."""
        return self._with(ending=Close())

    # Rendering.

    @property
    def head(self) -> bytes:
        """The status line and headers as sent, with those of interim answers."""
        interim = b"".join(_head(self.version, *one) for one in self.interim)
        return interim + _head(self.version, self.status, (*self.headers, *self._framing_headers()))

    @property
    def wire(self) -> bytes:
        """Every byte of the answer when nothing goes wrong; cut it anywhere with `Send`."""
        sound = self._with(faults=(), endless=None, ending=None)
        return b"".join(action.data for action in sound.actions() if isinstance(action, Send))

    def actions(self) -> tuple[Action, ...]:
        """Render to actions, ending at the first that leaves nothing to do."""
        actions: list[Action] = []
        pending = self.head
        at = 0
        for end, fault in (*sorted(self.faults, key=lambda pair: pair[0]), (None, None)):
            for number, piece in enumerate(self._pieces(self.body[at:end])):
                if self.pause_s and number:
                    actions.append(Stall(self.pause_s))
                actions.append(Send(pending + piece))
                pending = b""
            at = len(self.body) if end is None else max(at, min(end, len(self.body)))
            if fault is None:
                break
            if pending:
                actions.append(Send(pending))
                pending = b""
            actions.append(fault)
            if isinstance(fault, ENDS):
                return tuple(actions)
        if self.endless:
            again = dataclasses.replace(self.endless, data=self._framed(self.endless.data))
            return (*actions, *([Send(pending)] if pending else ()), again)
        if last := pending + self._terminator():
            actions.append(Send(last))
        return (*actions, *([self.ending] if self.ending else ()))

    def _fault(self, action: Action, at: int | None) -> Self:
        place = len(self.body) if at is None else at
        return self._with(faults=(*self.faults, (place, action)))

    def _with(self, **changes: object) -> Self:
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def _framing_headers(self) -> Headers:
        if self.framing == "chunked":
            return (("transfer-encoding", "chunked"),)
        claimed = any(name.lower() == "content-length" for name, _ in self.headers)
        if self.framing == "close" or claimed or self.status in {204, 304}:
            return ()
        return (("content-length", str(len(self.body))),)

    def _pieces(self, data: bytes) -> Iterable[bytes]:
        sizes = iter(self.sizes)
        size = len(data)
        while data:
            size = next(sizes, size)
            yield self._framed(data[:size])
            data = data[size:]

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.framing == "chunked" else data

    def _terminator(self) -> bytes:
        if self.framing != "chunked":
            return b""
        return b"0\r\n" + _lines(self.trailers) + b"\r\n"


Script = Answer | tuple[Action, ...]


def _head(version: str, status: int, headers: Headers) -> bytes:
    line = f"{version} {status} {REASONS.get(status, 'Status')}\r\n"
    return line.encode() + _lines(headers) + b"\r\n"


def _lines(headers: Headers) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers)
