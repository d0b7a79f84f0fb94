"""HTTP as handlers see it: a request to be read, a reply to be begun, written and ended.

Handlers know no server: `connection.py` fits these to uvicorn's, and another could take its place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from dragoman.wire import get_format
from dragoman.wire.base import WireFormat

JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


class Request(Struct, frozen=True):
    """A request whose head has come. Header names are lower-case; `path` has no query.

    `peer` is the address that the connection comes from: a proxy's, where there is one.
    `target` is the path as it was sent, with its escapes.
    `body` waits for all of it. Raises, from it: BodyTooLarge, BodyTooSlow, ClientGone.
    `passed` is told the body as guardrails let it through; of one that they refuse, nothing.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Callable[[], Awaitable[bytes]]
    peer: str = ""
    target: str = ""
    passed: Callable[[bytes], None] | None = None

    @property
    def language(self) -> WireFormat:
        """The language of the client's family, for what is said outside of an answer."""
        if "anthropic-version" in self.headers or "/messages" in self.path:
            return get_format("anthropic-messages")
        return get_format("openai-completions")


class Reply(Protocol):
    """What goes back. Once the client has left, writing does nothing.

    `status` is None until the reply has begun. `interrupted`: we are about to stop, and what is
    still being said must end with a word about it. `extra` are headers that every reply carries.
    """

    status: int | None
    interrupted: bool
    extra: dict[str, str]

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

    def cut(self) -> None:
        """Close the connection in the middle of the answer: the one way to say it isn't whole."""
        ...
