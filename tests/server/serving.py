"""A gateway served by uvicorn on a free port, in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Self

import uvicorn

from dragoman.config import Secrets
from dragoman.engine.call import Surroundings
from dragoman.errors import DragomanError
from dragoman.routing.retry import RetryPolicy
from dragoman.server.asgi import Application
from dragoman.server.gateway import Gateway
from dragoman.server.protocol import Protocol
from dragoman.server.snapshot import take_snapshot
from dragoman.types.exchange import Exchange
from tests.library.asking import configure


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.refusals: list[tuple[str, DragomanError]] = []

    def ended(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def refused(self, endpoint: str, error: DragomanError) -> None:
        self.refusals.append((endpoint, error))


class Served:
    """Serve these providers, as a context: `url`, and `base_url` with `/v1`.

    `seen` has what the observers of the gateway are told.
    """

    def __init__(
        self,
        providers: Mapping[str, Mapping[str, Any]],
        *,
        hold_s: float | None = None,
        body_limit: int = 1024 * 1024,
        **settings: Any,
    ) -> None:
        self._providers = providers
        self._settings = settings
        self._hold_s = hold_s
        self._body_limit = body_limit
        self.seen = Seen()

    def __enter__(self) -> Self:
        around = Surroundings(secrets=Secrets({}), policy=RetryPolicy(base=0.001, cap=0.002))
        server = {"body_limit": self._body_limit, **self._settings.pop("server", {})}
        if self._hold_s is not None:
            server["hold"] = self._hold_s
        config = configure(self._providers, server=server, **self._settings)
        snapshot = take_snapshot(config, around, discovered={}, listening="127.0.0.1")
        gateway = Gateway(snapshot, observers=[self.seen])
        application = Application(gateway, config.server.body_limit, config.server.client_write)
        sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.base_url = f"{self.url}/v1"
        self._server = uvicorn.Server(
            uvicorn.Config(application, http=Protocol, lifespan="off", log_level="warning")
        )

        def run() -> None:
            async def serve() -> None:
                await self._server.serve(sockets=[sock])
                await gateway.close()

            asyncio.run(serve())

        self._thread = threading.Thread(target=run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def ask(
    url: str, body: bytes | None = None, *, method: str = "POST"
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask with nothing but HTTP: status, headers, body."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()
