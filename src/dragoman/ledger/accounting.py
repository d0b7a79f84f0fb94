"""What was used of quotas, added up with the exchanges that used it.

Law: whoever inserts exchanges adds them up here in the same transaction, once; so what is read back
after a restart is what was used, whatever died when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dragoman.ledger.charging import taken
from dragoman.store.database import Connection
from dragoman.types.exchange import Exchange

KEYS = ("allowance_id", "subject", "since")
SUMS = ("amount",)


def follow(connection: Connection, exchanges: Sequence[Exchange]) -> None:
    """Add what exchanges used that were just inserted, in the transaction that inserts them.

    Raises: StoreError.
    """
    if rows := add_up(exchanges):
        connection.accumulate("consumption", KEYS, SUMS, rows)


def add_up(exchanges: Iterable[Exchange]) -> list[tuple[str, str, int, int]]:
    """Add up what was used: rows of `consumption`, sorted by their keys."""
    found: dict[tuple[str, str, int], int] = {}
    for exchange in exchanges:
        for charge in exchange.charges:
            if amount := taken(charge, exchange):
                key = (charge.allowance_id, charge.subject, charge.since)
                found[key] = found.get(key, 0) + amount
    return [(*key, found[key]) for key in sorted(found)]
