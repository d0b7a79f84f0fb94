"""Lay one table over another: settings of the higher one win, tables are merged, lists replaced.

Keys are one matter: a layer that says anything about a provider's key replaces all that lower
layers said about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman.config.walk import Table, Value

CREDENTIALS = frozenset({"api_key", "api_keys", "api_key_env", "api_key_optional"})


def merge_tables(tables: Iterable[Table]) -> Table:
    """Merge tables, the lowest first."""
    merged: Table = {}
    for table in tables:
        if CREDENTIALS & table.keys():
            merged = without(merged, CREDENTIALS)
        merged = _merge(merged, table)
    return merged


def without(table: Table, names: frozenset[str]) -> Table:
    """Copy a table without some settings."""
    return {name: value for name, value in table.items() if name not in names}


def _merge(low: Any, high: Any) -> Any:
    if isinstance(low, Value) and isinstance(high, Value):
        return Value(_merge(low.value, high.value), high.place)
    if isinstance(low, dict) and isinstance(high, dict):
        merged = dict(low)
        for name, value in high.items():
            merged[name] = _merge(low[name], value) if name in low else value
        return merged
    return high
