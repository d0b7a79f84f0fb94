"""The reply to a request whose response we keep ourselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from dragoman.server.http.messages import Reply
from dragoman.wire.sse import SseParser

_LAST = (b'"response.completed"', b'"response.incomplete"')


class KeepingReply:
    """A reply that looks for the whole response in what goes out, and hands it to `keep` first."""

    def __init__(self, reply: Reply, keep: Callable[[bytes], None]) -> None:
        self._reply = reply
        self._keep = keep
        self._parser = SseParser()

    @property
    def status(self) -> int | None:
        """See `Reply`."""
        return self._reply.status

    @property
    def interrupted(self) -> bool:
        """See `Reply`."""
        return self._reply.interrupted

    @property
    def extra(self) -> dict[str, str]:
        """See `Reply`."""
        return self._reply.extra

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        if status == 200:
            self._keep(body)
        await self._reply.send(status, headers, body)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`."""
        await self._reply.start(status, headers)

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""
        for frame in self._parser.feed(data):
            if any(word in frame.data for word in _LAST):
                event = msgspec.json.decode(frame.data, type=_Event)
                if event.type in ("response.completed", "response.incomplete"):
                    self._keep(bytes(event.response))
        await self._reply.write(data)

    async def end(self) -> None:
        """See `Reply.end`."""
        await self._reply.end()

    def cut(self) -> None:
        """See `Reply.cut`."""
        self._reply.cut()


class _Event(Struct):
    """The last event of a stream."""

    type: str
    response: msgspec.Raw = msgspec.Raw(b"null")
