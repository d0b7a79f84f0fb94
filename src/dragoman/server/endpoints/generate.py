"""The three endpoints that generate: chat completions, responses, messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from dragoman.discretion import conceal
from dragoman.engine.call import Call
from dragoman.engine.drive import adrive, arun
from dragoman.engine.flow import complete, stream
from dragoman.engine.start import begin
from dragoman.errors import DragomanError
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.dialogue import OverHttp
from dragoman.server.endpoints.endpoint import Endpoint
from dragoman.server.endpoints.headers import describe
from dragoman.server.http.aside import aside
from dragoman.server.http.failures import ShuttingDown
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.server.policies.guarding import inspect_error
from dragoman.types.event import Failure
from dragoman.types.exchange import Exchange
from dragoman.wire.envelope import Envelope, open_envelope

STREAM_HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class Generator(Endpoint):
    """Answers requests in one of the three languages."""

    dialogue: type[OverHttp] = OverHttp

    def begun(self, call: Call) -> None:
        """Take note that an answer has begun: its first piece is about to go out."""

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        return await self.open(open_envelope(body), request, admission)

    async def open(self, envelope: Envelope, request: Request, admission: Admission) -> Call:
        """Begin with a body that is open."""
        dialogue = self.dialogue(envelope, self.client)
        if dialogue.is_parsed_to_estimate:
            await aside(len(envelope.body), dialogue.estimate_early)
        call = begin(
            admission.snapshot.registry,
            admission.snapshot.around,
            dialogue,
            envelope.model,
            self.options(request),
            stream=envelope.stream,
            heard=request.headers,
        )
        dialogue.exchange = call.exchange
        dialogue.tells_cost = call.route.usage_cost
        dialogue.rails = admission.snapshot.outward
        return call

    def conclude(self, call: Call, reply: Reply, status: int | None = None) -> None:
        """See `Endpoint.conclude`: what was found in the answer is written down, too."""
        if not call.concluded:
            _note_found(call)
        super().conclude(call, reply, status)

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`."""
        if call.exchange.stream:
            return await self._stream(call, reply)
        whole = await arun(complete(call), self.services.transport)
        assert isinstance(call.dialogue, OverHttp)
        if (screen := call.dialogue.screen) is not None:
            screen.note_once(call.exchange)
            if screen.error is not None:
                call.exchange.outcome = "error"
                raise screen.error
        self.begun(call)
        headers = {**JSON_HEADERS, **describe(call.exchange, time.time())}
        self.conclude(call, reply, 200)
        return await reply.send(200, headers, whole.out)

    async def _stream(self, call: Call, reply: Reply) -> None:
        """Hand on a stream. Its 200 goes out with the first content, or when patience ends."""
        output = adrive(stream(call), self.services.transport, lambda _: None)
        patience = Patience(reply, call.exchange, self.client.ping, self.services.hold_s)
        told = False
        try:
            async for chunk in output:
                if not told:
                    self.begun(call)
                    await patience.end()
                told = True
                if call.over:
                    self.conclude(call, reply)
                await reply.write(chunk)  # type: ignore[arg-type]
        except DragomanError as error:
            await patience.stop()
            if reply.status is None:
                _note_found(call)  # the refusal's head tells of it
                raise
            self.conclude(call, reply)
            if not told:  # otherwise the bridge has said it, in the client's language
                await reply.write(self._failed(call, error))
        except asyncio.CancelledError:
            if not reply.interrupted or reply.status is None:
                raise
            await patience.stop()
            await output.aclose()
            self.conclude(call, reply)
            stopping = ShuttingDown("the gateway is stopping", hint="ask again")
            await reply.write(b"\n\n" + self._failed(call, stopping))
        finally:
            await patience.stop()
            await output.aclose()
        self.conclude(call, reply, 200)
        await reply.end()

    def _failed(self, call: Call, error: DragomanError) -> bytes:
        exchange = call.exchange
        told = error if exchange.key is None else conceal(error, exchange)
        assert isinstance(call.dialogue, OverHttp)
        if call.dialogue.rails is not None:
            told = inspect_error(call.dialogue.rails.screen(), told)
        renderer = self.client.stream_renderer(exchange.asked, request_id=exchange.id)
        return renderer.render(Failure(told))


def _note_found(call: Call) -> None:
    """Write down what guardrails have found in the answer, once."""
    assert isinstance(call.dialogue, OverHttp)
    if call.dialogue.screen is not None:
        call.dialogue.screen.note_once(call.exchange)


class Patience:
    """Keeps a client waiting: after `hold_s` the 200 goes out, and pings until there is content."""

    def __init__(self, reply: Reply, exchange: Exchange, ping: bytes, hold_s: float) -> None:
        self._reply = reply
        self._exchange = exchange
        self._ping = ping
        self._hold_s = hold_s
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(hold_s, self._begin)

    async def end(self) -> None:
        """Content has come: stop, and see that the reply has begun."""
        await self.stop()
        told = describe(self._exchange, time.time())
        if self._reply.status is None:
            await self._reply.start(200, {**STREAM_HEADERS, **told})

    async def stop(self) -> None:
        """Send no more pings."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        known = {"x-request-id": self._exchange.id, "request-id": self._exchange.id}
        await self._reply.start(200, {**STREAM_HEADERS, **known})
        while True:
            await self._reply.write(self._ping)
            await asyncio.sleep(self._hold_s)
