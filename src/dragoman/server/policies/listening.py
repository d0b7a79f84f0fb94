"""Listens to what is said in a request and its answer, where an organisation has it kept."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.ledger.content import CUT, ContentLog, Heard
from dragoman.server.admission.snapshot import Admission
from dragoman.server.http.messages import Reply, Request
from dragoman.types.provider import Dialect
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat
from dragoman.wire.whole import Accumulator

_ID = "x-request-id"
_STATEFUL = get_format("openai-responses")


class Ears:
    """See `Reply`: hands everything on, and keeps the beginning of it, up to a size."""

    def __init__(self, reply: Reply, limit_bytes: int) -> None:
        self._reply = reply
        self._limit = limit_bytes
        self._room = limit_bytes
        self._pieces: list[bytes] = []
        self.id: str | None = None
        self.is_stream = False
        self.cut_short = False
        self.extra = reply.extra

    @property
    def status(self) -> int | None:
        """See `Reply.status`."""
        return self._reply.status

    @status.setter
    def status(self, value: int | None) -> None:
        self._reply.status = value

    @property
    def interrupted(self) -> bool:
        """See `Reply.interrupted`."""
        return self._reply.interrupted

    @interrupted.setter
    def interrupted(self, value: bool) -> None:
        self._reply.interrupted = value

    @property
    def heard(self) -> bytes:
        """What was said, as far as there was room."""
        return b"".join(self._pieces)

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        self._begin(headers)
        self._hear(body)
        await self._reply.send(status, headers, body)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`."""
        self._begin(headers)
        await self._reply.start(status, headers)

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""
        self._hear(data)
        await self._reply.write(data)

    async def end(self) -> None:
        """See `Reply.end`."""
        await self._reply.end()

    def cut(self) -> None:
        """See `Reply.cut`."""
        self._reply.cut()

    def _begin(self, headers: Mapping[str, str]) -> None:
        self.id = headers.get(_ID, self.id)
        self.is_stream = "event-stream" in headers.get("content-type", "")

    def _hear(self, data: bytes) -> None:
        if self._room > 0 and data:
            self._pieces.append(data[: self._room])
        self.cut_short = self.cut_short or len(data) > self._room
        self._room -= len(data)


async def listen(
    log: ContentLog,
    handler: Callable[[Request, Reply, Admission], Awaitable[None]],
    request: Request,
    reply: Reply,
    admission: Admission,
) -> None:
    """Answer a request, and hand the log what was said if it became an exchange.

    Both sides of it are what guardrails let through; a request that they refuse is not kept.
    """
    snapshot = admission.snapshot
    limit = snapshot.config.server.ledger.content_limit
    ears = Ears(reply, limit)
    asked = b""

    def passed(body: bytes) -> None:
        nonlocal asked
        asked = body

    try:
        await handler(replace(request, passed=passed), ears, admission)
    finally:
        # What is no JSON are files: recordings and pictures.
        if ears.id is not None and asked and "json" in request.headers.get("content-type", "json"):
            log.keep(_note(ears, ears.id, asked, request, admission, limit))


def _note(
    ears: Ears, id_: str, asked: bytes, request: Request, admission: Admission, limit: int
) -> Heard:
    wire = request.language
    if request.path.endswith(_STATEFUL.path):
        wire = _STATEFUL
    said, too_long = asked[:limit], len(asked) > limit
    answered, stream, cut_short = ears.heard, ears.is_stream, ears.cut_short
    return Heard(
        exchange_id=id_,
        organisation_id=admission.principal.organisation_id,
        at=time.time(),
        mode=admission.snapshot.content,
        size=len(said) + len(answered) + 500,
        read=lambda: (
            _text(said, limit, too_long),
            read_answer(answered, wire, stream, limit, cut_short),
        ),
    )


def read_answer(
    body: bytes, wire: WireFormat, stream: bool, limit: int, cut_short: bool = False
) -> str:
    """Read what was answered; a stream is put together to an answer in one piece."""
    if stream:
        answer = Accumulator()
        parser = wire.stream_parser(Dialect())
        for event in parser.feed(body) + parser.close():
            answer.add(event)
        if answer.completion.parts:
            with suppress(DragomanError):  # it stays as it was sent, then
                body = wire.render_response(answer.completion).body
    return _text(body, limit, cut_short)


def _text(body: bytes, limit: int, cut_short: bool) -> str:
    return body[:limit].decode("utf-8", "replace") + (CUT if cut_short else "")
