"""A worker: one process, one event loop, one gateway, from its first request to its last.

SIGTERM or SIGINT: not ready any more, then no new connections, then what is in flight is finished
or, when the time for that is over, broken off with a word to the client. A second one hurries.
SIGHUP: the configuration is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import uvicorn
from msgspec import Struct

from dragoman.adapters.guard import take_alarms
from dragoman.config import Secrets
from dragoman.config.learned import DialectFolder
from dragoman.engine.call import Surroundings
from dragoman.engine.learning import Learning
from dragoman.ledger.content import ContentLog
from dragoman.ledger.drain import Drain, open_ledger
from dragoman.ledger.retention import Retention
from dragoman.organisations.desk import Desk
from dragoman.organisations.safe import Safe
from dragoman.registry import Registry
from dragoman.server.alerts import Alerts
from dragoman.server.application import Application
from dragoman.server.cache import RedisShelf, Shelf
from dragoman.server.checks import Checks
from dragoman.server.connection import Connection
from dragoman.server.directory import Directory
from dragoman.server.endpoint import Observer
from dragoman.server.gateway import Gateway
from dragoman.server.health import Sign, sign_of_ledger, sign_of_redis, sign_of_tasks
from dragoman.server.limits import Limits
from dragoman.server.metrics import (
    DROPPED,
    IN_FLIGHT,
    QUEUED,
    TASK_DEATHS,
    TASK_UP,
    UP,
    Metrics,
)
from dragoman.server.mount import Mount, make_context
from dragoman.server.network import find_own, make_network
from dragoman.server.reception import Reception
from dragoman.server.reload import Reading, Reloader
from dragoman.server.snapshot import take_snapshot
from dragoman.server.supervised import Background
from dragoman.server.tally import Tally
from dragoman.server.tenants import Tenants
from dragoman.server.traces import make_traces
from dragoman.store import Place
from dragoman.store.claims import Claims
from dragoman.store.redis import Redis, redis_address
from dragoman.store.responses import Responses
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.transport.dial import Network
from dragoman.types.grant import Grant
from dragoman.types.http import HOPS

log = logging.getLogger("dragoman.server")

KEEP_ALIVE_S = 75.0
"""How long a client's connection may be idle. Precedent: nginx."""
SWEEP_S = 1.0
GC_THRESHOLDS = (20_000, 20, 50)
"""Requests leave few cycles behind: to look as often as Python does takes 5 % of the time."""
NOT_READY_S = 0.5
"""Between "not ready" and "not accepting": what sends requests here has to notice first."""
JUST_CONNECTED_S = 0.2
"""For the requests of connections that were accepted a moment ago."""
FIRST_LOOK_S = 5.0
"""At the start, for the database to say who may ask; a new one is set up by then."""
LAST_WORDS_S = 2.0
"""For what is broken off to say so."""


class Work(Struct, frozen=True):
    """What a worker needs to know.

    `reading` is what was read to begin with, `read` reads it again. `listening` is the host that
    the sockets are bound to. `database` is where the ledger is, None for no ledger. `orphaned`
    becomes readable when whoever started the worker is gone. `shared` is a folder in which workers
    leave what they have counted for each other.
    """

    reading: Reading
    read: Callable[[], Reading]
    listening: str
    database: Place | None = None
    orphaned: int | None = None
    shared: Path | None = None


def run_worker(
    work: Work, sockets: Sequence[socket.socket], started: Callable[[], None] = lambda: None
) -> None:
    """Serve until told to stop. `started` is called once requests are answered.

    Raises: ConfigError.
    """
    take_alarms()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_Worker(work, sockets, started).run())


class _Worker:
    def __init__(
        self, work: Work, sockets: Sequence[socket.socket], started: Callable[[], None]
    ) -> None:
        self._work = work
        self._sockets = sockets
        self._started = started
        self._told = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        work = self._work
        config, discovered, env = work.reading
        around = Surroundings(
            secrets=Secrets(env), learning=Learning(DialectFolder(env)), sent={HOPS: "1"}
        )
        settings = config.server
        desk = Desk(work.database) if work.database is not None else None
        alerts = Alerts(desk, Safe(desk, env)) if desk is not None else None
        limits = Limits(
            desk,
            env,
            drained=settings.log,
            workers=settings.workers,
            reached=alerts.reached if alerts is not None else lambda _: None,
        )
        limits.configure(config)
        ledger = None
        if work.database is not None and settings.log:
            ledger = open_ledger(
                work.database,
                env,
                followers=(limits.follow,),
                found=limits.found,
                adopted=limits.adopted,
                looked=limits.looked,
            )
            limits.name_worker(ledger.journal.folder.path.name)
        directory = Directory(desk, Safe(desk, env)) if desk is not None else None
        content = ContentLog(work.database) if work.database is not None and ledger else None
        snapshot = take_snapshot(
            config, around, discovered=discovered, listening=work.listening, directory=directory
        )
        transport = AsyncDefaultTransport(make_network(settings, env))
        own: tuple[Grant, ...] = ()

        async def find_services() -> None:
            nonlocal own
            own = await asyncio.to_thread(find_own, self._sockets, work.database, env)
            transport.use(make_network(gateway.snapshot.config.server, env, own))
            limits.configure(gateway.snapshot.config)

        background = Background()
        metrics = Metrics(
            lambda tally: _look(tally, gateway, application, ledger, background), work.shared
        )
        traces = make_traces(env)
        observers: list[Observer] = [one for one in (metrics, traces) if one is not None]
        signs: list[Callable[[], Sign | None]] = [
            lambda: sign_of_tasks(background),
            lambda: sign_of_redis(limits.counters.away),
        ]
        if ledger is not None:
            state = ledger.state
            signs.append(lambda: sign_of_ledger(state()))
        gateway = Gateway(
            snapshot,
            transport=transport,
            observers=observers,
            gatekeepers=(limits.keeper,),
            metrics=metrics.answer,
            responses=Responses(work.database),
            journal=ledger.journal if ledger is not None else None,
            signs=signs,
            control=None
            if desk is None
            else lambda gateway: _mount(gateway, desk, env, lambda: transport.network),
            reception=Reception(Tenants(directory) if directory is not None else None),
            content=content,
            claims=Claims(work.database),
            shelf=_shelf(env),
        )
        application = Application(
            gateway, body_limit=settings.body_limit, client_write_s=settings.client_write
        )
        reloader = Reloader(gateway, work.read, work.listening, directory, find_services)
        server = _Server(settings_for(application))
        background.start("reload", reloader.watch)
        if directory is not None:
            with contextlib.suppress(TimeoutError):  # a database that is silent may answer later
                await asyncio.wait_for(directory.look(), FIRST_LOOK_S)
            background.start("directory", directory.watch)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(limits.begin(), FIRST_LOOK_S)
        checks = Checks(
            lambda: gateway.snapshot,
            gateway.reception.tenants,
            lambda: transport.network,
            work.shared,
        )
        background.start("checks", checks.watch)
        if alerts is not None:
            checks.turns.observers.append(alerts.turned)
            background.start("alerts", lambda: alerts.watch(transport))
        background.start("limits", limits.watch)
        if work.database is not None:
            kept = Retention(work.database, lambda: gateway.snapshot.config.server.ledger)
            background.start("retention", kept.run)
        background.start("sweep", lambda: _sweep(application, metrics))
        stopping = asyncio.ensure_future(self._stop(gateway, server))
        self._listen_to_signals(reloader)
        serving = asyncio.ensure_future(server.serve(sockets=list(self._sockets)))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.001)
            self._started()
            await find_services()
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked at again
            gc.set_threshold(*GC_THRESHOLDS)
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            await self._drain(gateway, application, server, serving, settings.drain)
        finally:
            stopping.cancel()
            await background.close()
            checks.close()
            await gateway.close()
            if directory is not None:
                await asyncio.to_thread(directory.close)
            for one in (content, ledger, traces):
                if one is not None:
                    await asyncio.to_thread(one.close)
            await limits.close()  # it is told what the ledger writes at last
            if desk is not None:
                await asyncio.to_thread(desk.close)

    def _listen_to_signals(self, reloader: Reloader) -> None:
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[bool]] = set()

        def reload() -> None:
            task = loop.create_task(reloader.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._be_told)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, reload)
        if self._work.orphaned is not None:
            loop.add_reader(self._work.orphaned, self._orphan)

    def _be_told(self) -> None:
        if self._told.is_set():
            self._hurry.set()
        self._told.set()

    def _orphan(self) -> None:
        assert self._work.orphaned is not None
        asyncio.get_running_loop().remove_reader(self._work.orphaned)
        self._told.set()

    async def _stop(self, gateway: Gateway, server: _Server) -> None:
        """Wait to be told to stop; then see that nothing new comes."""
        await self._told.wait()
        gateway.ready = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), NOT_READY_S)
        await server.stop_accepting()

    async def _drain(
        self,
        gateway: Gateway,
        application: Application,
        server: _Server,
        serving: asyncio.Future[None],
        drain_s: float,
    ) -> None:
        """Let what is in flight come to its end, or bring it there."""
        loop = asyncio.get_running_loop()
        until = loop.time() + drain_s
        while loop.time() < until and not self._hurry.is_set():
            if not (application.in_flight or gateway.unattended):
                break
            await asyncio.sleep(0.02)
        application.interrupt()
        until = loop.time() + LAST_WORDS_S
        while application.in_flight and loop.time() < until:
            await asyncio.sleep(0.02)
        server.should_exit = True
        await serving


def _shelf(env: Mapping[str, str]) -> Shelf | None:
    """Say where answers are kept for all workers; None: each keeps its own."""
    address = redis_address(env)
    return None if address is None else RedisShelf(Redis(address))


def _mount(
    gateway: Gateway, desk: Desk, env: Mapping[str, str], network: Callable[[], Network]
) -> Mount:
    """Make what answers for the control plane."""

    def registry_of(organisation_id: str) -> Registry:
        tenants, base = gateway.reception.tenants, gateway.snapshot
        return base.registry if tenants is None else tenants.registry_of(organisation_id, base)

    context = make_context(
        desk,
        env,
        config=lambda: gateway.snapshot.config,
        door=lambda: gateway.snapshot.door,
        transport=gateway.transport,
        network=network,
        registry=registry_of,
    )
    return Mount(context)


def settings_for(application: Application) -> uvicorn.Config:
    """Make uvicorn's settings: connections are ours, and it says and wraps nothing."""
    return uvicorn.Config(
        application,  # type: ignore[arg-type]  # it is our Connection that calls it
        http=Connection,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(KEEP_ALIVE_S),
        timeout_graceful_shutdown=1,
        backlog=4096,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the worker does."""
        yield

    async def stop_accepting(self) -> None:
        """Take no new connections, and no further request on those that are idle."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(JUST_CONNECTED_S)
        for connection in list(self.server_state.connections):
            connection.shutdown()


async def _sweep(application: Application, metrics: Metrics) -> None:
    """Do what is to be done once a second."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        application.sweep(loop.time())
        try:
            metrics.share()
        except OSError as error:
            log.warning("what was counted could not be shared: %s", error)


def _look(
    tally: Tally,
    gateway: Gateway,
    application: Application,
    ledger: Drain | None,
    background: Background,
) -> None:
    """Note what is true at the moment."""
    for name, state in background.states.items():
        tally.add(TASK_UP.name, (name,), 1 if state == "running" else 0)
        tally.add(TASK_DEATHS.name, (name,), background.deaths[name])
    snapshot = gateway.snapshot
    cooling = snapshot.around.health.cooling(snapshot.around.clock())
    for provider in snapshot.config.custom:
        tally.add(UP.name, (provider.name,), 0 if provider.name in cooling else 1)
    tally.add(IN_FLIGHT.name, (), application.in_flight)
    if ledger is not None:
        tally.add(QUEUED.name, (), ledger.depth)
        tally.add(DROPPED.name, (), ledger.dropped)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Find the fastest event loop there is; on Windows it is Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
