"""On which terms somebody is let through: what is allowed, and what is noted of it.

They are put together once for each who asks, and again when a period of theirs ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.ledger.ceilings import limits_of
from dragoman.ledger.counting import Term, term_of
from dragoman.ledger.rulebook import Bound, Rulebook, Subjects
from dragoman.types.allowance import Charge
from dragoman.types.calendar import Calendar
from dragoman.types.exchange import Exchange
from dragoman.types.gateway_key import FILE
from dragoman.types.provider import Limits, Provider

if TYPE_CHECKING:
    from dragoman.server.admission.access import Principal

REMEMBERED = 10_000


class Terms(Struct, frozen=True):
    """All that holds for somebody between `since` and `until`, Unix time.

    `charges` are those of its quotas. `principal` is who asked, and stays as long as this does.
    """

    each: tuple[Term, ...]
    charges: tuple[Charge, ...]
    since: float
    until: float
    principal: Principal | None = None


class TermBook:
    """The terms of all who ask. It is replaced whole, with its rulebook."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._calendar = Calendar()
        self._of: dict[int, Terms] = {}
        self._for: dict[tuple[str, Subjects], Terms] = {}
        self._limits: dict[tuple[str, str, Limits], tuple[Term, ...]] = {}

    def of(self, principal: Principal, now: float) -> Terms:
        """Find what holds for who asks; a key's principal is the same as long as the key is."""
        found = self._of.get(id(principal))
        if found is None or not found.since <= now < found.until:
            _make_room(self._of)
            subjects = subjects_of(principal)
            found = self._find(principal.organisation_id, subjects, now, principal)
            self._of[id(principal)] = found
        return found

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
            found = self._limits[key] = tuple(
                term_of(limit, provider.name) for limit in limits_of(provider)
            )
        return found

    def _find(
        self,
        organisation_id: str,
        subjects: Subjects,
        now: float,
        principal: Principal | None = None,
    ) -> Terms:
        each = tuple(self._terms(self._rulebook.find(organisation_id, subjects), now))
        quotas = [term for term in each if term.is_quota]
        since = max([term.since for term in quotas], default=-math.inf)
        ends = [term.until for term in quotas if term.until is not None]
        charges = tuple(term.charge for term in quotas)
        return Terms(each, charges, since, min(ends, default=math.inf), principal)

    def _terms(self, bounds: Iterable[Bound], now: float) -> Iterator[Term]:
        for allowance, subject in bounds:
            if allowance.is_quota:
                yield term_of(allowance, subject, *self._calendar.span(allowance.period, now))
            else:
                yield term_of(allowance, subject)


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


def _make_room(known: dict[Any, Any]) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
