"""The tables as they are now, for SQLAlchemy: what all migrations together lead to.

Ids sort by time, and text by its bytes in any database. Times are Unix seconds (UTC) and durations
seconds; money is nano-dollars; NULL is unknown. Columns that hold JSON say so in their table's
module.

A change here needs a migration in `migrations/versions`, and then `make generate`.
"""

from __future__ import annotations

from dragoman.store.tables import accounting, exchanges, organisations
from dragoman.store.tables.metadata import METADATA

__all__ = ["METADATA", "accounting", "exchanges", "organisations"]
