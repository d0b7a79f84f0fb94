"""What was used of quotas, added up with the exchanges that used it.

Law: whoever inserts exchanges adds them up here in the same transaction, once; so what is read back
after a restart is what was used, whatever died when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from dragoman.ledger.charging import taken
from dragoman.store.database import Connection
from dragoman.types.allowance import Bucket, Charge
from dragoman.types.exchange import Exchange

Charged: TypeAlias = tuple[Exchange, Charge]

KEYS = ("allowance_id", "subject", "since")
SUMS = ("amount",)


def follow(connection: Connection, exchanges: Sequence[Exchange]) -> None:
    """Add what exchanges used that were just inserted, in the transaction that inserts them.

    Raises: StoreError.
    """
    if rows := [(*bucket, amount) for bucket, amount in add_up(charged(exchanges))]:
        connection.accumulate("consumption", KEYS, SUMS, rows)


def charged(exchanges: Iterable[Exchange]) -> Iterator[Charged]:
    """Go through all that exchanges were charged with when they were let through."""
    return ((exchange, charge) for exchange in exchanges for charge in exchange.charges)


def buckets_of(exchanges: Iterable[Exchange]) -> set[Bucket]:
    """Say what was counted on; of exchanges that were charged alike only one is looked at."""
    alike = {exchange.charges for exchange in exchanges}
    return {charge.bucket for charges in alike for charge in charges}


def add_up(charges: Iterable[Charged]) -> list[tuple[Bucket, int]]:
    """Add up what was used, sorted by bucket; those of which nothing was are left out."""
    found: dict[Bucket, int] = {}
    for exchange, charge in charges:
        if amount := taken(charge, exchange):
            bucket = charge.bucket
            found[bucket] = found.get(bucket, 0) + amount
    return sorted(found.items())
