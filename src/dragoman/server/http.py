"""HTTP as handlers see it: a request to be read, a reply to be begun, written and ended.

Handlers know no server: `asgi.py` fits these to ASGI, and another front could stand in its place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias

from msgspec import Struct


class Request(Struct, frozen=True):
    """A request whose head has come. Header names are lower-case; `path` has no query.

    `body` waits for all of it. Raises, from it: BodyTooLarge, ClientGone.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Callable[[], Awaitable[bytes]]


class Reply(Protocol):
    """What goes back. `gone` is set once the client has left; writing then does nothing."""

    started: bool

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer in one piece."""
        ...

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin an answer that comes in pieces."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece; waits while the client is slow."""
        ...

    async def end(self) -> None:
        """Say that the answer is whole."""
        ...


Handler: TypeAlias = Callable[[Request, Reply], Awaitable[None]]
