"""What a flow asks its driver to do. Anything else that a flow yields is output for the caller."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from dragoman.routing.limits import Gate
from dragoman.types.event import Event
from dragoman.types.http import Headers, HttpRequest

Out: TypeAlias = Event | bytes
Result = TypeVar("Result")


class Response(Protocol):
    """What a `Send` gives back: an answer's head, and a handle for `Read` and `Close`."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """The HTTP headers."""
        ...


class Step(Struct, frozen=True):
    """One thing to do. The driver sends back what came of it, or throws what went wrong."""


class Send(Step, frozen=True):
    """Send a request, wait for the head of its answer. Gives a `Response`."""

    request: HttpRequest
    connect_timeout_s: float
    head_timeout_s: float


class Read(Step, frozen=True):
    """Wait for more of an answer's body. Gives bytes, empty at the end."""

    answer: Response
    timeout_s: float


class ReadAll(Step, frozen=True):
    """Wait for all that is left of a body, `limit` bytes at most. Gives bytes.

    `timeout_s` is the longest silence. With `limit` reached the rest is not read.
    """

    answer: Response
    timeout_s: float
    limit: int


class Close(Step, frozen=True):
    """Stop listening to an answer. Gives None."""

    answer: Response


class Sleep(Step, frozen=True):
    """Let time pass. Gives None."""

    seconds: float


class Wait(Step, frozen=True):
    """Wait until somebody leaves the gate, or `timeout_s` has passed. Gives None."""

    gate: Gate
    timeout_s: float


class First(Step, frozen=True):
    """Race flows that give no output: the next one starts when the ones before it have been silent
    for `after_s` or have failed; the first to return wins, the others are closed.

    Gives a `Race`. What a loser had opened is closed, what the winner has opened is the racer's.
    """

    flows: Sequence[Flow[Any]]
    after_s: float


class Race(Struct, frozen=True):
    """How a race ended: `winner` is an index, or None when all failed. `errors` by index."""

    winner: int | None
    value: Any
    errors: dict[int, Exception]


Flow: TypeAlias = Generator[Step | Event | bytes, Any, Result]
