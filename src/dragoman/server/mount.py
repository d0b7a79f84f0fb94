"""Where the control plane is let into the server: an ASGI application, behind our requests.

It is loaded with the first request that asks for it: the data plane starts without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from dragoman.errors import DragomanError, InvalidRequest
from dragoman.registry import Registry
from dragoman.server.admission.access import Door, is_loopback
from dragoman.server.http.failures import BodyTooLarge, NoSuchPath, WrongMethod
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.types.checked import FindCheck, nothing_checked
from dragoman.wire.json_text import encode

if TYPE_CHECKING:
    from litestar import Litestar

    from dragoman.config import Config
    from dragoman.control.context import Context
    from dragoman.organisations.desk import Desk
    from dragoman.transport.base import AsyncTransport
    from dragoman.transport.dial import Network

PREFIX = "/api/v1"
BODY_LIMIT = 4 * 1024 * 1024
"""What is set up is small; a body of the data plane may be larger."""

_READING = ("GET", "HEAD")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_NUL = (b"\\u0000", b"%00")
"""PostgreSQL keeps no text that holds one. Nobody needs it."""
_PRIVATE: Mapping[str, str] = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On every answer: it is kept nowhere, shown in no frame, and taken for nothing else."""


def make_context(
    desk: Desk,
    env: Mapping[str, str],
    *,
    listening: str,
    config: Callable[[], Config],
    door: Callable[[], Door],
    stopping: Callable[[], bool],
    transport: AsyncTransport,
    network: Callable[[], Network],
    registry: Callable[[str], Registry] | None = None,
    checked: FindCheck = nothing_checked,
) -> Context:
    """Gather what the control plane works with; nothing is opened yet.

    `listening` is the host that is listened at: what nobody else reaches makes its own master key.
    `config` and `door` are those in force at any time; `stopping` says whether the worker drains;
    `registry` is an organisation's, and the operator's where nothing is said; `checked` finds what
    came of asking a provider.
    """
    from dragoman.control.context import Context
    from dragoman.organisations.safe import Safe

    return Context(
        desk=desk,
        safe=Safe(desk, env, create=is_loopback(listening)),
        transport=transport,
        network=network,
        config=config,
        registry=registry or (lambda _: Registry(config())),
        closed=lambda: door().mode == "closed",
        stopping=stopping,
        check_host=lambda headers: door().check_host(headers),
        check_origin=lambda headers: door().check_origin(headers),
        check_own_origin=lambda headers: door().check_own_origin(headers),
        checked=checked,
        env=env,
    )


class Mount:
    """Answers requests below `/api/v1`. `context` is what the control plane works with.

    Where a request comes from is what `door` says, as it does of those of the data plane. `tell` is
    waited for before a change is answered: then those who have to keep to it know it.
    """

    def __init__(
        self, context: Context, door: Callable[[], Door], tell: Callable[[], Awaitable[None]]
    ) -> None:
        self._context = context
        self._door = door
        self._tell = tell
        self._app: Litestar | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        reply.extra.update(_PRIVATE)
        try:
            body = await self._read(request)
            app = await self._load()
        except DragomanError as error:
            await reply.send(error.status, JSON_HEADERS, _error_body(error))
            return
        answer = _Answer(reply, None if request.method in _READING else self._tell)
        scope = _scope(request, self._door().address_of(request))
        await app(scope, _receiver(body, answer.over), answer.take)  # type: ignore[arg-type]
        await answer.finish()

    async def describe(self) -> dict[str, Any]:
        """Write the OpenAPI document of what is served here."""
        from dragoman.control.description import describe_app

        return await asyncio.to_thread(describe_app, await self._load())

    async def _load(self) -> Litestar:
        async with self._loading:
            if self._app is None:
                # A thread, because to import it takes long enough for requests to notice.
                self._app = await asyncio.to_thread(_make, self._context)
            return self._app

    @staticmethod
    async def _read(request: Request) -> bytes:
        """Read the body. Raises: RequestError."""
        if request.method not in _METHODS:
            raise WrongMethod(f"{request.method[:20]} is no method of the control plane")
        if not request.path.isprintable():
            if request.method == "PUT":
                raise InvalidRequest(
                    "a name holds what cannot be printed",
                    hint="was it read from a file, with its line break?",
                )
            raise NoSuchPath("nothing is served under this path")
        body = await request.body()
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge(f"the body is larger than {BODY_LIMIT} bytes")
        if _NUL[0] in body or _NUL[1] in request.query.encode():
            raise InvalidRequest("a text holds the character NUL", hint="leave it out")
        return body


def _make(context: Context) -> Litestar:
    from dragoman.control.app import make_app

    return make_app(context)


def _scope(request: Request, address: str) -> dict[str, Any]:
    """Write the head of a request as ASGI has it. Litestar has no HEAD: GET's body is dropped."""
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET" if request.method == "HEAD" else request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode("utf-8", "replace"),
        "query_string": request.query.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": (address, 0),
        "server": None,
        "state": {},
        "extensions": {},
    }


def _receiver(body: bytes, over: asyncio.Event) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Hand over the body, and say once the answer is `over` that nobody listens any more.

    That a client leaves cancels the task: there is no message for it.
    """
    told = False

    async def receive() -> dict[str, Any]:
        nonlocal told
        if told:
            await over.wait()
            return {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


class _Answer:
    """Turns ASGI's messages into a reply: in one piece, or in several when it comes so.

    `changed` is waited for before it is said that something was done. `over` is set when all of it
    was sent.
    """

    def __init__(self, reply: Reply, changed: Callable[[], Awaitable[None]] | None) -> None:
        self._reply = reply
        self._changed = changed
        self._status = 0
        self._headers: dict[str, str] = {}
        self._streaming = False
        self.over = asyncio.Event()

    async def take(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = _headers(message["headers"])
            if self._changed is not None and self._status < 400:
                await self._changed()
            return
        body, more = bytes(message.get("body", b"")), message.get("more_body", False)
        if not more and not self._streaming:
            self._headers.pop("content-length", None)
            await self._reply.send(self._status, self._headers, body)
            self.over.set()
            return
        if not self._streaming:
            self._streaming = True
            await self._reply.start(self._status, self._headers)
        await self._reply.write(body)
        if not more:
            await self._reply.end()
            self.over.set()

    async def finish(self) -> None:
        """See that the answer is whole, or that everybody can see that it is not."""
        if not self.over.is_set():
            self._reply.cut()


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, value in pairs:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        # Two cookies do not fit into one line, and nothing here sets two.
        assert name != "set-cookie" or name not in headers
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _error_body(error: DragomanError) -> bytes:
    told = {"code": error.code, "message": error.message}
    if error.hint:
        told["hint"] = error.hint
    return encode({"error": told})
