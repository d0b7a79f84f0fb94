"""The data plane: who is let in, and which path is answered by what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import dropwhile
from typing import TypeAlias

from dragoman.discretion import conceal
from dragoman.errors import DragomanError
from dragoman.ledger.content import ContentLog
from dragoman.ledger.journal import Journal
from dragoman.server.admission.places import Places
from dragoman.server.admission.reception import Reception
from dragoman.server.admission.snapshot import Admission, Snapshot
from dragoman.server.console import answer_console, is_console
from dragoman.server.endpoints.count_tokens import PATH as COUNT_TOKENS
from dragoman.server.endpoints.count_tokens import TokenCounter
from dragoman.server.endpoints.embed import EmbeddingEndpoint
from dragoman.server.endpoints.endpoint import Gatekeeper, Observer, Services
from dragoman.server.endpoints.generate import Generator
from dragoman.server.endpoints.legacy import PATH as COMPLETIONS
from dragoman.server.endpoints.legacy import TextCompletions
from dragoman.server.endpoints.models import list_models, show_model
from dragoman.server.endpoints.openapi import PATH as OPENAPI
from dragoman.server.endpoints.openapi import OpenApi
from dragoman.server.endpoints.passthrough import FORM_PATHS, JSON_PATHS, PassThrough
from dragoman.server.endpoints.responses import ResponsesEndpoint
from dragoman.server.endpoints.responses_owed import Collector, Deletion
from dragoman.server.endpoints.responses_store import OPERATIONS, StoredResponses
from dragoman.server.health import Sign, health, readiness
from dragoman.server.http.failures import NoSuchPath, WrongMethod, refuse
from dragoman.server.http.messages import Reply, Request
from dragoman.server.mount import PREFIX, Mount
from dragoman.server.policies.cache import MemoryShelf, Shelf
from dragoman.server.policies.keeping import Keeping
from dragoman.server.policies.listening import listen
from dragoman.server.policies.once import Once
from dragoman.server.policies.shadow import Shadows
from dragoman.store.claims import Claims, MemoryClaims
from dragoman.store.responses import Responses
from dragoman.transport.base import AsyncTransport
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.wire import get_format
from dragoman.wire.embeddings import PATH as EMBEDDINGS

_CORS = {
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": "*, authorization",
    "access-control-max-age": "600",
}

Handler: TypeAlias = Callable[[Request, Reply, Admission], Awaitable[None]]
Table: TypeAlias = dict[str, dict[str, Handler]]
"""Paths behind the version, by method. `{id}` is one segment, `{model}` all that is left."""


class Gateway:
    """Answers every request of the data plane; paths are served with and without `/v1`.

    `snapshot` may be replaced at any time: requests end with the one that they began with.
    `ready` is what `/readyz` tells, with what `signs` say; turn it off before the end. `journal` is
    what exchanges are written into.
    `responses` is what is remembered of them, by default in this process alone; it is closed with
    the gateway; `collector` asks for those that are owed. `control` makes what answers below
    `/api/v1`. `reception` lets requests in.
    `claims` knows what was asked with an `Idempotency-Key`, `shelf` keeps answers for the cache.
    `content` keeps what is said where a snapshot wants it.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        transport: AsyncTransport | None = None,
        observers: Sequence[Observer] = (),
        gatekeepers: Sequence[Gatekeeper] = (),
        metrics: Handler | None = None,
        responses: Responses | None = None,
        journal: Journal | None = None,
        signs: Sequence[Callable[[], Sign | None]] = (),
        control: Callable[[Gateway], Mount] | None = None,
        reception: Reception | None = None,
        claims: Claims | None = None,
        shelf: Shelf | None = None,
        content: ContentLog | None = None,
    ) -> None:
        self.snapshot = snapshot
        self._content = content
        self.reception = reception or Reception()
        self.transport = transport or AsyncDefaultTransport()
        self.ready = True
        self._observers = observers
        settings = snapshot.config.server
        places = Places(settings.in_flight)
        self._shadows = Shadows()
        self._shelf = shelf or MemoryShelf(settings.cache.size)
        self._once = Once(claims or MemoryClaims(), snapshot.around.wall)
        services = Services(
            self.transport,
            observers,
            places,
            settings.hold,
            gatekeepers,
            journal,
            keeping=Keeping(self._shelf, self._once),
            shadows=self._shadows,
        )
        self._responses = responses or Responses(None)
        self._signs = signs
        self.collector = Collector(get_format("openai-responses"), services, self._responses)
        self._handlers = _table(services, self._responses, self.collector)
        self._control = control(self) if control is not None else None
        describe = self._control.describe if self._control is not None else None
        self._handlers[OPENAPI] = {"GET": OpenApi(describe)}
        if metrics is not None:
            self._handlers["/metrics"] = {"GET": metrics}
        self._patterns = [
            (re.compile(path.replace("{model}", ".+").replace("{id}", "[^/]+")), methods)
            for path, methods in self._handlers.items()
            if "{" in path
        ]

    @property
    def unattended(self) -> int:
        """How many requests are being answered whose clients have left, and will be back."""
        return self._once.unattended

    @property
    def served(self) -> Iterator[tuple[str, str]]:
        """Every method and path that is answered."""
        yield from (("GET", path) for path in ("/healthz", "/health", "/readyz"))
        for path, methods in self._handlers.items():
            yield from ((method, path) for method in methods)

    async def close(self) -> None:
        """Close the connections to providers, and what is remembered of responses."""
        await self._shadows.close()
        await self._once.close()
        await self._shelf.close()
        await self.transport.close()
        await asyncio.to_thread(self._responses.close)

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        looks = request.method in ("GET", "HEAD")
        if looks and request.path in ("/healthz", "/health"):
            return await health(reply)
        if looks and request.path == "/readyz":
            signs = [look() for look in self._signs]
            return await readiness(reply, ready=self.ready, signs=signs)
        if self._control is not None and request.path.startswith(PREFIX):
            return await self._control(request, reply)
        if self._control is not None and looks and is_console(request):
            return await answer_console(request, reply)
        snapshot = self.snapshot
        try:
            if "origin" in request.headers and self._answer_page(request, reply, snapshot):
                return await reply.send(204, _CORS, b"")
            admission = self.reception.admit(request, snapshot)
            if admission is None:
                admission = await self.reception.wait(request, snapshot)
            handler = self._find(request, reply)
            if self._content is not None and admission.snapshot.content != "off":
                return await listen(self._content, handler, request, reply, admission)
            return await handler(request, reply, admission)
        except DragomanError as error:
            for observer in self._observers:
                observer.refused("other", error)
            if snapshot.door.mode == "keys":
                error = conceal(error, None)
            return await refuse(error, request.language, reply)

    def _find(self, request: Request, reply: Reply) -> Handler:
        methods = self._methods(request.path.removeprefix("/v1"))
        if methods is None:
            raise NoSuchPath(
                f"nothing is served under {request.path[:200]}", hint=self._meant(request.path)
            )
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            reply.extra["allow"] = ", ".join(sorted(methods))
            known = " or ".join(sorted(methods))
            raise WrongMethod(f"{request.path[:200]} takes {known}, not {request.method}")
        return handler

    def _methods(self, path: str) -> dict[str, Handler] | None:
        """Find what is served under a path, without `/v1`, by method."""
        if (methods := self._handlers.get(path)) is not None:
            return methods
        return next((found for shape, found in self._patterns if shape.fullmatch(path)), None)

    def _meant(self, path: str) -> str:
        """Say what to ask instead of a path that nobody answers."""
        parts = filter(None, path.split("/"))
        # A client puts its own /v1 behind that of its base URL.
        meant = "/" + "/".join(dropwhile(lambda part: part == "v1", parts))
        if len(meant) > 200 or self._methods(meant) is None:
            return "what is served stands in /openapi.json"
        return f"ask /v1{meant}: a slash or a /v1 too many may be in the client's base URL"

    @staticmethod
    def _answer_page(request: Request, reply: Reply, snapshot: Snapshot) -> bool:
        """Tell a web page that may ask that it may. True when that was all it wanted to know."""
        origin = request.headers["origin"]
        if not snapshot.door.allows_origin(origin):
            return False
        reply.extra["access-control-allow-origin"] = origin
        reply.extra["vary"] = "origin"
        reply.extra["access-control-expose-headers"] = "*"
        return request.method == "OPTIONS"


def _table(services: Services, responses: Responses, collector: Collector) -> Table:
    """Say which path is answered by what."""
    openai, anthropic = get_format("openai-completions"), get_format("anthropic-messages")
    table: Table = {"/models": {"GET": list_models}, "/models/{model}": {"GET": show_model}}
    for wire in (openai, anthropic):
        table[wire.path] = {"POST": Generator(wire.path, wire, services)}
    stateful = collector.client
    path = stateful.path
    table[path] = {"POST": ResponsesEndpoint(path, stateful, services, responses)}
    for method, tail in OPERATIONS:
        answering = StoredResponses(method, tail, stateful, services, responses)
        table.setdefault(answering.path, {})[method] = answering
    deleting = Deletion(stateful, services, responses, collector)
    table[deleting.path]["DELETE"] = deleting
    table[EMBEDDINGS] = {"POST": EmbeddingEndpoint(EMBEDDINGS, openai, services)}
    table[COMPLETIONS] = {"POST": TextCompletions(COMPLETIONS, openai, services)}
    table[COUNT_TOKENS] = {"POST": TokenCounter(COUNT_TOKENS, anthropic, services)}
    for path in (*JSON_PATHS, *FORM_PATHS):
        table[path] = {"POST": PassThrough(path, openai, services)}
    return table
