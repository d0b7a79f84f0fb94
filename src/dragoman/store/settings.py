"""What a database remembers of itself, as JSON by name: rows of `setting` that nobody edits."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from dragoman.store.database import Connection

T = TypeVar("T")


def read_setting(connection: Connection, name: str, kind: type[T]) -> T | None:
    """Read one; None where it was never written. Raises: StoreError."""
    rows = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": name})
    return msgspec.json.decode(rows[0]["value"], type=kind) if rows else None


def write_setting(connection: Connection, name: str, value: Any, now: float) -> None:
    """Write one, in place of what was there. `now` is Unix time. Raises: StoreError."""
    connection.write(
        "INSERT INTO setting (name, value, created_at, updated_at)"
        " VALUES (:name, :value, :now, :now)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
        " updated_at = excluded.updated_at",
        {"name": name, "value": msgspec.json.encode(value).decode(), "now": now},
    )
