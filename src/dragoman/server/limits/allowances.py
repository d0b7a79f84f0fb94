"""Lets an exchange pass if everybody whom it concerns may still use something, else says why not.

What it may take at the most is reserved before anybody is asked, all of it or nothing, and settled
with what it really took when it is over.

Law: with strict quotas nothing is let through that cannot be counted: while whoever counts is away
that is a 503. Rates and places at a time only keep bursts away: when Redis is known to be away, not
only for a moment, each worker counts them by itself, because to refuse everybody would be worse.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from dragoman.errors import DragomanError
from dragoman.ledger.ceilings import spares_provider
from dragoman.ledger.charging import COUNTING, LOOKING, taken
from dragoman.ledger.counting import Counters, Decision, Line, Warming
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.rulebook import Rulebook
from dragoman.server.limits.plan import Plan, Planner, charges_of
from dragoman.server.limits.ratelimits import refusal, tell
from dragoman.store.database import StoreError
from dragoman.store.redis import VARIABLE
from dragoman.types.allowance import Allowance
from dragoman.types.exchange import Exchange

if TYPE_CHECKING:
    from dragoman.engine.call import Call
    from dragoman.server.admission.snapshot import Admission
    from dragoman.server.endpoints.endpoint import Release

UNCOUNTED = (COUNTING, LOOKING)
"""Endpoints that cost nothing, or whose answers are counted when they are made, or settled."""
READY_S = 2.0
"""How long requests wait, just after the start, for what was used before."""
RETRY_S = 1.0
"""When those who count may be back."""
LOOK_AGAIN_S = 0.5
"""A provider's place may become free in another worker: nobody tells us."""
NEEDED = (
    f"set {VARIABLE}=redis://host:6379/0 (Redis or Valkey), start with `--workers 1`, or remove the"
    " limits"
)


class LimitsUnavailable(DragomanError):
    """Nobody can say at the moment what is left of a quota."""

    status = 503
    code = "limits_unavailable"
    retryable = True


class Uncountable(LimitsUnavailable):
    """Nobody will be able to say it before the operator has done something."""

    retryable = False

    def __init__(self) -> None:
        super().__init__(
            "what is limited is refused: several workers cannot keep limits without Redis",
            hint=f"whoever runs the gateway can mend that: {NEEDED}",
        )


class Allowances:
    """See `Gatekeeper`. `counters` counts; `rulebook` is replaced when something was changed.

    Not `countable`: others count as well, and nobody knows how much: then nothing limited passes.
    Until it is known what was used before, those who want something of a quota wait a moment.
    """

    def __init__(
        self, counters: Counters, wall: Callable[[], float], *, countable: bool = True
    ) -> None:
        self.counters = counters
        self.countable = countable
        self._readiness: asyncio.Event | None = None
        self._learning: asyncio.Event | None = None
        self._alone = MemoryCounters()
        # Whoever counts here and for all need not be waited for.
        self._own = counters if countable and isinstance(counters, MemoryCounters) else None
        self._wall = wall
        self._rows: Iterable[Allowance] = ()
        self._file: Iterable[Allowance] = ()
        self.know()

    def know(
        self,
        rows: Iterable[Allowance] | None = None,
        file: Iterable[Allowance] | None = None,
    ) -> None:
        """Take note of what the database, or what the configuration file allows now."""
        self._rows = self._rows if rows is None else tuple(rows)
        self._file = self._file if file is None else tuple(file)
        self.rulebook = Rulebook((*self._file, *self._rows))
        self._planner = Planner(self.rulebook, shared=self.counters.shared)
        self._idle = not (self.rulebook.allowances or self.counters.shared)

    def wait_until_known(self) -> None:
        """Let nobody pass, for a moment, until `be_told` is called."""
        self._learning = asyncio.Event()

    def be_told(self) -> None:
        """Take note that the database's limits are known, or cannot be read."""
        if self._learning is not None:
            self._learning.set()
            self._learning = None

    def wait_until_ready(self) -> None:
        """Give nothing out of quotas until `be_ready` is called."""
        self._readiness = asyncio.Event()

    def be_ready(self) -> None:
        """Take note that it is known what was used before."""
        if self._readiness is not None:
            self._readiness.set()
            self._readiness = None

    async def enter(self, call: Call, admission: Admission) -> Release:
        """See `Gatekeeper.enter`. Raises: LimitExceeded, BudgetExceeded, LimitsUnavailable."""
        if self._learning is not None:
            with contextlib.suppress(TimeoutError):  # the database is away: see `Limits`
                await asyncio.wait_for(self._learning.wait(), READY_S)
        exchange = call.exchange
        if self._idle:
            return _nothing
        if not _holds(exchange.endpoint):
            return await self._enter_to_settle(call, admission)
        now = self._wall()
        plan = self._planner.plan(call, admission.principal, now)
        if not plan.lines:
            return _nothing
        while True:
            lines = plan.lines
            if self._own is not None and self._readiness is None:
                counters: Counters = self._own
                decision = self._own.reserve_now(lines, now)
            else:
                counters, decision = await self._reserve(exchange.id, lines, now)
            told = tell(lines, exchange.endpoint or "", now, passed=decision.passed)
            if not decision.refused or self._goes_elsewhere(call, plan, counters, decision):
                break
            waiting = _patience(lines, decision)
            left_s = call.deadline - call.around.clock()
            if waiting is None or waiting > left_s:
                call.told.update(told)
                raise refusal(lines, decision)
            await asyncio.sleep(waiting)
            now = self._wall()
        call.told.update(told)
        exchange.charges = plan.charges
        return partial(_release, counters, plan.lines)

    async def _enter_to_settle(self, call: Call, admission: Admission) -> Release:
        """Count what may turn out to be owed for what was made before. It refuses nobody.

        While that cannot be counted, it is when it is written down: see `LateCharges`.
        """
        neighbour = call.dialogue.neighbour
        if neighbour is None or not neighbour.settles or call.exchange.replayed is not None:
            return _nothing
        if self._readiness is not None or not self.countable:
            return _nothing
        now = self._wall()
        plan = self._planner.plan_to_settle(call, admission.principal, now)
        if not plan.lines:
            return _nothing
        try:
            await self.counters.reserve(call.exchange.id, plan.lines, now)
        except (Warming, StoreError):
            return _nothing
        call.exchange.charges = plan.charges
        return partial(_release, self.counters, plan.lines)

    def _goes_elsewhere(
        self, call: Call, plan: Plan, counters: Counters, decision: Decision
    ) -> bool:
        """Leave out the deployments that have no room; False when none is left."""
        if not decision.passed:
            return False
        kept = [line for n, line in enumerate(plan.lines) if n not in decision.refused]
        if not plan.choose(call, decision.refused):
            counters.settle(call.exchange.id, kept, [0] * len(kept))
            return False
        plan.lines, plan.charges = kept, charges_of(kept)
        return True

    async def _reserve(
        self, hold: str, lines: Sequence[Line], now: float
    ) -> tuple[Counters, Decision]:
        if not self.countable:
            raise Uncountable
        if self._readiness is not None and _has_strict(lines):
            try:
                await asyncio.wait_for(self._readiness.wait(), READY_S)
            except TimeoutError:
                raise _unavailable("what was used before cannot be read") from None
        try:
            return self.counters, await self.counters.reserve(hold, lines, now)
        except Warming:
            raise _unavailable("those who count have just come back") from None
        except StoreError as error:
            if any(_has_to_be_counted(line, self.counters.gone) for line in lines):
                raise _unavailable("whoever counts does not answer") from error
        return self._alone, self._alone.reserve_now(lines, now)


@lru_cache(maxsize=256)
def _holds(endpoint: str | None) -> bool:
    """Whether requests to an endpoint hold what they may take."""
    return endpoint is None or not endpoint.startswith(UNCOUNTED)


def _patience(lines: Sequence[Line], decision: Decision) -> float | None:
    """How long to wait before asking again; None when that is up to the client.

    We wait for providers' limits of the configuration: they spare the provider, not the client.
    """
    waits: list[float] = []
    for position in decision.refused:
        if not spares_provider(lines[position].term.allowance):
            return None
        wait_s = lines[position].wait_s
        waits.append(LOOK_AGAIN_S if wait_s is None else wait_s)
    return min(max(min(waits), 0.02), LOOK_AGAIN_S) if waits else None


def _release(counters: Counters, lines: Sequence[Line], exchange: Exchange) -> None:
    """Settle with what was really taken, now that it is over."""
    if exchange.replayed is not None:
        used = [1] * len(lines)
    else:
        used = [taken(line.term.charge, exchange) for line in lines]
    counters.settle(exchange.id, lines, used)


def _has_strict(lines: Sequence[Line]) -> bool:
    """Whether anything is asked of a quota that must not be exceeded."""
    return any(line.term.is_quota and line.term.is_strict for line in lines)


def _has_to_be_counted(line: Line, gone: bool) -> bool:
    """Whether nobody passes without whoever counts for all: quotas never, rates for a moment.

    Not what lets everybody pass anyway, or only spares a provider.
    """
    term = line.term
    return term.refuses and (term.is_quota or not gone)


def _unavailable(why: str) -> LimitsUnavailable:
    error = LimitsUnavailable(
        f"what is left of a budget or limit cannot be found out: {why}",
        hint="ask again in a moment",
    )
    error.retry_after = float(math.ceil(RETRY_S))
    return error


def _nothing(exchange: Exchange) -> None:
    """Release nothing."""
