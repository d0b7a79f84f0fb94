"""All that a worker works with: put together, begun, and taken apart again, each in its order.

Without a database there is neither a ledger nor anything that organisations set up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from dragoman.config import Config, Secrets
from dragoman.config.learned import DialectFolder
from dragoman.engine.call import Surroundings
from dragoman.engine.learning import Learning
from dragoman.ledger.content import ContentLog
from dragoman.ledger.drain import Drain, open_ledger
from dragoman.ledger.retention import Retention
from dragoman.organisations.answer_seal import AnswerSeal
from dragoman.organisations.desk import Desk
from dragoman.organisations.safe import Safe
from dragoman.registry import Registry
from dragoman.server.admission.access import is_loopback
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.guard_mark import GuardMark
from dragoman.server.admission.network import find_own, make_network
from dragoman.server.admission.reception import Reception
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.server.endpoints.endpoint import Observer
from dragoman.server.endpoints.responses_owed import Debts
from dragoman.server.gateway import Gateway
from dragoman.server.health import (
    Sign,
    sign_of_directory,
    sign_of_ledger,
    sign_of_redis,
    sign_of_tasks,
)
from dragoman.server.http.application import Application
from dragoman.server.limits.limits import Limits
from dragoman.server.mount import Mount, make_context
from dragoman.server.neighbours import Neighbours
from dragoman.server.policies.cache import RedisShelf, Shelf
from dragoman.server.reload import Reloader
from dragoman.server.sockets import bound_to
from dragoman.server.sources import Reading
from dragoman.server.supervised import Background
from dragoman.server.telemetry.alerts import Alerts
from dragoman.server.telemetry.checks import Checks
from dragoman.server.telemetry.metrics import (
    DROPPED,
    IN_FLIGHT,
    QUEUED,
    TASK_DEATHS,
    TASK_UP,
    UP,
    Metrics,
)
from dragoman.server.telemetry.tally import Tally
from dragoman.server.telemetry.traces import make_traces
from dragoman.store import Place
from dragoman.store.claims import Claims, MemoryClaims, StoredClaims
from dragoman.store.redis import Redis, redis_address
from dragoman.store.responses import Responses
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.types.grant import Grant
from dragoman.types.http import HOPS

log = logging.getLogger("dragoman.server")

SWEEP_S = 1.0
FIRST_LOOK_S = 5.0
"""At the start, for the database to say who may ask; a new one is set up by then."""


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


class Assembly:
    """The parts of a worker. Made inside its event loop; nothing runs before `begin`.

    Raises: ConfigError.
    """

    def __init__(self, work: Work, sockets: Sequence[socket.socket]) -> None:
        self._work = work
        self._listening = bound_to(sockets)
        config, _, env = work.reading
        self.settings = config.server
        self._env = env
        self.background = Background()
        self._open_desk(work.database)
        self._keep_books(config)
        self.transport = AsyncDefaultTransport(make_network(self.settings, env))
        self.metrics = Metrics(self._look, work.shared)
        self.traces = make_traces(env)
        self.gateway = self._open_gateway()
        self.application = Application(
            self.gateway,
            body_limit=self.settings.body_limit,
            client_write_s=self.settings.client_write,
        )
        self.reloader = Reloader(
            self.gateway, work.read, work.listening, self.directory, self._prepare
        )
        self.checks = Checks(
            lambda: self.gateway.snapshot,
            self.gateway.reception.tenants,
            lambda: self.transport.network,
            work.shared,
        )

    async def begin(self) -> None:
        """Start what runs beside the requests.

        By its end it is known who may ask and how much, and where no provider may lead.
        """
        start = self.background.start
        start("reload", self.reloader.watch)
        if self.neighbours is not None:
            self.neighbours.begin()  # what they tell from now on is not missed
        await asyncio.gather(self._set_network(self.gateway.snapshot.config), self._ask_database())
        if self.directory is not None:
            start("directory", self.directory.watch)
        start("checks", self.checks.watch)
        if self.alerts is not None:
            alerts = self.alerts
            self.checks.turns.remember(await alerts.outages())
            self.checks.turns.observers.append(alerts.turned)
            start("alerts", lambda: alerts.watch(self.transport))
        if self._work.database is not None:
            kept = Retention(
                self._work.database, lambda: self.gateway.snapshot.config.server.ledger
            )
            start("retention", kept.run)
        if self.desk is not None:
            gateway = self.gateway
            debts = Debts(self.desk, gateway.collector, gateway.reception, lambda: gateway.snapshot)
            start("debts", debts.watch)
        start("sweep", self._sweep)

    async def close(self) -> None:
        """Stop what runs, write what waits, close what is open."""
        await self.background.close()
        self.checks.close()
        if self.neighbours is not None:
            self.neighbours.close()
        await self.gateway.close()
        for one in (self.directory, self.content, self.ledger, self.traces):
            if one is not None:
                await asyncio.to_thread(one.close)
        await self.limits.close()  # it is told what the ledger writes at last
        if self.desk is not None:
            await asyncio.to_thread(self.desk.close)

    # -- making them

    def _open_desk(self, database: Place | None) -> None:
        """Make what reads and changes what organisations have set up."""
        self.desk = Desk(database) if database is not None else None
        self.alerts: Alerts | None = None
        self.directory: Directory | None = None
        self.neighbours: Neighbours | None = None
        if self.desk is not None:
            self.alerts = Alerts(self.desk, Safe(self.desk, self._env))
            mark = GuardMark(self._env, self.desk.place)
            self.directory = Directory(self.desk, Safe(self.desk, self._env), mark=mark)
            self.neighbours = Neighbours(self._work.shared, self.directory.catch_up)

    def _keep_books(self, config: Config) -> None:
        """Make what counts and writes down: limits, ledger, and what was said."""
        database = self._work.database
        self.limits = limits = Limits(
            self.desk,
            self._env,
            drained=self.settings.log,
            workers=self.settings.workers,
            reached=self.alerts.reached if self.alerts is not None else lambda *_: None,
        )
        limits.configure(config)
        if self.directory is not None:
            self.directory.looked = limits.learn
        self.ledger: Drain | None = None
        self.content: ContentLog | None = None
        self.claims = self._make_claims()
        if database is not None and (spending := limits.spending) is not None:

            def adopted(worker: str) -> None:
                spending.adopted(worker)
                self.claims.abandon(worker)

            self.ledger = open_ledger(
                database,
                self._env,
                followers=(spending.follow,),
                found=spending.found,
                adopted=adopted,
                looked=spending.looked,
            )
            limits.name_worker(self.ledger.journal.folder.path.name)
            self.claims.worker = self.ledger.journal.folder.path.name
            self.content = ContentLog(database)

    def _open_gateway(self) -> Gateway:
        config, discovered, env = self._work.reading
        around = Surroundings(
            secrets=Secrets(env), learning=Learning(DialectFolder(env)), sent={HOPS: "1"}
        )
        snapshot = take_snapshot(
            config,
            around,
            discovered=discovered,
            listening=self._work.listening,
            directory=self.directory,
        )
        observers: list[Observer] = [one for one in (self.metrics, self.traces) if one is not None]
        return Gateway(
            snapshot,
            transport=self.transport,
            observers=observers,
            gatekeepers=(self.limits.keeper,),
            metrics=self.metrics.answer,
            responses=Responses(self._work.database),
            journal=self.ledger.journal if self.ledger is not None else None,
            signs=self._signs(),
            control=None if self.desk is None else self._mount,
            reception=Reception(Tenants(self.directory) if self.directory is not None else None),
            content=self.content,
            claims=self.claims,
            shelf=_shelf(env),
        )

    def _make_claims(self) -> Claims:
        """Make what knows the requests that must not be answered twice."""
        if self.desk is None:
            return MemoryClaims()
        safe = Safe(self.desk, self._env, create=is_loopback(self._work.listening))
        return StoredClaims(self.desk.place, AnswerSeal(safe))

    def _signs(self) -> list[Callable[[], Sign | None]]:
        """Say what `/readyz` looks at."""
        signs: list[Callable[[], Sign | None]] = [
            lambda: sign_of_tasks(self.background),
            lambda: sign_of_redis(self.limits.counters.gone),
        ]
        if self.directory is not None:
            directory = self.directory
            signs.append(
                lambda: sign_of_directory(away=directory.away, unreadable=directory.unreadable)
            )
        if self.ledger is not None:
            state = self.ledger.state
            signs.append(lambda: sign_of_ledger(state()))
        return signs

    def _mount(self, gateway: Gateway) -> Mount:
        """Make what answers for the control plane."""
        assert self.desk is not None
        assert self.neighbours is not None

        def registry_of(organisation_id: str) -> Registry:
            tenants, base = gateway.reception.tenants, gateway.snapshot
            return base.registry if tenants is None else tenants.registry_of(organisation_id, base)

        context = make_context(
            self.desk,
            self._env,
            listening=self._work.listening,
            config=lambda: gateway.snapshot.config,
            door=lambda: gateway.snapshot.door,
            stopping=lambda: not gateway.ready,
            transport=gateway.transport,
            network=lambda: self.transport.network,
            registry=registry_of,
            checked=lambda *whose: self.checks.last(whose),
        )
        return Mount(context, lambda: gateway.snapshot.door, self.neighbours.tell)

    async def _ask_database(self) -> None:
        """Find out who may ask and how much; a database that is silent may answer later."""
        if self.directory is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.directory.look(), FIRST_LOOK_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.limits.begin(), FIRST_LOOK_S)

    # -- while it works

    async def _prepare(self, config: Config) -> None:
        """Put in force what has to hold before a configuration's first request."""
        await self._set_network(config)
        await self.limits.reconfigure(config)

    async def _set_network(self, config: Config) -> None:
        """Say where may be connected to: not to our own services, wherever they are by now."""
        own: tuple[Grant, ...] = await asyncio.to_thread(
            find_own, self._listening, self._work.database, self._env
        )
        self.transport.use(make_network(config.server, self._env, own))

    async def _sweep(self) -> None:
        """Do what is to be done once a second."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            self.application.sweep(loop.time())
            try:
                self.metrics.share()
            except OSError as error:
                log.warning("what was counted could not be shared: %s", error)

    def _look(self, tally: Tally) -> None:
        """Note what is true at the moment."""
        for name, state in self.background.states.items():
            tally.add(TASK_UP.name, (name,), 1 if state == "running" else 0)
            tally.add(TASK_DEATHS.name, (name,), self.background.deaths[name])
        snapshot = self.gateway.snapshot
        cooling = snapshot.around.health.cooling(snapshot.around.clock())
        for provider in snapshot.config.custom:
            tally.add(UP.name, (provider.name,), 0 if provider.name in cooling else 1)
        tally.add(IN_FLIGHT.name, (), self.application.in_flight)
        if self.ledger is not None:
            tally.add(QUEUED.name, (), self.ledger.depth)
            tally.add(DROPPED.name, (), self.ledger.dropped)


def _shelf(env: Mapping[str, str]) -> Shelf | None:
    """Say where answers are kept for all workers; None: each keeps its own."""
    address = redis_address(env)
    return None if address is None else RedisShelf(Redis(address))
