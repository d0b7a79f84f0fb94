"""From ASGI to handlers: bodies within a cap, replies, clients that leave or do not read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from dragoman.errors import DragomanError
from dragoman.server.failures import BodyTooLarge, BodyTooSlow, InternalError, refuse
from dragoman.server.http import Reply, Request
from dragoman.server.protocol import GONE

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Register = Callable[[Callable[[], None] | None], None]

BODY_LIMIT = 32 * 1024 * 1024
BODY_S = 120.0
"""How long a body may take to come."""
CLIENT_WRITE_S = 30.0

log = logging.getLogger("dragoman.server")


class ClientGone(Exception):
    """The client left before it had said all."""


class Application:
    """An ASGI application that gives each request to a handler.

    A client that leaves, or reads nothing for `client_write_s`, has its handler cancelled, so that
    the upstream is left as well. Needs `watch` to run beside it for the latter.
    """

    def __init__(
        self,
        handle: Callable[[Request, Reply], Awaitable[None]],
        body_limit: int = BODY_LIMIT,
        client_write_s: float = CLIENT_WRITE_S,
    ) -> None:
        self._handle = handle
        self._body_limit = body_limit
        self._client_write_s = client_write_s
        self._live: set[_Exchange] = set()

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return len(self._live)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"cannot serve {scope['type']}")
        task = asyncio.current_task()
        assert task is not None
        watch = scope.get("extensions", {}).get(GONE)
        live = _Exchange(receive, send, watch, self._body_limit, task)
        request = Request(
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            live.body,
        )
        self._live.add(live)
        try:
            await self._handle(request, live)
        except ClientGone:
            return
        except asyncio.CancelledError:
            if not live.over:
                raise
        except Exception as error:
            await _own_fault(error, request, live)
        finally:
            self._live.discard(live)
            live.close()

    def sweep(self, now: float) -> None:
        """Leave the clients that have not read for too long. `now` is the loop's time."""
        for live in list(self._live):
            if live.writing_since is not None and now - live.writing_since > self._client_write_s:
                live.leave()

    def interrupt(self) -> None:
        """End what is still being answered, with a word about it to the client."""
        for live in list(self._live):
            live.interrupted = live.over = True
            live.task.cancel()


async def _own_fault(error: Exception, request: Request, live: _Exchange) -> None:
    """Tell a client that we failed, and the log how."""
    log.error(
        "%s %s failed: %s", request.method, request.path, type(error).__name__, exc_info=error
    )
    if live.status is None:
        told: DragomanError = InternalError("the gateway failed", hint="its log says why")
        await refuse(told, request.language, live)
        return
    raise error  # the reply has begun: cutting it off is the one way to say that it isn't whole


class _Exchange:
    """One request and its reply. See `Request.body`, `dragoman.server.http.Reply`."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        register: Register | None,
        limit: int,
        task: asyncio.Task[Any],
    ) -> None:
        self.task = task
        self.status: int | None = None
        self.interrupted = False
        self.over = False  # nobody listens, or nobody may go on: the task is being cancelled
        self.writing_since: float | None = None
        self.extra: dict[str, str] = {}
        self._receive = receive
        self._send = send
        self._register = register
        self._limit = limit
        self._watch: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------- request

    async def body(self) -> bytes:
        """Wait for all of the body; from then on a client that leaves cancels the task."""
        message = await self._next()
        body: bytes = message.get("body", b"")
        if message.get("more_body", False) or len(body) > self._limit:
            try:
                async with asyncio.timeout(BODY_S):
                    body = await self._rest(body, message.get("more_body", False))
            except TimeoutError:
                raise BodyTooSlow(f"the body did not come within {BODY_S:g} s") from None
        if self._register is not None:
            self._register(self.leave)
        else:
            self._watch = asyncio.get_running_loop().create_task(self._until_gone())
        return body

    async def _rest(self, first: bytes, more: bool) -> bytes:
        pieces, size = [first], len(first)
        while size <= self._limit and more:
            message = await self._next()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
        if size > self._limit:
            raise BodyTooLarge(
                f"the body is larger than {self._limit} bytes", hint="send less at a time"
            )
        return b"".join(pieces)

    async def _next(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self.leave()

    def leave(self) -> None:
        """Stop answering: nobody listens."""
        self.over = True
        self.task.cancel()

    def close(self) -> None:
        """Watch no longer."""
        if self._register is not None:
            self._register(None)
        elif self._watch is not None:
            self._watch.cancel()

    # --------------------------------------------------------------------------------- reply

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """See `Reply.send`."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self._write({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """See `Reply.start`."""
        self.status = status
        if self.extra:
            headers = {**headers, **self.extra}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""
        await self._write({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """See `Reply.end`."""
        await self._write({"type": "http.response.body", "body": b""})

    async def _write(self, message: MutableMapping[str, Any]) -> None:
        self.writing_since = asyncio.get_running_loop().time()
        await self._send(message)
        self.writing_since = None
