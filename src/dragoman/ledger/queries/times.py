"""Reads times and periods, as people and programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from dragoman.errors import InvalidRequest
from dragoman.ledger.queries.sums import Period, whole_hours
from dragoman.types.calendar import DAY_S, read_length

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")
LONGEST_S = 3 * 366 * DAY_S


def read_zone(name: str | None) -> tzinfo:
    """Find a time zone, `Europe/Berlin`; None is UTC. Raises: InvalidRequest."""
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidRequest(
            f"there is no time zone {name[:100]!r}",
            param="timezone",
            hint="write one as Europe/Berlin, or leave it out for UTC",
        ) from None


def read_time(text: str, now: float, zone: tzinfo, param: str) -> float:
    """Read a time: Unix seconds, `7d` ago, or a date. Raises: InvalidRequest."""
    if (length := read_length(text)) is not None:
        return now - length
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        then = datetime.fromisoformat(text)
        return (then if then.tzinfo is not None else then.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{text[:100]!r} is no time",
            param=param,
            hint="write 24h, 7d, 2026-11-01, 2026-11-01T12:00:00Z or Unix seconds",
        ) from None


def read_ends(
    since: str | None, until: str | None, now: float, zone: tzinfo
) -> tuple[float | None, float | None]:
    """Read both ends of a period that may be open. Raises: InvalidRequest."""
    start = None if since is None else read_time(since, now, zone, "since")
    end = None if until is None else read_time(until, now, zone, "until")
    if start is not None and end is not None and start >= end:
        raise _ends_first()
    return start, end


def read_period(
    since: str | None, until: str | None, now: float, zone: tzinfo, *, default_s: float
) -> Period:
    """Read a period; what is left out is `default_s` ago, and now. Raises: InvalidRequest."""
    end = now if until is None else read_time(until, now, zone, "until")
    start = end - default_s if since is None else read_time(since, now, zone, "since")
    if not 0 <= start < end:
        raise _ends_first()
    if end - start > LONGEST_S:
        raise InvalidRequest(
            f"a period is at most {LONGEST_S // DAY_S} days", param="since", hint="ask for less"
        )
    return whole_hours(start, end)


def _ends_first() -> InvalidRequest:
    return InvalidRequest(
        "the period ends before it begins", param="since", hint="since comes before until"
    )
