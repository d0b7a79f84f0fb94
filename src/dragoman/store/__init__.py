"""The local database: what was asked, what answered, for how much."""

from __future__ import annotations

from dragoman.store.ledger import Ledger, StoreError, database_path

__all__ = ["Ledger", "StoreError", "database_path"]
