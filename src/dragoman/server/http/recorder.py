"""A reply that remembers what was said, and goes on when the client has left."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dragoman.server.http.messages import Reply
from dragoman.types.kept import KeptAnswer

_KEPT_HEADERS = frozenset(
    {
        *("content-type", "cache-control", "x-accel-buffering", "x-content-type-options"),
        *("x-dragoman-provider", "x-dragoman-model", "x-dragoman-route"),
    }
)


class Recorder:
    """See `Reply`. What is said goes on to `reply`, until it is left, and is kept up to a size.

    `skipped` are pieces that say nothing (pings): they are handed on and not kept.
    """

    def __init__(self, reply: Reply, limit_bytes: int, skipped: Collection[bytes]) -> None:
        self._reply: Reply | None = reply
        self._limit = limit_bytes
        self._skipped = skipped
        self._pieces: list[bytes] = []
        self._size = 0
        self._headers: dict[str, str] = {}
        self._streamed = False
        self._interrupted = reply.interrupted
        self.status: int | None = reply.status
        self.extra = reply.extra
        self.ended = False
        self.retry_useless = False

    @property
    def interrupted(self) -> bool:
        """See `Reply.interrupted`."""
        return self._interrupted or (self._reply is not None and self._reply.interrupted)

    @interrupted.setter
    def interrupted(self, value: bool) -> None:
        self._interrupted = value

    @property
    def too_large(self) -> bool:
        """Whether more was said than may be kept."""
        return self._size > self._limit

    def leave(self) -> None:
        """Hand nothing on any more: the client has left."""
        self._reply = None

    def answer(self, at: float, warnings: Collection[str]) -> KeptAnswer | None:
        """What was said, if all of it was, and it is not too much."""
        if not self.ended or self.status is None or self.too_large:
            return None
        return KeptAnswer(
            at=at,
            status=self.status,
            stream=self._streamed,
            headers=self._headers,
            body=b"".join(self._pieces),
            warnings=tuple(warnings),
        )

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        self._begin(status, headers)
        self._keep(body)
        self.ended = True
        if self._reply is not None:
            await self._reply.send(status, headers, body)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`."""
        self._begin(status, headers)
        self._streamed = True
        if self._reply is not None:
            await self._reply.start(status, headers)

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""
        if data not in self._skipped:
            self._keep(data)
        if self._reply is not None:
            await self._reply.write(data)

    async def end(self) -> None:
        """See `Reply.end`."""
        self.ended = True
        if self._reply is not None:
            await self._reply.end()

    def cut(self) -> None:
        """See `Reply.cut`."""
        if self._reply is not None:
            self._reply.cut()

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self._headers = {name: headers[name] for name in _KEPT_HEADERS & headers.keys()}
        self.retry_useless = headers.get("x-should-retry") == "false"

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._limit:
            self._pieces.append(data)
        else:
            self._pieces.clear()
