"""What a request wants of the allowances that hold for it, and which deployments want what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.ledger.counting import Line, Term
from dragoman.ledger.rulebook import Rulebook, Subjects
from dragoman.server.limits.bounds import Bounds
from dragoman.server.limits.terms import TermBook
from dragoman.server.limits.unpriced import affordable, unknown_price
from dragoman.types.allowance import Bucket, Charge
from dragoman.types.provider import NO_LIMITS
from dragoman.types.route import Deployment

if TYPE_CHECKING:
    from dragoman.engine.call import Call
    from dragoman.server.admission.access import Principal


class Plan(Struct, gc=False):
    """What a request wants: its lines, and the charges of those that are quotas.

    `of_deployment` are the positions of the lines that each deployment wants, where there are
    several.
    """

    lines: list[Line]
    charges: tuple[Charge, ...]
    of_deployment: list[list[int]] | None = None

    def choose(self, call: Call, refused: Sequence[int]) -> bool:
        """Keep the deployments that still may be asked; False when none may."""
        if self.of_deployment is None:
            return True
        full = set(refused)
        kept = tuple(
            deployment
            for deployment, mine in zip(call.deployments, self.of_deployment, strict=True)
            if full.isdisjoint(mine)
        )
        if not kept:
            return False
        call.deployments = kept
        return True


class Planner:
    """Makes plans under one rulebook. `shared`: others count as well, also towards providers."""

    def __init__(self, rulebook: Rulebook, *, shared: bool) -> None:
        self._terms = TermBook(rulebook)
        self._minds_deployments = rulebook.minds_deployments
        self._shared = shared

    def plan(self, call: Call, principal: Principal, now: float) -> Plan:
        """Say what a request wants at the most. What may not be paid for is left out of `call`.

        Raises: Forbidden when that is all.
        """
        terms = self._terms.of(principal, now)
        if call.exchange.replayed is not None:
            # Nobody is asked, so nothing is used up; but it is a request like any other.
            asked = [t for t in terms.each if t.allowance.measure == "requests" and not t.is_quota]
            return Plan([Line(term, 1) for term in asked], ())
        bounds: Bounds | None = None
        if self._minds_deployments:
            bounds = Bounds(call)
            call.deployments = self._priced(call, bounds, principal, now)
        deployments = call.deployments
        lines: list[Line] = []
        for term in terms.each:
            amount = 1
            if term.is_weighed:
                bounds = bounds or Bounds(call)
                if term.asks_price:
                    deployments = affordable(deployments, bounds)
                amount = _most(term, bounds, deployments)
            lines.append(Line(term, amount))
        if deployments is not call.deployments:
            call.deployments = deployments
        plan = Plan(lines, terms.charges)
        if self._minds_deployments or (self._shared and _has_limits(deployments)):
            bounds = bounds or Bounds(call)
            self._add_deployments(plan, call, bounds, principal.organisation_id, now)
        return plan

    def plan_to_settle(self, call: Call, principal: Principal, now: float) -> Plan:
        """Say of what a request takes that is told what was used before: it holds nothing yet."""
        terms = [*self._terms.of(principal, now).each]
        if self._minds_deployments:
            for deployment in call.deployments:
                terms += self._of_deployment(principal.organisation_id, deployment, now)
        weighed = {term.bucket: term for term in terms if term.is_weighed}
        lines = [Line(term, 0) for term in weighed.values()]
        return Plan(lines, charges_of(lines))

    def _priced(
        self, call: Call, bounds: Bounds, principal: Principal, now: float
    ) -> tuple[Deployment, ...]:
        """Leave out what a budget of its provider or model keeps out. Raises: Forbidden."""
        kept = tuple(
            deployment
            for deployment in call.deployments
            if not any(
                term.asks_price and bounds.cost(deployment) is None
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
        self, plan: Plan, call: Call, bounds: Bounds, organisation_id: str, now: float
    ) -> None:
        """Add what is wanted of the allowances of providers and models."""
        lines = plan.lines
        wanted: dict[Bucket, tuple[int, list[Deployment]]] = {}
        of_deployment: list[list[int]] = []
        for deployment in call.deployments:
            provider = deployment.provider
            mine: list[int] = []
            here = self._of_deployment(organisation_id, deployment, now)
            if self._shared and provider.limits != NO_LIMITS:
                here = (*here, *self._terms.limits(provider))
            for term in here:
                known = wanted.get(term.bucket)
                if known is None:
                    known = wanted[term.bucket] = len(lines), []
                    lines.append(Line(term, 0, optional=len(call.deployments) > 1))
                known[1].append(deployment)
                mine.append(known[0])
            of_deployment.append(mine)
        for at, those in wanted.values():
            lines[at].amount = _most(lines[at].term, bounds, those)
        plan.charges = charges_of(lines)
        plan.of_deployment = of_deployment if len(call.deployments) > 1 else None


def _most(term: Term, bounds: Bounds, deployments: Sequence[Deployment]) -> int:
    """Say what a request that may go to these deployments takes at the most."""
    measure = term.allowance.measure
    if measure == "spend":
        return bounds.spend(deployments, term.charge.assumed)
    if measure == "tokens":
        if term.is_quota:
            return bounds.tokens(deployments, kept=True)
        # A minute may have fewer tokens: else it would never pass, so it takes all of them. And
        # what may have been kept would leave nothing for others.
        return min(bounds.tokens(deployments, kept=False), term.most)
    return 1


def charges_of(lines: Iterable[Line]) -> tuple[Charge, ...]:
    """Say what an exchange counts against."""
    return tuple([line.term.charge for line in lines if line.term.is_quota])


def _has_limits(deployments: Iterable[Deployment]) -> bool:
    return any(deployment.provider.limits != NO_LIMITS for deployment in deployments)
