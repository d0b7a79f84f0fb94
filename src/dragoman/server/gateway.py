"""The data plane: who is let in, and which path is answered by what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeAlias

from dragoman.errors import DragomanError
from dragoman.server.book import BookState
from dragoman.server.count_tokens import PATH as COUNT_TOKENS
from dragoman.server.count_tokens import TokenCounter
from dragoman.server.discretion import conceal
from dragoman.server.embed import EmbeddingEndpoint
from dragoman.server.endpoint import Gatekeeper, Observer, Services
from dragoman.server.failures import NoSuchPath, WrongMethod, refuse
from dragoman.server.generate import Generator
from dragoman.server.health import Sign, health, readiness
from dragoman.server.http import Reply, Request
from dragoman.server.legacy import PATH as COMPLETIONS
from dragoman.server.legacy import TextCompletions
from dragoman.server.models import list_models, show_model
from dragoman.server.mount import PREFIX, Mount
from dragoman.server.openapi import PATH as OPENAPI
from dragoman.server.openapi import show_openapi
from dragoman.server.passthrough import FORM_PATHS, JSON_PATHS, PassThrough
from dragoman.server.places import Places
from dragoman.server.responses import ResponsesEndpoint
from dragoman.server.responses_store import OPERATIONS, StoredResponses
from dragoman.server.snapshot import Admission, Snapshot
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
    `ready` is what `/readyz` tells, with what `ledger` and `signs` say; turn it off before the end.
    `responses` is what is remembered of them, by default in this process alone; it is closed with
    the gateway. `control` makes what answers below `/api/v1`.
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
        ledger: Callable[[], BookState] | None = None,
        signs: Sequence[Callable[[], Sign | None]] = (),
        control: Callable[[Gateway], Mount] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.transport = transport or AsyncDefaultTransport()
        self.ready = True
        self._observers = observers
        settings = snapshot.config.server
        places = Places(settings.in_flight)
        services = Services(self.transport, observers, places, settings.hold, gatekeepers)
        self._responses = responses or Responses(None)
        self._ledger = ledger
        self._signs = signs
        self._handlers = _table(services, self._responses)
        self._control = control(self) if control is not None else None
        if metrics is not None:
            self._handlers["/metrics"] = {"GET": metrics}
        self._patterns = [
            (re.compile(path.replace("{model}", ".+").replace("{id}", "[^/]+")), methods)
            for path, methods in self._handlers.items()
            if "{" in path
        ]

    @property
    def served(self) -> Iterator[tuple[str, str]]:
        """Every method and path that is answered."""
        yield from (("GET", path) for path in ("/healthz", "/health", "/readyz"))
        for path, methods in self._handlers.items():
            yield from ((method, path) for method in methods)

    async def close(self) -> None:
        """Close the connections to providers, and what is remembered of responses."""
        await self.transport.close()
        await asyncio.to_thread(self._responses.close)

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        looks = request.method in ("GET", "HEAD")
        if looks and request.path in ("/healthz", "/health"):
            return await health(reply)
        if looks and request.path == "/readyz":
            ledger = self._ledger() if self._ledger is not None else None
            signs = [look() for look in self._signs]
            return await readiness(reply, ready=self.ready, ledger=ledger, signs=signs)
        if self._control is not None and request.path.startswith(PREFIX):
            return await self._control(request, reply)
        snapshot = self.snapshot
        try:
            if "origin" in request.headers and self._answer_page(request, reply, snapshot):
                return await reply.send(204, _CORS, b"")
            admission = Admission(snapshot.door.admit(request), snapshot)
            return await self._find(request, reply)(request, reply, admission)
        except DragomanError as error:
            for observer in self._observers:
                observer.refused("other", error)
            if snapshot.door.mode == "keys":
                error = conceal(error, None)
            return await refuse(error, request.language, reply)

    def _find(self, request: Request, reply: Reply) -> Handler:
        path = request.path.removeprefix("/v1")
        methods = self._handlers.get(path)
        if methods is None:
            found = (methods for shape, methods in self._patterns if shape.fullmatch(path))
            methods = next(found, None)
        if methods is None:
            raise NoSuchPath(f"nothing is served under {request.path[:200]}")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            reply.extra["allow"] = ", ".join(sorted(methods))
            known = " or ".join(sorted(methods))
            raise WrongMethod(f"{request.path[:200]} takes {known}, not {request.method}")
        return handler

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


def _table(services: Services, responses: Responses) -> Table:
    """Say which path is answered by what."""
    openai, anthropic = get_format("openai-completions"), get_format("anthropic-messages")
    table: Table = {"/models": {"GET": list_models}, "/models/{model}": {"GET": show_model}}
    for wire in (openai, anthropic):
        table[wire.path] = {"POST": Generator(wire.path, wire, services)}
    stateful = get_format("openai-responses")
    path = stateful.path
    table[path] = {"POST": ResponsesEndpoint(path, stateful, services, responses)}
    for method, tail in OPERATIONS:
        answering = StoredResponses(method, tail, stateful, services, responses)
        table.setdefault(answering.path, {})[method] = answering
    table[OPENAPI] = {"GET": show_openapi}
    table[EMBEDDINGS] = {"POST": EmbeddingEndpoint(EMBEDDINGS, openai, services)}
    table[COMPLETIONS] = {"POST": TextCompletions(COMPLETIONS, openai, services)}
    table[COUNT_TOKENS] = {"POST": TokenCounter(COUNT_TOKENS, anthropic, services)}
    for path in (*JSON_PATHS, *FORM_PATHS):
        table[path] = {"POST": PassThrough(path, openai, services)}
    return table
