"""Exchanges that were let through before anybody knew of a quota, and end when it is in force.

So are those that settle what was made before, where it could not be done at once.

Law: what was written before the quota was set is in the sum that it begins with (`store.spent`).
What is written later and was not charged with it is charged here, in the transaction that writes
it; so everything counts once, whatever is under way when a quota is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dragoman.ledger.accounting import KEYS, Charged, add_up
from dragoman.ledger.charging import charge_of, is_counted, taken
from dragoman.ledger.rulebook import Bound, Rulebook
from dragoman.server.limits.terms import subjects_of
from dragoman.types.allowance import Allowance, Charge
from dragoman.types.calendar import find_span
from dragoman.types.exchange import Exchange

if TYPE_CHECKING:
    from dragoman.store.database import Connection


class LateCharges:
    """Charges exchanges late. `file` gives the quotas of the configuration.

    For the drain's thread.
    """

    def __init__(self, file: Callable[[], Sequence[Allowance]]) -> None:
        self._file = file
        self._revision = -1
        self._rows: Sequence[Allowance] = ()
        self._of_file: Sequence[Allowance] = ()
        self._rulebook = Rulebook(())

    def follow(self, connection: Connection, exchanges: Sequence[Exchange]) -> list[Charged]:
        """Charge exchanges with what they lack, in the transaction that inserts them.

        Raises: StoreError.
        """
        rulebook = self._now(connection)
        if not rulebook.allowances:
            return []
        found = [
            (exchange, charge)
            for exchange, charges in _each_lacking(rulebook, exchanges)
            for charge in charges
            if taken(charge, exchange)
        ]
        if found:
            rows = [(*bucket, amount, amount) for bucket, amount in add_up(found)]
            connection.accumulate("consumption", KEYS, ("amount", "earlier"), rows)
        return found

    def _now(self, connection: Connection) -> Rulebook:
        """Know the quotas that are there as this transaction sees it."""
        from dragoman.organisations.allowances import all_allowances

        (row,) = connection.rows("SELECT number FROM revision WHERE id = 1")
        revision, of_file = row["number"], self._file()
        if revision != self._revision:
            self._rows = [one for one in all_allowances(connection) if one.is_quota]
        if revision != self._revision or of_file is not self._of_file:
            self._rulebook = Rulebook((*self._rows, *of_file))
        self._revision, self._of_file = revision, of_file
        return self._rulebook


def _each_lacking(
    rulebook: Rulebook, exchanges: Iterable[Exchange]
) -> Iterator[tuple[Exchange, Sequence[Charge]]]:
    """Yield the exchanges that lack charges; of those who are alike only the first is looked at."""
    complete: set[tuple[object, ...]] = set()
    for exchange in exchanges:
        whose = exchange.organisation_id, exchange.project_id, exchange.account_id
        alike = (whose, exchange.key_id, exchange.key, exchange.endpoint, exchange.charges)
        if alike in complete or not is_counted(exchange):
            continue
        if lacking := _lacking(rulebook, exchange):
            yield exchange, lacking
        elif not rulebook.minds_deployments:
            complete.add(alike)


def _lacking(rulebook: Rulebook, exchange: Exchange) -> Sequence[Charge]:
    charged = {charge.allowance_id for charge in exchange.charges}
    # A model may have been tried twice.
    found = {
        (allowance.id, subject): allowance
        for allowance, subject in _bounds(rulebook, exchange)
        if allowance.id not in charged
    }
    return [_charge(one, subject, exchange) for (_, subject), one in found.items()]


def _bounds(rulebook: Rulebook, exchange: Exchange) -> Iterator[Bound]:
    of = exchange.organisation_id
    yield from rulebook.find(of, subjects_of(exchange))
    if rulebook.minds_deployments:
        for provider, model in {(one.provider, one.model) for one in exchange.attempts}:
            yield from rulebook.find(of, (("provider", provider), ("model", f"{provider}/{model}")))


def _charge(allowance: Allowance, subject: str, exchange: Exchange) -> Charge:
    return charge_of(allowance, subject, find_span(allowance.period, exchange.started_at)[0])
