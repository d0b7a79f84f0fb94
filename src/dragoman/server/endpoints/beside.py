"""Endpoints beside those that generate: how an exchange of theirs begins, and how it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from dragoman.engine.call import Call, CallOptions
from dragoman.engine.dialogue import Dialogue, Letter, Neighbour, Whole
from dragoman.engine.drive import adrive
from dragoman.engine.estimate import estimate_size
from dragoman.engine.flow import stream
from dragoman.engine.start import begin
from dragoman.engine.timers import PLAIN_HEAD_S
from dragoman.errors import DragomanError, Unsupported
from dragoman.guardrails.rails import Rails, Screen
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.endpoint import Endpoint
from dragoman.server.endpoints.guarded_passage import open_guarded
from dragoman.server.endpoints.headers import describe
from dragoman.server.endpoints.passage import HELD_BYTES, Passage, open_passage
from dragoman.server.http.failures import ShuttingDown
from dragoman.server.http.messages import Reply
from dragoman.server.policies.guarding import note
from dragoman.types.completion import Completion
from dragoman.types.event import Failure
from dragoman.types.exchange import Exchange
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.route import Deployment
from dragoman.wire import get_format
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.bridge import Bridge
from dragoman.wire.envelope import Envelope
from dragoman.wire.extra import add_fields

NOTHING: Mapping[str, str] = {}
_GUARD: Mapping[str, str] = {"x-content-type-options": "nosniff"}
"""What a provider says is of some type is never taken for a page of ours."""


class Sent(Protocol):
    """What a client sent, opened as far as its model: an `Envelope`, or a `Form`."""

    body: bytes
    model: str
    stream: bool

    def relayed(self, model: str, dialect: Dialect, *, ask_usage: bool = False) -> bytes:
        """Write it for an upstream, with the model's name there."""
        ...


class Passing:
    """The dialogue of what is handed on without being understood.

    With `events_end` it is a stream of text: usage is asked for, and its end is known. Without
    `metered` the answer repeats what was counted before.
    `passage` is the answer that is on its way. With `rails` it is looked at.
    """

    has_images = False
    metered = True
    passage: Passage
    rails: Rails | None = None
    screen: Screen | None = None

    def __init__(
        self, sent: Sent, neighbour: Neighbour, client: WireFormat, *, events_end: bool = False
    ) -> None:
        self.neighbour: Neighbour | None = neighbour
        self.sent = sent
        self._client = client
        self._events_end = events_end

    @property
    def estimate(self) -> int:
        """See `Dialogue.estimate`."""
        countable = self.neighbour is not None and self.neighbour.countable
        return estimate_size(len(self.sent.body)) if countable else 0

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`."""
        del upstream
        deployment = letter.deployment
        dialect = deployment.provider.dialect
        ask_usage = self._events_end and dialect.stream_usage
        body = self.sent.relayed(deployment.model, dialect, ask_usage=ask_usage)
        if letter.body and isinstance(self.sent, Envelope):
            body = add_fields(body, letter.body)
        return Rendered(body)

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`."""
        del upstream
        wants = isinstance(self.sent, Envelope) and self.sent.wants_usage
        dialect = deployment.provider.dialect
        how = {
            "must_end": self._events_end,
            "drop_usage": self._events_end and dialect.stream_usage and not wants,
        }
        if self.rails is None:
            self.passage = open_passage(headers, dialect, self._client, **how)
        else:
            self.screen = self.rails.screen()
            self.passage = open_guarded(headers, dialect, self._client, self.screen, **how)
        self.passage.metered = self.metered
        return self.passage

    def note(self, exchange: Exchange) -> None:
        """Write down what guardrails have found in the answer, once."""
        if self.screen is not None:
            note(exchange, self.screen.findings)
            self.screen = None

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`. Raises: Unsupported: it is handed on as it comes."""
        del upstream, body, deployment
        raise Unsupported("what is not understood is not fetched whole")

    def tell(self, completion: Completion) -> Whole:
        """See `Dialogue.tell`. Raises: Unsupported: there are no events to put together."""
        del completion
        raise Unsupported("what is not understood is not put together")


def begin_beside(
    admission: Admission,
    dialogue: Dialogue,
    model: str,
    options: CallOptions,
    *,
    stream: bool = False,
    heard: Mapping[str, str] = NOTHING,
) -> Call:
    """Begin an exchange with those of a model's deployments that have the endpoint.

    Nothing is raced there: what one cannot watch token by token would be paid for twice.

    Raises: UnknownModel, ConfigError, Unsupported when no deployment has it.
    """
    snapshot = admission.snapshot
    call = begin(
        snapshot.registry,
        snapshot.around,
        dialogue,
        model,
        options,
        stream=stream,
        heard=heard,
    )
    neighbour = dialogue.neighbour
    assert neighbour is not None, "what is beside the format's own endpoint has a path"
    able = having(call.deployments, neighbour.path)
    if not able:
        names = ", ".join(dict.fromkeys(d.ref for d in call.deployments))
        spoken = " and ".join(dict.fromkeys(d.provider.api for d in call.deployments))
        raise Unsupported(
            f"{names} has no {neighbour.path}: it is asked in {spoken}",
            param="model",
            hint="name a model of a provider that has it",
        )
    call.deployments = able
    if call.route.hedge_after is not None:
        call.route = replace(call.route, hedge_after=None)
    return call


def having(deployments: tuple[Deployment, ...], path: str) -> tuple[Deployment, ...]:
    """Find the deployments whose format may have this path beside it."""
    first = path.split("/")[1]
    return tuple(d for d in deployments if first in get_format(d.provider.api).neighbours)


def patient(options: CallOptions) -> CallOptions:
    """Wait for the first byte as long as for a whole answer: it comes when all is made."""
    return replace(options, first_token=PLAIN_HEAD_S)


async def _settle_nothing() -> None:
    """Nothing is owed."""


async def hand_on(
    endpoint: Endpoint,
    call: Call,
    dialogue: Passing,
    reply: Reply,
    settle: Callable[[], Awaitable[None]] = _settle_nothing,
) -> None:
    """Get an answer and hand it on as it comes; a short JSON one in one piece, with its cost.

    An answer that breaks off after its beginning says so where it can (server-sent events), and is
    cut where it can't. `settle` is called when it is whole, before it is written down.

    Raises: DragomanError while the reply has not begun.
    """
    transport = endpoint.services.transport
    output: AsyncGenerator[bytes, None] = adrive(stream(call), transport, lambda _: None)  # type: ignore[assignment]
    held = bytearray()
    try:
        async for chunk in output:
            if call.over:
                await settle()
            if reply.status is None:
                held += chunk
                if dialogue.passage.held_back and len(held) <= HELD_BYTES:
                    continue
                await reply.start(200, _headers(call, dialogue))
                chunk = bytes(held)
            if call.over:
                dialogue.note(call.exchange)
                endpoint.conclude(call, reply)
            await reply.write(chunk)
    except DragomanError:
        dialogue.note(call.exchange)
        if reply.status is None:
            raise
        endpoint.conclude(call, reply)
        if not dialogue.passage.streams:
            return reply.cut()
    except asyncio.CancelledError:
        dialogue.note(call.exchange)
        if not reply.interrupted or reply.status is None:
            raise
        await output.aclose()
        endpoint.conclude(call, reply)
        if not dialogue.passage.streams:
            return reply.cut()
        stopping = ShuttingDown("the gateway is stopping", hint="ask again")
        frame = endpoint.client.stream_renderer(call.exchange.asked).render(Failure(stopping))
        await reply.write(b"\n\n" + frame)
    finally:
        await output.aclose()
    dialogue.note(call.exchange)
    if reply.status is None:
        headers, status = _headers(call, dialogue), _status(call)
        endpoint.conclude(call, reply, status)
        return await reply.send(status, headers, bytes(held))
    endpoint.conclude(call, reply)
    return await reply.end()


def _headers(call: Call, dialogue: Passing) -> Mapping[str, str]:
    """The headers of the answer: of the upstream's own, its content type alone."""
    told = {"content-type": dialogue.passage.content_type, **_GUARD}
    if dialogue.passage.streams:
        told |= {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return {**told, **describe(call.exchange, time.time())}


def _status(call: Call) -> int:
    final = call.exchange.final
    return 200 if final is None or final.status is None else final.status
