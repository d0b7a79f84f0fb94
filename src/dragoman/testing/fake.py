"""A provider without a network: whatever is asked in its block gets what the script says."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Self

from dragoman.errors import ConnectionLost
from dragoman.testing.reply import Asked, Replies, Script
from dragoman.testing.speech import speak
from dragoman.transport.base import AsyncTransport, Transport
from dragoman.transport.fake import (
    AsyncFakeTransport,
    Chunk,
    Delay,
    FakeAnswer,
    FakeTransport,
    VirtualClock,
)
from dragoman.transport.stand_in import standing_in
from dragoman.types.http import HttpRequest


class FakeProvider:
    """Answers every request of the process while its block lasts, whatever the provider.

    Replies come in order, the last one ever after. It speaks the language that it is asked in. A
    reply that falls silent runs into the timeout at once: nobody waits.

    Example:
        with FakeProvider(rate_limited(), "Hello!") as fake:
            assert dragoman.chat("demo/echo", "hi").text == "Hello!"
        assert [asked.json()["model"] for asked in fake.asked] == ["echo", "echo"]
    """

    def __init__(self, *replies: Replies) -> None:
        self._script = Script(*replies)
        self._transport = FakeTransport(self._answer)
        self._stack = ExitStack()

    @property
    def asked(self) -> list[Asked]:
        """What was asked, in order."""
        return self._script.asked

    @property
    def clock(self) -> VirtualClock:
        """Seconds that replies took, had they been real."""
        return self._transport.clock

    def blocking(self, inner: Transport) -> Transport:  # noqa: ARG002
        """See `StandIn.blocking`."""
        return self._transport

    def awaited(self, inner: AsyncTransport) -> AsyncTransport:  # noqa: ARG002
        """See `StandIn.awaited`."""
        transport = AsyncFakeTransport((), self.clock)
        transport.fake = self._transport
        return transport

    def _answer(self, request: HttpRequest) -> FakeAnswer:
        path = request.url.target.partition("?")[0]
        asked = Asked(request.method, path, request.headers, request.body)
        spoken = speak(self._script.answer(asked), asked)
        chunks: tuple[Chunk, ...] = spoken.chunks
        if spoken.fault == "stall":
            chunks = (*chunks, Delay(math.inf))
        elif spoken.fault == "cut":
            chunks = (*chunks, ConnectionLost("the connection broke, on purpose"))
        return FakeAnswer(status=spoken.status, headers=spoken.headers, chunks=chunks)

    def __enter__(self) -> Self:
        self._stack.enter_context(standing_in(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
