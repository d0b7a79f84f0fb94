"""Deletes what has been kept long enough: a few rows at a time, so that nobody waits to write.

One worker does it: whoever takes the lease, which ends when it is to be done again. All of them
look then, so that nobody waits for a worker that is no more. Sums stay; they are small, and know
nobody's words.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from dragoman.ledger.rebuilding import rebuild_missing
from dragoman.store.database import Connection, Place, StoreError, open_database
from dragoman.store.forgotten import FORGOTTEN, forgotten_before
from dragoman.store.json_column import read_json
from dragoman.store.settings import write_setting
from dragoman.types.calendar import DAY_S, HOUR_S
from dragoman.types.content import LedgerSettings
from dragoman.types.identifier import new_id
from dragoman.types.organisation import OrganisationSettings

log = logging.getLogger("dragoman.server")

EVERY_S = 600.0
"""From one time to the next, and how long a lease is. Whoever takes longer is joined by another,
which does no harm: what one has deleted the other does not find."""
LEASE = "ledger.retention"
FIRST_S = 5.0
"""After so long a worker looks for the first time: those that only start and stop never do."""
AGAIN_S = 60.0
"""After so long a database that was away is tried again."""
BATCH = 100
MOST = 1000
TARGET_S = 0.02
"""A transaction aims at so long. Others wait for theirs no longer than 50 ms, also when it
takes twice as long as those before."""
INVITATIONS_S = 7 * DAY_S
"""How long an invitation is shown after it has expired."""
DELIVERIES_S = 14 * DAY_S
"""How long it is shown what webhooks were told."""


class Retention:
    """A background task that deletes; `settings` gives those in force.

    Example:
        background.start("retention", Retention(place, lambda: config.ledger).run)
    """

    def __init__(
        self,
        place: Place,
        settings: Callable[[], LedgerSettings],
        *,
        clock: Callable[[], float] = time.time,
        first_s: float = FIRST_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._place = place
        self._settings = settings
        self._clock = clock
        self._first_s, self._again_s = first_s, again_s
        self._holder = new_id("wrk")
        self._due = 0.0

    async def run(self) -> None:
        """Go on for ever; while the database is away, wait for it."""
        await asyncio.sleep(self._first_s)
        away = False
        while True:
            try:
                await asyncio.to_thread(self.sweep)
                away = False
            except StoreError as error:
                (log.debug if away else log.warning)("retention must wait: %s", error)
                away, self._due = True, self._clock() + self._again_s
            await asyncio.sleep(self.pause_s)

    @property
    def pause_s(self) -> float:
        """After how many seconds it is to be done again, by whoever comes first."""
        return max(self._due - self._clock(), 0.0)

    def sweep(self) -> Mapping[str, int] | None:
        """Delete what is due. Returns: how many rows, by table; None where another worker does it.

        Raises: StoreError.
        """
        with closing(open_database(self._place)) as connection:
            taken, self._due = take_lease(connection, self._holder, self._clock())
            if not taken:
                return None
            if (made := rebuild_missing(connection)) is not None:
                log.info("sums of %d exchanges of an older version were made", made.exchanges)
            swept = delete_due(connection, self._settings(), self._clock())
        if any(swept.values()):
            told = ", ".join(f"{count:,} of {table}" for table, count in swept.items() if count)
            log.info("retention has deleted %s", told)
        return swept


def take_lease(connection: Connection, holder: str, now: float) -> tuple[bool, float]:
    """Take the lease, or keep it. Returns: whether it is taken, or another's; and when it ends.

    Raises: StoreError.
    """
    connection.write(
        "INSERT INTO setting (name, value, created_at, updated_at)"
        " VALUES (:name, :holder, :now, :until)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
        " updated_at = excluded.updated_at"
        " WHERE setting.updated_at <= :now OR setting.value = excluded.value",
        {"name": LEASE, "holder": f'"{holder}"', "now": now, "until": now + EVERY_S},
    )
    (row,) = connection.rows(
        "SELECT value, updated_at FROM setting WHERE name = :name", {"name": LEASE}
    )
    return row["value"] == f'"{holder}"', row["updated_at"]


def delete_due(connection: Connection, settings: LedgerSettings, now: float) -> Mapping[str, int]:
    """Delete all that has been kept long enough. Returns: how many rows, by table.

    Raises: StoreError; what is deleted by then stays deleted.
    """
    rows = {
        "exchange": _requests(connection, settings, now),
        "content": _content(connection, settings, now),
        "audit": 0,
    }
    if settings.audit_days:
        before = now - settings.audit_days * DAY_S
        rows["audit"] = _delete(connection, "audit", "id", "at < :before", {"before": before})
    for table, key, column, after_s in (
        ("session", "id", "expires_at", 0.0),
        ("invitation", "id", "expires_at", INVITATIONS_S),
        ("idempotency", "value", "until", 0.0),
        ("delivery", "id", "at", DELIVERIES_S),
    ):
        due = {"before": now - after_s}
        rows[table] = _delete(connection, table, key, f"{column} < :before", due)
    return rows


def delete_tagged(connection: Connection, organisation_id: str, tag: str) -> int:
    """Delete an organisation's exchanges that bear a tag, and their share of all sums.

    Raises: StoreError.
    """
    whose = {"organisation_id": organisation_id, "tag": tag}
    where = "organisation_id = :organisation_id AND tag = :tag"
    deleted = _delete(connection, "exchange", "id", where, whose)
    with connection.transaction():
        for table in ("hourly", "latency"):
            connection.write(f"DELETE FROM {table} WHERE {where}", whose)  # noqa: S608
    return deleted


def _requests(connection: Connection, settings: LedgerSettings, now: float) -> int:
    if not settings.requests_days:
        return 0
    # Whole hours: of one whose exchanges are gone in part, sums could not be made anew.
    before = (now - settings.requests_days * DAY_S) // HOUR_S * HOUR_S
    # What the command line asked and was told is its user's own.
    where = "source = 'gateway' AND started_at < :before"
    if not connection.rows(f"SELECT 1 FROM exchange WHERE {where} LIMIT 1", {"before": before}):  # noqa: S608
        return 0
    # Where more days are kept than before, what is deleted already stays deleted.
    forgotten = max(before, forgotten_before(connection) or before)
    write_setting(connection, FORGOTTEN, forgotten, now)
    return _delete(connection, "exchange", "id", where, {"before": before})


def _content(connection: Connection, settings: LedgerSettings, now: float) -> int:
    """Delete what was said, by the setting of whose it is; of organisations that are gone, all."""
    deleted = 0
    known: list[str] = []
    for row in connection.rows("SELECT id, settings FROM organisation"):
        known.append(row["id"])
        own, unread = read_json(row["settings"], OrganisationSettings, OrganisationSettings())
        if unread is not None:
            log.warning("how long %s keeps content cannot be read: %s", row["id"], unread)
        days = [day for day in (settings.content_days, own.content_days) if day]
        if days:
            due = {"organisation": row["id"], "before": now - min(days) * DAY_S}
            where = "organisation_id = :organisation AND at < :before"
            deleted += _delete(connection, "content", "exchange_id", where, due)
    gone = [
        row["organisation_id"]
        for row in connection.rows("SELECT DISTINCT organisation_id FROM content")
        if row["organisation_id"] not in known
    ]
    for organisation in gone:
        whose = {"organisation": organisation}
        where = "organisation_id = :organisation"
        deleted += _delete(connection, "content", "exchange_id", where, whose)
    return deleted


def _delete(
    connection: Connection, table: str, key: str, where: str, values: Mapping[str, Any]
) -> int:
    """Delete rows by their key, so many at once that it takes about `TARGET_S`."""
    deleted, size = 0, BATCH
    while True:
        found = connection.rows(
            f"SELECT {key} AS id FROM {table} WHERE {where} LIMIT :size",  # noqa: S608
            {**values, "size": size},
        )
        if not found:
            return deleted
        took = _delete_keys(connection, table, key, [row["id"] for row in found], where, values)
        deleted += len(found)
        if took > TARGET_S:
            size = max(size // 2, 1)
        elif took < TARGET_S / 4:
            size = min(size * 2, MOST)
        time.sleep(took)  # whoever waits to write must find a moment in which nobody does


def _delete_keys(
    connection: Connection,
    table: str,
    key: str,
    ids: Sequence[str],
    where: str,
    given: Mapping[str, Any],
) -> float:
    """Delete rows, with what was said in exchanges. Returns how long it took, in seconds."""
    values = {f"id{number}": id_ for number, id_ in enumerate(ids)}
    among = f"IN ({', '.join(f':{name}' for name in values)})"
    began = time.monotonic()
    with connection.transaction():
        if table == "exchange":
            connection.write(f"DELETE FROM content WHERE exchange_id {among}", values)  # noqa: S608
        # A key that is no table's whole key may be another row's as well, which is not due.
        connection.write(
            f"DELETE FROM {table} WHERE {key} {among} AND {where}",  # noqa: S608
            {**given, **values},
        )
    return time.monotonic() - began
