"""How far back retention has deleted exchanges: of those before, the hourly sums are left."""

from __future__ import annotations

import msgspec

from dragoman.store.database import Connection

FORGOTTEN = "ledger.forgotten"
"""The setting that holds before which time exchanges have been deleted, in Unix seconds."""


def forgotten_before(connection: Connection) -> float | None:
    """Say before which time exchanges have been deleted; None: never any. Raises: StoreError.

    It is the beginning of an hour. What the command line asked before is still there.
    """
    rows = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": FORGOTTEN})
    return msgspec.json.decode(rows[0]["value"], type=float) if rows else None
