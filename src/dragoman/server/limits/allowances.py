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
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.ledger.ceilings import spares_provider
from dragoman.ledger.charging import taken
from dragoman.ledger.counting import Counters, Decision, Line, Warming
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.rulebook import Rulebook, Subjects
from dragoman.server.limits.bounds import Bounds
from dragoman.server.limits.ratelimits import refusal, tell
from dragoman.server.limits.terms import Term, TermBook
from dragoman.server.limits.unpriced import affordable, is_blocked, unknown_price
from dragoman.store.database import StoreError
from dragoman.types.allowance import Allowance, Charge
from dragoman.types.exchange import Exchange
from dragoman.types.provider import Limits
from dragoman.types.route import Deployment

if TYPE_CHECKING:
    from dragoman.engine.call import Call
    from dragoman.server.admission.access import Principal
    from dragoman.server.admission.snapshot import Admission
    from dragoman.server.endpoints.endpoint import Release

UNCOUNTED = ("/messages/count_tokens", "/responses/{")
"""Endpoints that cost nothing, or whose answers were counted when they were made."""
READY_S = 2.0
"""How long requests wait, just after the start, for what was used before."""
RETRY_S = 1.0
"""When those who count may be back."""
LOOK_AGAIN_S = 0.5
"""A provider's place may become free in another worker: nobody tells us."""
NO_LIMITS = Limits()


class LimitsUnavailable(DragomanError):
    """Nobody can say at the moment what is left of a quota."""

    status = 503
    code = "limits_unavailable"
    retryable = True


class _Plan(Struct, gc=False):
    """What a request wants, on which terms, and which of its deployments want what."""

    lines: list[Line]
    terms: Sequence[Term]
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
        # Whoever counts here and for all need not be waited for.
        self._own = counters if countable and isinstance(counters, MemoryCounters) else None
        self._wall = wall
        self._rows: Iterable[Allowance] = ()
        self._file: Iterable[Allowance] = ()
        self.rulebook = Rulebook(())
        self._terms = TermBook(self.rulebook)

    def know(
        self,
        rows: Iterable[Allowance] | None = None,
        file: Iterable[Allowance] | None = None,
    ) -> None:
        """Take note of what the database, or what the configuration file allows now."""
        self._rows = self._rows if rows is None else tuple(rows)
        self._file = self._file if file is None else tuple(file)
        self.rulebook = Rulebook((*self._file, *self._rows))
        self._terms = TermBook(self.rulebook)

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
        now = self._wall()
        plan = self._plan(rulebook, call, admission.principal, now)
        lines = plan.lines
        if not lines:
            return _nothing
        while True:
            if self._own is not None and self._readiness is None:
                counters: Counters = self._own
                decision = self._own.reserve_now(lines, now)
            else:
                counters, decision = await self._reserve(exchange.id, lines, now)
            told = tell(lines, decision, exchange.endpoint or "", now)
            if decision.passed and not decision.refused:
                break
            if decision.passed:
                kept = [line for n, line in enumerate(lines) if n not in decision.refused]
                if self._choose(call, plan, decision):
                    plan.terms = [t for n, t in enumerate(plan.terms) if n not in decision.refused]
                    lines = kept
                    break
                counters.settle(exchange.id, kept, [0] * len(kept), now)
            waiting = _patience(lines, decision)
            left_s = call.deadline - call.around.clock()
            if waiting is None or waiting > left_s:
                call.told.update(told)
                raise refusal(lines, decision)
            await asyncio.sleep(waiting)
            now = self._wall()
        call.told.update(told)
        terms = plan.terms
        exchange.charges = tuple([term.charge for term in terms if term.is_quota])

        def release(exchange: Exchange) -> None:
            used = [_used(term.charge, exchange) for term in terms]
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
        except Warming:
            raise _unavailable("those who count have just come back") from None
        except StoreError as error:
            if any(_has_to_be_counted(line, self.counters.gone) for line in lines):
                raise _unavailable("whoever counts does not answer") from error
        return self._alone, self._alone.reserve_now(lines, now)

    # -- what a request wants

    def _plan(self, rulebook: Rulebook, call: Call, principal: Principal, now: float) -> _Plan:
        terms = self._terms.of(principal, now)
        deployments = call.deployments
        if call.exchange.replayed is not None:
            # Nobody is asked, so nothing is used up; but it is a request like any other.
            terms = tuple(
                [t for t in terms if t.allowance.measure == "requests" and not t.is_quota]
            )
            return _Plan([term.line(1) for term in terms], terms)
        bounds = Bounds(call)
        if rulebook.minds_deployments:
            call.deployments = deployments = self._priced(call, bounds, principal, now)
        lines: list[Line] = []
        for term in terms:
            if term.allowance.measure == "spend":
                deployments = affordable(term.allowance, deployments, bounds)
            lines.append(term.line(_most(term, bounds, deployments)))
        if deployments is not call.deployments:
            call.deployments = deployments
        limited = self.counters.shared and any(d.provider.limits != NO_LIMITS for d in deployments)
        plan = _Plan(lines, terms)
        if limited or rulebook.minds_deployments:
            self._add_deployments(plan, call, bounds, principal.organisation_id, now)
        return plan

    def _priced(
        self, call: Call, bounds: Bounds, principal: Principal, now: float
    ) -> tuple[Deployment, ...]:
        """Leave out what a budget of its provider or model keeps out. Raises: Forbidden."""
        kept = tuple(
            deployment
            for deployment in call.deployments
            if not any(
                is_blocked(term.allowance, deployment, bounds)
                for term in self._of_deployment(principal.organisation_id, deployment, now)
            )
        )
        if not kept and call.deployments:
            raise unknown_price(call.deployments[0].ref)
        return kept

    def _of_deployment(
        self, organisation_id: str, deployment: Deployment, now: float
    ) -> tuple[Term, ...]:
        """Find the terms of a deployment's provider and model."""
        subjects: Subjects = (("provider", deployment.provider.name), ("model", deployment.ref))
        return self._terms.find(organisation_id, subjects, now)

    def _add_deployments(
        self, plan: _Plan, call: Call, bounds: Bounds, organisation_id: str, now: float
    ) -> None:
        """Add what is wanted of the allowances of providers and models."""
        lines, terms = plan.lines, [*plan.terms]
        wanted: dict[str, tuple[int, list[Deployment]]] = {}
        of_deployment: list[list[int]] = []
        for deployment in call.deployments:
            provider = deployment.provider
            mine: list[int] = []
            here = self._of_deployment(organisation_id, deployment, now)
            if self.counters.shared and provider.limits != NO_LIMITS:
                here = (*here, *self._terms.limits(provider))
            for term in here:
                line = term.line(0)
                known = wanted.get(line.key)
                if known is None:
                    known = wanted[line.key] = len(lines), []
                    line.optional = len(call.deployments) > 1
                    lines.append(line)
                    terms.append(term)
                known[1].append(deployment)
                mine.append(known[0])
            of_deployment.append(mine)
        for at, those in wanted.values():
            lines[at].amount = _most(terms[at], bounds, those)
        plan.terms = terms
        plan.of_deployment = of_deployment if len(call.deployments) > 1 else None

    @staticmethod
    def _choose(call: Call, plan: _Plan, decision: Decision) -> bool:
        """Keep the deployments that still may be asked; False when none may."""
        if plan.of_deployment is None:
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


def _most(term: Term, bounds: Bounds, deployments: Sequence[Deployment]) -> int:
    """Say what a request that may go to these deployments takes at the most."""
    allowance = term.allowance
    if allowance.measure == "spend":
        costs = [bounds.cost(deployment) for deployment in deployments]
        assumed = term.charge.assumed
        return bounds.together([assumed if cost is None else cost for cost in costs])
    if allowance.measure == "tokens":
        amount = bounds.together([bounds.tokens(deployment) for deployment in deployments])
        # A minute's tokens may be fewer: else it would never pass, so it takes all of them.
        return amount if term.is_quota else min(amount, allowance.amount)
    return 1


def _patience(lines: Sequence[Line], decision: Decision) -> float | None:
    """How long to wait before asking again; None when that is up to the client.

    We wait for providers' limits of the configuration: they spare the provider, not the client.
    """
    waits: list[float] = []
    for position in decision.refused:
        if not spares_provider(lines[position].allowance):
            return None
        wait_s = decision.standings[position].wait_s
        waits.append(LOOK_AGAIN_S if wait_s is None else wait_s)
    return min(max(min(waits), 0.02), LOOK_AGAIN_S) if waits else None


def _used(charge: Charge, exchange: Exchange) -> int:
    if exchange.replayed is not None:
        return 1
    return 0 if charge.measure == "concurrency" else taken(charge, exchange)


def _has_strict(lines: Sequence[Line]) -> bool:
    """Whether anything is asked of a quota that must not be exceeded."""
    return any(x.allowance.is_quota and x.allowance.mode == "strict" for x in lines)


def _has_to_be_counted(line: Line, gone: bool) -> bool:
    """Whether nobody passes without whoever counts for all: quotas never, rates for a moment.

    Not what lets everybody pass anyway, or only spares a provider.
    """
    allowance = line.allowance
    if allowance.mode != "strict" or spares_provider(allowance):
        return False
    return allowance.is_quota or not gone


def _unavailable(why: str) -> LimitsUnavailable:
    error = LimitsUnavailable(
        f"what is left of a budget or limit cannot be found out: {why}",
        hint="ask again in a moment",
    )
    error.retry_after = float(math.ceil(RETRY_S))
    return error


def _nothing(exchange: Exchange) -> None:
    """Release nothing."""
