"""How much of an allowance is used in its present period, and by whom."""

from __future__ import annotations

from msgspec import Struct

from dragoman.store.database import Connection
from dragoman.types.allowance import Allowance
from dragoman.types.calendar import find_span

LISTED = 20


class Burndown(Struct, frozen=True, kw_only=True):
    """What one subject has used and has left. Times are Unix time; money is nano-dollars.

    `forecast` is what will be used at the end of the period, if it goes on like this.
    """

    subject: str
    used: int
    left: int
    since: int
    until: int | None
    forecast: int | None


def burn_down(connection: Connection, allowance: Allowance, now: float) -> list[Burndown]:
    """List who has used most of a quota, as the database has it. Raises: StoreError."""
    if not allowance.is_quota:
        return []
    since, until = find_span(allowance.period, now)
    rows = connection.rows(
        "SELECT subject, amount FROM consumption WHERE allowance_id = :id AND since = :since"
        " ORDER BY amount DESC, subject LIMIT :limit",
        {"id": allowance.id, "since": since, "limit": LISTED},
    )
    used = {row["subject"]: int(row["amount"]) for row in rows}
    if not used and allowance.subject != "*":
        used = {allowance.subject: 0}
    return [
        Burndown(
            subject=subject,
            used=amount,
            left=max(allowance.amount - amount, 0),
            since=since,
            until=until,
            forecast=_forecast(amount, since, until, now),
        )
        for subject, amount in used.items()
    ]


def _forecast(used: int, since: int, until: int | None, now: float) -> int | None:
    if until is None or now - since < (until - since) / 100:
        return None  # a hundredth of the period says nothing of the rest
    return int(used * (until - since) / (now - since))
