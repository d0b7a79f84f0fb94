"""On which terms somebody is let through: what is allowed, and what is noted of it.

They are put together once for each who asks, and again when a period of theirs ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.ledger.ceilings import limits_of
from dragoman.ledger.counting import Line
from dragoman.ledger.rulebook import Bound, Rulebook, Subjects
from dragoman.types.allowance import Allowance, Charge
from dragoman.types.calendar import Calendar
from dragoman.types.exchange import Exchange
from dragoman.types.gateway_key import FILE
from dragoman.types.provider import Limits, Provider

if TYPE_CHECKING:
    from dragoman.server.admission.access import Principal

REMEMBERED = 10_000


class Term(Struct, frozen=True, gc=False):
    """An allowance that concerns a subject. `since` and `until` are a quota's present period.

    `charge` is what an exchange notes that counts against it.
    """

    allowance: Allowance
    subject: str
    is_quota: bool
    charge: Charge
    since: int = 0
    until: int | None = None

    def line(self, amount: int) -> Line:
        """Ask for so much of it."""
        return Line(self.allowance, self.subject, amount, False, self.since, self.until)


class Terms(Struct, frozen=True):
    """All that holds for somebody between `since` and `until`, Unix time."""

    each: tuple[Term, ...]
    since: float
    until: float


class TermBook:
    """The terms of all who ask. It is replaced whole, with its rulebook."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._calendar = Calendar()
        self._of: dict[tuple[str | None, ...], Terms] = {}
        self._for: dict[tuple[str, Subjects], Terms] = {}
        self._limits: dict[tuple[str, str, Limits], tuple[Term, ...]] = {}

    def of(self, principal: Principal, now: float) -> tuple[Term, ...]:
        """Find what holds for who asks."""
        whose = principal.organisation_id, principal.project_id, principal.account_id
        key = (*whose, principal.key_id, principal.key)
        found = self._of.get(key)
        if found is None or not found.since <= now < found.until:
            _make_room(self._of)
            found = self._find(principal.organisation_id, subjects_of(principal), now)
            self._of[key] = found
        return found.each

    def find(self, organisation_id: str, subjects: Subjects, now: float) -> tuple[Term, ...]:
        """Find what holds for these subjects of an organisation."""
        key = organisation_id, subjects
        found = self._for.get(key)
        if found is None or not found.since <= now < found.until:
            _make_room(self._for)
            found = self._for[key] = self._find(organisation_id, subjects, now)
        return found.each

    def limits(self, provider: Provider) -> tuple[Term, ...]:
        """Find what a provider may be asked by all workers; alone, its gate sees to that."""
        key = provider.name, provider.base_url, provider.limits
        found = self._limits.get(key)
        if found is None:
            _make_room(self._limits)
            bounds = [(limit, provider.name) for limit in limits_of(provider)]
            found = self._limits[key] = tuple(self._terms(bounds, 0))
        return found

    def _find(self, organisation_id: str, subjects: Subjects, now: float) -> Terms:
        each = tuple(self._terms(self._rulebook.find(organisation_id, subjects), now))
        quotas = [term for term in each if term.is_quota]
        since = max([term.since for term in quotas], default=-math.inf)
        ends = [term.until for term in quotas if term.until is not None]
        return Terms(each, since, min(ends, default=math.inf))

    def _terms(self, bounds: Iterable[Bound], now: float) -> Iterable[Term]:
        for allowance, subject in bounds:
            is_quota = allowance.is_quota
            since, until = self._calendar.span(allowance.period, now) if is_quota else (0, None)
            charge = charge_of(allowance, subject, since)
            yield Term(allowance, subject, is_quota, charge, since, until)


def subjects_of(principal: Principal | Exchange) -> Subjects:
    """Say for whom a request counts."""
    key = principal.key_id or (f"{FILE}{principal.key}" if principal.key else None)
    subjects: Subjects = (
        ("organisation", principal.organisation_id),
        ("project", principal.project_id or ""),
        ("member", principal.account_id or ""),
        ("key", key or ""),
    )
    return tuple(each for each in subjects if each[1])


def charge_of(allowance: Allowance, subject: str, since: int) -> Charge:
    """Say that something counts against an allowance, in the period that began at `since`."""
    return Charge(
        allowance_id=allowance.id,
        kind=allowance.kind,
        subject=subject,
        measure=allowance.measure,
        since=since,
        assumed=allowance.assumed,
    )


def _make_room(known: dict[Any, Any]) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
