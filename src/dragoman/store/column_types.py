"""The few types that columns have, in either database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import REAL, BigInteger, Double, Integer, Text
from sqlalchemy.types import TypeEngine

TEXT = Text(collation="C").with_variant(Text(), "sqlite")
"""Sorted by its bytes: so SQLite does it, and so ids are in the order of time."""
Number = BigInteger().with_variant(Integer(), "sqlite")
Flag = Integer()
Seconds: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")

SQLITE: dict[str, Any] = {"sqlite_strict": True}
"""What SQLite is told of a table: to check the types of what it is given."""
