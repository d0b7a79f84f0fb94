"""The three endpoints that generate: chat completions, responses, messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from dragoman.engine.call import Call, CallOptions, Surroundings
from dragoman.engine.drive import adrive, arun
from dragoman.engine.flow import complete, stream
from dragoman.engine.start import begin
from dragoman.errors import DragomanError
from dragoman.registry import Registry
from dragoman.server.dialogue import OverHttp
from dragoman.server.http import Reply, Request
from dragoman.transport.base import AsyncTransport
from dragoman.types.event import Failure
from dragoman.types.exchange import Exchange
from dragoman.wire.base import WireFormat
from dragoman.wire.envelope import open_envelope

HOLD_S = 15.0
"""How long a stream's 200 is held back for a status that tells the truth; then pings keep the
client patient, and fallback stays possible until content."""

JSON_HEADERS = {"content-type": "application/json"}
STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class Generator:
    """Answers requests in one language, from whatever provider their model leads to."""

    def __init__(
        self,
        client: WireFormat,
        registry: Callable[[], Registry],
        around: Surroundings,
        transport: AsyncTransport,
        hold_s: float = HOLD_S,
    ) -> None:
        self._client = client
        self._registry = registry
        self._around = around
        self._transport = transport
        self._hold_s = hold_s

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        exchange: Exchange | None = None
        try:
            dialogue = OverHttp(open_envelope(await request.body()), self._client)
            envelope = dialogue.envelope
            call = begin(
                self._registry(),
                self._around,
                dialogue,
                envelope.model,
                CallOptions(),
                stream=envelope.stream,
            )
            dialogue.exchange = exchange = call.exchange
            if envelope.stream:
                await self._stream(call, envelope.model, reply)
            else:
                whole = await arun(complete(call), self._transport)
                await reply.send(200, {**JSON_HEADERS, **describe(exchange)}, whole.out)
        except DragomanError as error:
            await self._refuse(error, exchange, reply)

    async def _stream(self, call: Call, model: str, reply: Reply) -> None:
        """Hand on a stream. Its 200 goes out with the first content, or when patience ends."""
        output = adrive(stream(call), self._transport, lambda _: None)
        patience = Patience(reply, call.exchange, self._client.ping, self._hold_s)
        told = False
        try:
            async for chunk in output:
                if not told:
                    await patience.end()
                told = True
                await reply.write(chunk)  # type: ignore[arg-type]
        except DragomanError as error:
            await patience.stop()
            if not reply.started:
                raise
            if not told:  # otherwise the bridge has said it, in the client's language
                await reply.write(self._client.stream_renderer(model).render(Failure(error)))
        finally:
            await patience.stop()
            await output.aclose()
        await reply.end()

    async def _refuse(self, error: DragomanError, exchange: Exchange | None, reply: Reply) -> None:
        status, body = self._client.render_error(error)
        headers = {**JSON_HEADERS, **(describe(exchange) if exchange is not None else {})}
        if error.retry_after is not None:
            headers["retry-after"] = str(max(1, round(error.retry_after)))
        elif not error.retryable and error.failover == "never":
            headers["x-should-retry"] = "false"
        await reply.send(status, headers, body)


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
        if not self._reply.started:
            await self._reply.start(200, {**STREAM_HEADERS, **describe(self._exchange)})

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
        await self._reply.start(200, {**STREAM_HEADERS, "x-request-id": self._exchange.id})
        while True:
            await self._reply.write(self._ping)
            await asyncio.sleep(self._hold_s)


def describe(exchange: Exchange) -> Mapping[str, str]:
    """Say in headers who answered, after how many attempts."""
    headers = {"x-request-id": exchange.id, "request-id": exchange.id}
    if exchange.provider and exchange.model:
        headers["x-dragoman-provider"] = exchange.provider
        headers["x-dragoman-model"] = exchange.model
        headers["x-dragoman-attempts"] = str(len(exchange.attempts))
    return headers
