"""How many tokens a prompt has: asked of a provider that counts, else estimated, and said to be.

Source: https://platform.claude.com/docs/en/api/messages/count_tokens (read 2026-11)
"""

from __future__ import annotations

import time

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Letter, Neighbour, Whole, write_anew
from dragoman.engine.drive import arun
from dragoman.engine.estimate import estimate_request
from dragoman.engine.flow import complete
from dragoman.engine.start import begin
from dragoman.errors import DragomanError, ProtocolError, Unsupported
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.beside import having
from dragoman.server.endpoints.endpoint import Endpoint
from dragoman.server.endpoints.headers import describe
from dragoman.server.http.aside import aside
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.types.completion import Completion
from dragoman.types.http import Headers
from dragoman.types.lazy import lazy
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.bridge import Bridge
from dragoman.wire.envelope import Envelope, open_envelope
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import decode, encode

PATH = "/messages/count_tokens"

ESTIMATED = {"x-dragoman-estimated": "true"}

_GENERATING = (
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
)
"""What a request has that asks for an answer, and this one must not have."""
_MISSING = (404, 405, 501)
"""How a server says that it has no such endpoint."""


class Counting:
    """The dialogue of a request for a count."""

    neighbour: Neighbour | None = Neighbour(PATH, free=True)
    has_images = False
    estimate = 0

    def __init__(self, envelope: Envelope, client: WireFormat) -> None:
        self.envelope = envelope
        self._client = client

    @lazy
    def request(self) -> ChatRequest:
        """The request in our own words. Raises: InvalidRequest that names the field."""
        body = self.envelope.body
        if "max_tokens" not in self.envelope.fields:
            body = self.envelope.rewritten({"max_tokens": b"1"})
        return self._client.parse_request(body)

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`."""
        deployment = letter.deployment
        if not self.envelope.holds_seals:
            return Rendered(self.envelope.relayed(deployment.model, deployment.provider.dialect))
        written = write_anew(self.request, upstream, letter)
        fields = decode(written.body)
        kept = {name: value for name, value in fields.items() if name not in _GENERATING}
        return Rendered(encode(kept), written.warnings)

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`: the upstream's bytes. Raises: ProtocolError."""
        del upstream, deployment
        try:
            value = decode(body)
        except ValueError:
            value = None
        count = value.get("input_tokens") if isinstance(value, dict) else None
        if type(count) is not int or count < 0:
            raise ProtocolError("the upstream's answer is no count of tokens", raw=bounded(body))
        return Whole(body, "stop", None)

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`. Raises: Unsupported: a count comes in one piece."""
        del upstream, deployment, headers
        raise Unsupported("a count of tokens cannot be streamed")

    def tell(self, completion: Completion) -> Whole:
        """See `Dialogue.tell`. Raises: Unsupported: there are no events to put together."""
        del completion
        raise Unsupported("a count of tokens cannot be streamed")


class TokenCounter(Endpoint):
    """Counts the tokens of a prompt for the model that would answer it."""

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        envelope = open_envelope(body)
        dialogue = Counting(envelope, self.client)
        snapshot = admission.snapshot
        options = self.options(request)
        return begin(snapshot.registry, snapshot.around, dialogue, envelope.model, options)

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`.

        The deployment that a message would go to first is asked, when it can count: another
        model's count is no better than an estimate.
        """
        if counting := having(call.deployments[:1], PATH):
            call.deployments = counting
            try:
                whole = await arun(complete(call), self.services.transport)
            except DragomanError as error:
                if not _is_missing(call):
                    raise
                del error
            else:
                headers = {**JSON_HEADERS, **describe(call.exchange, time.time())}
                self.conclude(call, reply, 200)
                return await reply.send(200, headers, whole.out)
        return await self._estimate(call, reply)

    async def _estimate(self, call: Call, reply: Reply) -> None:
        assert isinstance(call.dialogue, Counting)
        dialogue = call.dialogue
        size_bytes = len(dialogue.envelope.body)
        count = await aside(size_bytes, lambda: estimate_request(dialogue.request))
        exchange = call.exchange
        exchange.outcome = "ok"
        exchange.duration_s = call.around.clock() - call.started
        headers = {**JSON_HEADERS, **describe(exchange, time.time()), **ESTIMATED}
        self.conclude(call, reply, 200)
        await reply.send(200, headers, encode({"input_tokens": count}))


def _is_missing(call: Call) -> bool:
    final = call.exchange.final
    return final is not None and final.status in _MISSING
