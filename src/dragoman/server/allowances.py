"""Lets an exchange pass if everybody whom it concerns may still use something, else says why not.

What it may take at the most is reserved before anybody is asked, all of it or nothing, and settled
with what it really took when it is over.

Law: with strict quotas nothing is let through that cannot be counted: while whoever counts is away
that is a 503. Rates and places at a time only keep bursts away: when Redis is known to be away each
worker goes on counting them by itself, because to refuse everybody would be worse.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.ledger.charging import taken
from dragoman.ledger.counting import Counters, Decision, Line, Warming
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.rulebook import Bound, Rulebook, Subjects
from dragoman.server.bounds import Bounds
from dragoman.server.ceilings import PROVIDERS, limits_of
from dragoman.server.ratelimits import refusal, tell
from dragoman.server.unpriced import affordable
from dragoman.store.database import StoreError
from dragoman.types.allowance import Allowance, Charge
from dragoman.types.calendar import Calendar
from dragoman.types.exchange import Exchange
from dragoman.types.provider import Limits, Provider
from dragoman.types.route import Deployment

if TYPE_CHECKING:
    from dragoman.engine.call import Call
    from dragoman.server.access import Principal
    from dragoman.server.endpoint import Release
    from dragoman.server.snapshot import Admission

UNCOUNTED = ("/messages/count_tokens", "/responses/{")
"""Endpoints that cost nothing, or whose answers were counted when they were made."""
READY_S = 2.0
"""How long requests wait, just after the start, for what was used before."""
RETRY_S = 1.0
"""When those who count may be back."""
LOOK_AGAIN_S = 0.5
"""A provider's place may become free in another worker: nobody tells us."""
NO_LIMITS = Limits()
REMEMBERED = 10_000


class LimitsUnavailable(DragomanError):
    """Nobody can say at the moment what is left of a quota."""

    status = 503
    code = "limits_unavailable"
    retryable = True


class _Plan(Struct, gc=False):
    """What a request wants, and which of its deployments want what."""

    lines: list[Line]
    of_deployment: list[list[int]] | None = None


class Allowances:
    """See `Gatekeeper`. `counters` counts; `rulebook` is replaced when something was changed.

    Not `countable`: others count as well, and nobody knows how much: then nothing limited passes.
    Until it is known what was used before, those who want something of a quota wait a moment.
    """

    def __init__(
        self, counters: Counters, wall: Callable[[], float], *, countable: bool = True
    ) -> None:
        self.counters = counters
        self._countable = countable
        self._readiness: asyncio.Event | None = None
        self._learning: asyncio.Event | None = None
        self._alone = MemoryCounters()
        self._wall = wall
        self._calendar = Calendar()
        self._rows: Iterable[Allowance] = ()
        self._file: Iterable[Allowance] = ()
        self._bounds: dict[tuple[str | None, ...], Sequence[Bound]] = {}
        self._limits: dict[tuple[str, str, Limits], Sequence[Bound]] = {}
        self.rulebook = Rulebook(())

    def know(
        self,
        rows: Iterable[Allowance] | None = None,
        file: Iterable[Allowance] | None = None,
    ) -> None:
        """Take note of what the database, or what the configuration file allows now."""
        self._rows = self._rows if rows is None else tuple(rows)
        self._file = self._file if file is None else tuple(file)
        self.rulebook = Rulebook((*self._file, *self._rows))
        self._bounds = {}

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
        rulebook = self.rulebook
        exchange = call.exchange
        if not (rulebook.allowances or self.counters.shared) or not is_counted(exchange.endpoint):
            return _nothing
        if not getattr(call.dialogue, "metered", True):
            return _nothing
        now = self._wall()
        plan = self._plan(rulebook, call, admission.principal, now)
        lines = plan.lines
        if not lines:
            return _nothing
        while True:
            counters, decision = await self._reserve(exchange.id, lines, now)
            told = tell(lines, decision, exchange.endpoint or "", now)
            if decision.passed and not self._choose(call, plan, decision):
                kept = [line for n, line in enumerate(lines) if n not in decision.refused]
                counters.settle(exchange.id, kept, [0] * len(kept), now)
            elif decision.passed:
                break
            waiting = _patience(lines, decision)
            left_s = call.deadline - call.around.clock()
            if waiting is None or waiting > left_s:
                call.told.update(told)
                raise refusal(lines, decision, now)
            await asyncio.sleep(waiting)
            now = self._wall()
        call.told.update(told)
        if decision.refused:
            lines = [line for n, line in enumerate(lines) if n not in decision.refused]
        charges = [_charge(line) for line in lines]
        exchange.charges = tuple(
            [charge for charge, line in zip(charges, lines, strict=True) if line.allowance.is_quota]
        )

        def release(exchange: Exchange) -> None:
            used = [_used(charge, exchange) for charge in charges]
            counters.settle(exchange.id, lines, used, self._wall())

        return release

    async def _reserve(
        self, hold: str, lines: Sequence[Line], now: float
    ) -> tuple[Counters, Decision]:
        if not self._countable:
            raise _unavailable("several workers cannot keep limits without Redis")
        if self._readiness is not None and _has_strict(lines):
            try:
                await asyncio.wait_for(self._readiness.wait(), READY_S)
            except TimeoutError:
                raise _unavailable("what was used before cannot be read") from None
        try:
            return self.counters, await self.counters.reserve(hold, lines, now)
        except asyncio.CancelledError:
            self.counters.settle(hold, lines, [0] * len(lines), now)
            raise
        except Warming:
            raise _unavailable("those who count have just come back") from None
        except StoreError as error:
            if _has_strict(lines) or not self.counters.away:
                raise _unavailable("whoever counts does not answer") from error
        return self._alone, self._alone.reserve_now(lines, now)

    # -- what a request wants

    def _plan(self, rulebook: Rulebook, call: Call, principal: Principal, now: float) -> _Plan:
        bounds = Bounds(call)
        organisation = principal.organisation_id
        lines: list[Line] = []
        deployments = call.deployments
        replayed = call.exchange.replayed is not None
        for bound in self._bounds_of(rulebook, principal):
            if replayed and bound[0].measure != "requests":
                continue  # nobody is asked, so nothing is used but the request itself
            if bound[0].measure == "spend":
                deployments = affordable(bound[0], deployments, bounds)
            lines.append(self._line(bound, bounds, deployments, now))
        if deployments is not call.deployments:
            call.deployments = deployments
        limited = self.counters.shared and any(d.provider.limits != NO_LIMITS for d in deployments)
        if replayed or not (rulebook.minds_deployments or limited):
            return _Plan(lines)
        places: dict[str, int] = {}
        of_deployment: list[list[int]] = []
        for deployment in deployments:
            mine: list[int] = []
            subjects: Subjects = (("provider", deployment.provider.name), ("model", deployment.ref))
            bounds_here = rulebook.find(organisation, subjects)
            if limited:
                bounds_here = (*bounds_here, *self._limits_of(deployment.provider))
            for bound in bounds_here:
                line = self._line(bound, bounds, (deployment,), now)
                at = places.get(line.key)
                if at is None:
                    at = places[line.key] = len(lines)
                    line.optional = len(deployments) > 1
                    lines.append(line)
                else:
                    lines[at].amount = max(lines[at].amount, line.amount)
                mine.append(at)
            of_deployment.append(mine)
        return _Plan(lines, of_deployment if len(deployments) > 1 else None)

    def _line(
        self, bound: Bound, bounds: Bounds, deployments: Sequence[Deployment], now: float
    ) -> Line:
        allowance, subject = bound
        measure = allowance.measure
        amount = 1
        if measure == "tokens":
            amount = bounds.tokens()
        elif measure == "spend":
            assumed = allowance.assumed
            costs = [bounds.cost(deployment) for deployment in deployments]
            amount = max((assumed if cost is None else cost for cost in costs), default=0)
        if not allowance.is_quota:
            if measure == "tokens" and amount > allowance.amount:
                amount = allowance.amount  # else it would never pass: it takes a whole minute's
            return Line(allowance, subject, amount)
        since, until = self._calendar.span(allowance.period, now)
        return Line(allowance, subject, amount, False, since, until)

    def _limits_of(self, provider: Provider) -> Sequence[Bound]:
        """Find what a provider may be asked by all workers; alone, its gate sees to that."""
        key = provider.name, provider.base_url, provider.limits
        found = self._limits.get(key)
        if found is None:
            if len(self._limits) >= REMEMBERED:
                self._limits.clear()
            found = [(limit, provider.name) for limit in limits_of(provider)]
            self._limits[key] = found
        return found

    def _bounds_of(self, rulebook: Rulebook, principal: Principal) -> Sequence[Bound]:
        """Find what holds for a principal, looked up once for each until something changes."""
        whose = principal.organisation_id, principal.project_id, principal.account_id
        key = (*whose, principal.key_id, principal.key)
        found = self._bounds.get(key)
        if found is None:
            if len(self._bounds) >= REMEMBERED:
                self._bounds.clear()
            found = rulebook.find(principal.organisation_id, subjects_of(principal))
            self._bounds[key] = found
        return found

    @staticmethod
    def _choose(call: Call, plan: _Plan, decision: Decision) -> bool:
        """Keep the deployments that still may be asked; False when none may."""
        if plan.of_deployment is None or not decision.refused:
            return True
        full = set(decision.refused)
        kept = tuple(
            deployment
            for deployment, mine in zip(call.deployments, plan.of_deployment, strict=True)
            if full.isdisjoint(mine)
        )
        if not kept:
            return False
        call.deployments = kept
        return True


def is_counted(endpoint: str | None) -> bool:
    """Whether requests to an endpoint count at all; `store.spent` has the same in SQL."""
    return endpoint is None or not endpoint.startswith(UNCOUNTED)


def subjects_of(principal: Principal | Exchange) -> Subjects:
    """Say for whom a request counts."""
    key = principal.key_id or (f"file:{principal.key}" if principal.key else None)
    subjects: Subjects = (
        ("organisation", principal.organisation_id),
        ("project", principal.project_id or ""),
        ("member", principal.account_id or ""),
        ("key", key or ""),
    )
    return tuple(each for each in subjects if each[1])


def _patience(lines: Sequence[Line], decision: Decision) -> float | None:
    """How long to wait before asking again; None when that is up to the client.

    We wait for providers' limits of the configuration: they spare the provider, not the client.
    """
    waits: list[float] = []
    for position in decision.refused:
        if not lines[position].allowance.id.startswith(PROVIDERS):
            return None
        wait_s = decision.standings[position].wait_s
        waits.append(LOOK_AGAIN_S if wait_s is None else wait_s)
    return min(max(min(waits), 0.02), LOOK_AGAIN_S) if waits else None


def _charge(line: Line) -> Charge:
    allowance = line.allowance
    return Charge(
        allowance_id=allowance.id,
        kind=allowance.kind,
        subject=line.subject,
        measure=allowance.measure,
        since=line.since,
        assumed=allowance.assumed,
    )


def _used(charge: Charge, exchange: Exchange) -> int:
    return 0 if charge.measure == "concurrency" else taken(charge, exchange)


def _has_strict(lines: Sequence[Line]) -> bool:
    """Whether anything is asked of a quota that must not be exceeded."""
    return any(x.allowance.is_quota and x.allowance.mode == "strict" for x in lines)


def _unavailable(why: str) -> LimitsUnavailable:
    error = LimitsUnavailable(
        f"what is left of a budget or limit cannot be found out: {why}",
        hint="ask again in a moment",
    )
    error.retry_after = float(math.ceil(RETRY_S))
    return error


def _nothing(exchange: Exchange) -> None:
    """Release nothing."""
