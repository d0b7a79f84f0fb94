"""All about limits and budgets in one worker: who counts, what is allowed, who is told.

Law: one process counts in its memory; several share a Redis, or nothing is limited. To count apart
would let through as many times as much as there are workers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from dragoman.config import Config
from dragoman.errors import ConfigError
from dragoman.ledger.ceilings import ceilings_of
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.shared import RedisCounters
from dragoman.server.limits.allowances import NEEDED, READY_S, Allowances
from dragoman.server.limits.spending import Reached, Spending, reader
from dragoman.store.database import Place, StoreError, is_there, open_database
from dragoman.store.redis import VARIABLE, Redis, check_installed, redis_address
from dragoman.types.allowance import Allowance

if TYPE_CHECKING:
    from dragoman.organisations.desk import Desk
    from dragoman.server.admission.census import Census
    from dragoman.store.database import Connection

log = logging.getLogger("dragoman.server")


class Limits:
    """The limits of one worker. Made in its event loop.

    `keeper` lets exchanges pass; `learn` is told what was set up whenever somebody has looked;
    `spending` is for the drain, None where nothing is `drained`. `reached` is told, in the drain's
    thread, when most of a quota is used. `workers` is how many of us there are on this machine.
    Limits are known before anybody passes, unless the database is away when we start: then they
    hold as soon as it is back.
    """

    def __init__(
        self,
        desk: Desk | None,
        env: Mapping[str, str],
        *,
        drained: bool,
        workers: int = 1,
        wall: Callable[[], float] = time.time,
        reached: Callable[[Connection, Sequence[Reached]], None] = lambda *_: None,
    ) -> None:
        address = redis_address(env)
        self.counters: MemoryCounters | RedisCounters = MemoryCounters()
        if address is not None and desk is not None:
            self.counters = RedisCounters(Redis(address), reader(desk))
        countable = self.counters.shared or workers == 1
        self.keeper = Allowances(self.counters, wall, countable=countable)
        self._patient_until = time.monotonic() + READY_S
        if desk is not None:
            self.keeper.wait_until_known()
        self._rows: tuple[Allowance, ...] = ()
        self._file: tuple[Allowance, ...] = ()
        self._by_id: Mapping[str, Allowance] = {}
        self.spending: Spending | None = None
        if desk is not None and drained:
            if not self.counters.shared:
                self.keeper.wait_until_ready()
            self.spending = Spending(
                self.counters, desk, lambda: self._by_id, reached, self.keeper.be_ready
            )

    def name_worker(self, name: str) -> None:
        """Say what our journal is called."""
        if isinstance(self.counters, RedisCounters):
            self.counters.worker = name

    def configure(self, config: Config) -> None:
        """Take note of what a configuration allows."""
        self._file = tuple(ceilings_of(config))
        self.keeper.know(file=self._file)
        self._index()

    async def reconfigure(self, config: Config) -> None:
        """Put another configuration's limits in force, with what was used of them; never raises."""
        await self._begin_quotas(tuple(ceilings_of(config)))
        self.configure(config)

    async def begin(self) -> None:
        """Meet who counts before anybody is let in; never raises."""
        await self._begin_quotas(self._file)
        if isinstance(self.counters, RedisCounters):
            try:
                await self.counters.begin()
            except StoreError as error:
                log.warning("limits: %s", error)

    async def _begin_quotas(self, file: Sequence[Allowance]) -> None:
        if self.spending is not None:
            try:
                await asyncio.to_thread(self.spending.begin, file)
            except StoreError as error:  # it is tried again when there is something to write
                log.warning("limits: %s", error)

    def learn(self, census: Census | None) -> None:
        """Take note of what the database allows; None while that is not known."""
        if census is not None and census.allowances is not self._rows:
            if isinstance(self.counters, MemoryCounters):
                self.counters.know_earlier(census.earlier)
            known, self._rows = self._rows, census.allowances
            self.keeper.know(rows=self._rows)
            if self._rows and not known and not self.keeper.countable:
                log.error(
                    "limits: several workers cannot keep those that were set without Redis, and"
                    " what they concern is refused: %s",
                    NEEDED,
                )
            self._index()
        # One look that failed does not say that the database is away: it may have been busy.
        if census is not None or time.monotonic() >= self._patient_until:
            self.keeper.be_told()

    async def close(self) -> None:
        """Tell what is still to be told, and let go of Redis."""
        if isinstance(self.counters, RedisCounters):
            await self.counters.close()

    def _index(self) -> None:
        self._by_id = {each.id: each for each in self.keeper.rulebook.allowances}


def check_limits(config: Config, env: Mapping[str, str], place: Place | None = None) -> None:
    """See that what is limited can be counted. Raises: ConfigError.

    With `place` the limits in the database are looked at as well.
    """
    try:
        shared = redis_address(env) is not None
        if shared:
            check_installed()
    except StoreError as error:
        hint = error.hint or f"mend what {VARIABLE} needs, or unset it"
        raise ConfigError(str(error), hint=hint) from None
    ceilings = list(ceilings_of(config))
    apart = config.server.workers > 1 and not shared
    if place is not None and (apart or not config.server.log):
        ceilings += _rows(place)
    if any(one.is_quota for one in ceilings) and not config.server.log:
        raise ConfigError(
            "a budget is set, and no ledger is kept to know what was spent",
            hint="set `log = true` under [server], or remove the budget",
        )
    if apart and ceilings:
        raise ConfigError(
            f"{config.server.workers} workers cannot keep limits without Redis: each would count"
            " for itself",
            hint=NEEDED,
        )


def _rows(place: Place) -> list[Allowance]:
    from dragoman.organisations.allowances import all_allowances

    if not is_there(place):
        return []
    try:
        connection = open_database(place)
    except StoreError:
        return []  # it is away: should there be limits, those concerned are refused
    with closing(connection):
        return all_allowances(connection)
