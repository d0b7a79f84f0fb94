"""Tries, at passwords and at addresses: who guesses has to wait.

A try counts before it is looked at: many at once are counted as many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from dragoman.errors import LimitExceeded
from dragoman.organisations.desk import Desk
from dragoman.store.database import Connection

WINDOW_S = 900.0


def digest_try(*parts: str) -> str:
    """Say under which name tries of a kind are counted."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def count_try(desk: Desk, limits: Mapping[str, int]) -> None:
    """Count a try under each name, of which there may be so many. Raises: LimitExceeded."""
    now = desk.clock()
    waits: list[float] = []
    with desk.read() as connection, connection.transaction():
        connection.write(
            "DELETE FROM sign_in_failure WHERE since <= :start", {"start": now - WINDOW_S}
        )
        for digest, limit in sorted(limits.items()):
            if (left := _count_one(connection, digest, limit, now)) is not None:
                waits.append(left)
    if waits:
        raise LimitExceeded(
            "there were too many tries that failed",
            hint="wait as long as `Retry-After` says, then try again",
            retry_after=max(waits),
        )


def take_back(desk: Desk, digests: Iterable[str], *, anew: Iterable[str] = ()) -> None:
    """Take back a try that was right; under `anew` all there were before are forgotten."""
    with desk.read() as connection, connection.transaction():
        for digest in anew:
            connection.write("DELETE FROM sign_in_failure WHERE digest = :d", {"d": digest})
        for digest in digests:
            connection.write(
                "UPDATE sign_in_failure SET count = count - 1 WHERE digest = :d", {"d": digest}
            )


def _count_one(connection: Connection, digest: str, limit: int, now: float) -> float | None:
    """Count a try; gives the seconds until the next may be, when there were too many."""
    connection.write(
        "INSERT INTO sign_in_failure (digest, count, since) VALUES (:digest, 1, :now)"
        " ON CONFLICT (digest) DO UPDATE SET count = sign_in_failure.count + 1",
        {"digest": digest, "now": now},
    )
    (row,) = connection.rows(
        "SELECT count, since FROM sign_in_failure WHERE digest = :digest", {"digest": digest}
    )
    return row["since"] + WINDOW_S - now if row["count"] > limit else None
