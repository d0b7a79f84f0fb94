"""The data plane: which path is answered by what."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from dragoman.config import Config, Secrets
from dragoman.engine.call import Surroundings
from dragoman.errors import DragomanError, UnknownModel
from dragoman.registry import Registry
from dragoman.server.generate import HOLD_S, JSON_HEADERS, Generator
from dragoman.server.http import Handler, Reply, Request
from dragoman.transport.base import AsyncTransport
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat
from dragoman.wire.json_text import encode

LANGUAGES = ("openai-completions", "openai-responses", "anthropic-messages")


class NoSuchPath(DragomanError):
    """Nothing is served under this path, or not with this method."""

    status = 404
    code = "not_found"


class Gateway:
    """Answers every request of the data plane; paths are served with and without `/v1`."""

    def __init__(
        self,
        config: Config,
        *,
        transport: AsyncTransport | None = None,
        around: Surroundings | None = None,
        hold_s: float = HOLD_S,
    ) -> None:
        self.registry = Registry(config)
        self.transport = transport or AsyncDefaultTransport()
        self._around = around or Surroundings(secrets=Secrets(os.environ))
        self._started_at = int(time.time())
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/models"): self._list_models,
            ("GET", "/healthz"): self._health,
        }
        for name in LANGUAGES:
            wire = get_format(name)
            self._handlers["POST", wire.path] = Generator(
                wire, lambda: self.registry, self._around, self.transport, hold_s
            )

    async def close(self) -> None:
        """Close the connections to providers."""
        await self.transport.close()

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        path = request.path.removeprefix("/v1")
        handler = self._handlers.get((request.method, path))
        if handler is not None:
            return await handler(request, reply)
        if request.method == "GET" and path.startswith("/models/"):
            return await self._show_model(path.removeprefix("/models/"), request, reply)
        known = sorted(method for method, served in self._handlers if served == path)
        error = NoSuchPath(
            f"{request.path} takes {' or '.join(known)}, not {request.method}"
            if known
            else f"nothing is served under {request.path}"
        )
        if known:
            error.status = 405
        return await _refuse(error, request, reply)

    async def _health(self, request: Request, reply: Reply) -> None:
        del request
        await reply.send(200, JSON_HEADERS, b'{"status":"ok"}')

    async def _list_models(self, request: Request, reply: Reply) -> None:
        rows = [self._row(provider.name, info.id) for provider, info in self.registry.models()]
        del request
        await reply.send(200, JSON_HEADERS, encode({"object": "list", "data": rows}))

    async def _show_model(self, ref: str, request: Request, reply: Reply) -> None:
        try:
            found = self.registry.resolve(ref).deployments[0]
        except UnknownModel as error:
            return await _refuse(error, request, reply)
        return await reply.send(
            200, JSON_HEADERS, encode(self._row(found.provider.name, found.model))
        )

    def _row(self, provider: str, model: str) -> Mapping[str, object]:
        return {
            "id": f"{provider}/{model}",
            "object": "model",
            "created": self._started_at,
            "owned_by": provider,
        }


async def _refuse(error: DragomanError, request: Request, reply: Reply) -> None:
    status, body = _language(request).render_error(error)
    await reply.send(status, {**JSON_HEADERS, "x-should-retry": "false"}, body)


def _language(request: Request) -> WireFormat:
    """The language of a client that asked for something else than an answer."""
    named = "anthropic-version" in request.headers or request.path.endswith("/messages")
    return get_format("anthropic-messages" if named else "openai-completions")
