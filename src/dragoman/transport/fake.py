"""Transports without a network, for tests: scripted answers, recorded requests, a clock of theirs.

    transport = FakeTransport([
        ConnectFailed("refused"),
        FakeAnswer(429, {"retry-after": "1"}),
        FakeAnswer(chunks=(b"data: ", Delay(3.0), b"[DONE]\\n\\n")),
    ])

One script answers one request, in order. Time passes only as scripts say, on `transport.clock`:
a delay longer than the timeout at hand raises Timeout, as it would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from dragoman.errors import DragomanError, Phase, Timeout
from dragoman.types.http import Headers, HttpRequest


class VirtualClock:
    """Seconds that pass when somebody says so. Call it for the time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def wait(self, seconds: float, timeout_s: float, phase: Phase) -> None:
        """Let time pass, but no more than the timeout.

        Raises: Timeout.
        """
        self.advance(min(seconds, timeout_s))
        if seconds > timeout_s:
            raise Timeout(phase, timeout_s)


class Delay(Struct, frozen=True):
    """Silence, among the chunks of an answer."""

    seconds: float


Chunk: TypeAlias = "bytes | Delay | DragomanError"


class FakeAnswer(Struct, frozen=True):
    """An answer. `connect_s` and `head_s` pass before its head, in the phase of that timeout.

    Each chunk is what one `read` returns; an error among them is raised, and is the end.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()
    connect_s: float = 0.0
    head_s: float = 0.0


Reply: TypeAlias = "FakeAnswer | DragomanError"
Replies: TypeAlias = "Iterable[Reply] | Callable[[HttpRequest], Reply]"


class FakeResponse:
    """See `Response`."""

    def __init__(self, answer: FakeAnswer, clock: VirtualClock) -> None:
        self.status: int = answer.status
        self.headers: Headers = answer.headers
        self.closed = False
        self.ended = False
        self._clock = clock
        self._chunks: Iterator[Chunk] = iter(answer.chunks)
        self._failure: DragomanError | None = None
        self._silence_s = 0.0

    def read(self, timeout_s: float) -> bytes:
        """See `Response.read`."""
        if self._failure is not None and not self.closed:
            raise self._failure
        while not (self.closed or self.ended):
            try:
                self._clock.wait(self._silence_s, timeout_s, "idle")
                self._silence_s = 0.0
                chunk = next(self._chunks, None)
                if isinstance(chunk, DragomanError):
                    raise chunk
            except DragomanError as error:
                self.ended = True
                self._failure = error
                raise
            if isinstance(chunk, bytes):
                return chunk
            if chunk is None:
                self.ended = True
            else:
                self._silence_s = chunk.seconds
        return b""

    def close(self) -> None:
        """See `Response.close`."""
        self.closed = True


class FakeTransport:
    """A `Transport` that answers from a script: replies in order, or a function of the request.

    `requests` is what was sent; `responses` what was given, each knowing whether it was `ended`
    or `closed`; `left_open` those that are neither. `closed` is set by `close`.
    """

    def __init__(self, replies: Replies, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.requests: list[HttpRequest] = []
        self.responses: list[FakeResponse] = []
        self.closed = False
        self._reply: Callable[[HttpRequest], Reply] = (
            replies if callable(replies) else _in_order(replies)
        )

    @property
    def left_open(self) -> list[FakeResponse]:
        """Answers that nobody read to their end, nor closed."""
        return [one for one in self.responses if not (one.ended or one.closed)]

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> FakeResponse:
        """See `Transport.send`."""
        self.requests.append(request)
        reply = self._reply(request)
        if isinstance(reply, DragomanError):
            raise reply
        self.clock.wait(reply.connect_s, connect_timeout_s, "connect")
        self.clock.wait(reply.head_s, head_timeout_s, "first_token")
        response = FakeResponse(reply, self.clock)
        self.responses.append(response)
        return response

    def close(self) -> None:
        """See `Transport.close`."""
        self.closed = True


def _in_order(replies: Iterable[Reply]) -> Callable[[HttpRequest], Reply]:
    rest = iter(tuple(replies))

    def reply(request: HttpRequest) -> Reply:
        for one in rest:
            return one
        raise AssertionError(f"no reply is left for {request.method} {request.url}")

    return reply


class AsyncFakeResponse:
    """See `AsyncResponse`."""

    def __init__(self, response: FakeResponse) -> None:
        self.status: int = response.status
        self.headers: Headers = response.headers
        self._response = response

    async def read(self, timeout_s: float) -> bytes:
        """See `AsyncResponse.read`. Others run in between."""
        await _let_others_run()
        return self._response.read(timeout_s)

    async def close(self) -> None:
        """See `AsyncResponse.close`."""
        self._response.close()


class AsyncFakeTransport:
    """The same, awaited. What it was asked is in `fake`: `transport.fake.requests`."""

    def __init__(self, replies: Replies, clock: VirtualClock | None = None) -> None:
        self.fake = FakeTransport(replies, clock)

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncFakeResponse:
        """See `AsyncTransport.send`."""
        await _let_others_run()
        return AsyncFakeResponse(
            self.fake.send(
                request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
            )
        )

    async def close(self) -> None:
        """See `AsyncTransport.close`."""
        self.fake.close()


async def _let_others_run() -> None:
    from asyncio import sleep

    await sleep(0)
