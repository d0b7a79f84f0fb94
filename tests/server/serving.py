"""A gateway served by uvicorn on a free port, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import anthropic
import openai
import uvicorn

from dragoman.config import Secrets
from dragoman.engine.call import Surroundings
from dragoman.errors import DragomanError
from dragoman.ledger.content import ContentLog
from dragoman.organisations.answer_seal import AnswerSeal
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import VARIABLE, new_key
from dragoman.organisations.safe import Safe
from dragoman.routing.health import Health
from dragoman.routing.retry import RetryPolicy
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.reception import Reception
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.server.gateway import Gateway
from dragoman.server.http.application import Application
from dragoman.server.policies.cache import Shelf
from dragoman.server.worker import settings_for
from dragoman.store import Place
from dragoman.store.claims import Claims, MemoryClaims, StoredClaims
from dragoman.store.responses import Responses
from dragoman.transport.base import AsyncTransport
from dragoman.types.exchange import Exchange
from dragoman.types.http import HOPS
from dragoman.types.route import Deployment
from tests.library.asking import configure
from tests.server.tenancy import Team


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.refusals: list[tuple[str, DragomanError]] = []
        self._told = threading.Condition()

    def ended(self, exchange: Exchange) -> None:
        with self._told:
            self.exchanges.append(exchange)
            self._told.notify_all()

    def wait(self, count: int = 1, timeout_s: float = 60.0) -> Exchange:
        """Wait for so many exchanges; give the last of them. They end after their answers do."""
        with self._told:
            if not self._told.wait_for(lambda: len(self.exchanges) >= count, timeout_s):
                raise AssertionError(f"{len(self.exchanges)} exchanges ended, not {count}")
            return self.exchanges[count - 1]

    def refused(self, endpoint: str, error: DragomanError) -> None:
        self.refusals.append((endpoint, error))


class Forgiving(Health):
    """Health that remembers no failure."""

    def failed(self, deployment: Deployment, error: DragomanError, now: float) -> None:
        self.released(deployment)


class Served:
    """Serve these providers, as a context: `url`, and `base_url` with `/v1`.

    `seen` has what the observers of the gateway are told. `database` is where responses are kept.
    `team` has organisations. `content` keeps what is said, `shelf` answers.
    """

    def __init__(
        self,
        providers: Mapping[str, Mapping[str, Any]],
        *,
        hold_s: float | None = None,
        body_limit: int = 1024 * 1024,
        database: Path | None = None,
        team: Team | None = None,
        content: ContentLog | None = None,
        transport: AsyncTransport | None = None,
        shelf: Shelf | None = None,
        **settings: Any,
    ) -> None:
        self._providers = providers
        self._settings = settings
        self._hold_s = hold_s
        self._body_limit = body_limit
        self._database = database
        self._team = team
        self._content = content
        self._transport = transport
        self._shelf = shelf
        self.seen = Seen()
        self._around = Surroundings(
            secrets=Secrets({}), policy=RetryPolicy(base=0.001, cap=0.002), sent={HOPS: "1"}
        )
        self._clients = contextlib.ExitStack()
        self._kept = contextlib.ExitStack()

    def openai(self, **options: Any) -> openai.OpenAI:
        """OpenAI's client of this gateway, which is closed with it."""
        given = {"base_url": self.base_url, "api_key": "any", "max_retries": 0, **options}
        return self._clients.enter_context(openai.OpenAI(**given))

    def anthropic(self, **options: Any) -> anthropic.Anthropic:
        """Anthropic's client of this gateway, which is closed with it."""
        given = {"base_url": self.url, "api_key": "any", "max_retries": 0, **options}
        return self._clients.enter_context(anthropic.Anthropic(**given))

    def __enter__(self) -> Self:
        server = {"body_limit": self._body_limit, **self._settings.pop("server", {})}
        if self._hold_s is not None:
            server["hold"] = self._hold_s
        config = configure(self._providers, server=server, **self._settings)
        directory = None if self._team is None else Directory(self._team.desk, self._team.safe)
        snapshot = take_snapshot(
            config, self._around, discovered={}, listening="127.0.0.1", directory=directory
        )
        gateway = Gateway(
            snapshot,
            transport=self._transport,
            observers=[self.seen],
            responses=Responses(self._database),
            claims=self._kept.enter_context(open_claims(self._database)),
            reception=Reception(None if directory is None else Tenants(directory)),
            content=self._content,
            shelf=self._shelf,
        )
        self.gateway = gateway
        self._application = application = Application(
            gateway,
            body_limit=config.server.body_limit,
            client_write_s=config.server.client_write,
        )
        sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.base_url = f"{self.url}/v1"
        self._server = uvicorn.Server(settings_for(application))

        def run() -> None:
            async def serve() -> None:
                self._loop = asyncio.get_running_loop()
                watching = directory and asyncio.ensure_future(directory.watch(0.05))
                await self._server.serve(sockets=[sock])
                await gateway.close()
                if watching and directory:
                    watching.cancel()
                    await asyncio.to_thread(directory.close)

            asyncio.run(serve())

        self._thread = threading.Thread(target=run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def sweep(self, *, after_s: float) -> None:
        """Wait, and then leave the clients that have not read for too long."""
        time.sleep(after_s)
        self._loop.call_soon_threadsafe(lambda: self._application.sweep(self._loop.time()))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the gateway's own loop, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def forgive(self) -> None:
        """Forget the failures of providers, from now on at once: none of them ever cools."""
        self._around.health = Forgiving()

    def __exit__(self, *_: object) -> None:
        self._clients.close()
        self._server.should_exit = True
        self._thread.join()
        self._kept.close()


MASTER_KEY = new_key()


@contextlib.contextmanager
def open_claims(place: Place | None) -> Iterator[Claims]:
    """Make claims as a worker does; all of a test have the same master key."""
    if place is None:
        yield MemoryClaims()
        return
    with contextlib.closing(Desk(place)) as desk:
        seal = AnswerSeal(Safe(desk, {VARIABLE: MASTER_KEY}))
        with contextlib.closing(StoredClaims(place, seal)) as claims:
            yield claims


def ask(
    url: str, body: bytes | None = None, *, method: str = "POST", **added: str
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask with nothing but HTTP: status, headers, body. `added` are headers, `-` written `_`."""
    headers = {"content-type": "application/json"}
    headers |= {name.replace("_", "-"): value for name, value in added.items()}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()
