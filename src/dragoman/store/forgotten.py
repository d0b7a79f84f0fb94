"""How far back retention has deleted exchanges: of those before, the hourly sums are left."""

from __future__ import annotations

from dragoman.store.database import Connection
from dragoman.store.settings import read_setting

FORGOTTEN = "ledger.forgotten"
"""The setting that holds before which time exchanges have been deleted, in Unix seconds."""


def forgotten_before(connection: Connection) -> float | None:
    """Say before which time exchanges have been deleted; None: never any. Raises: StoreError.

    It is the beginning of an hour. What the command line asked before is still there.
    """
    return read_setting(connection, FORGOTTEN, float)
