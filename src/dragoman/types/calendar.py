"""Where periods begin and end. A minute slides; the longer ones are the calendar's, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeAlias

from dragoman.types.allowance import Period

HOUR_S = 3600
DAY_S = 86_400
_UNITS_S = {"s": 1, "m": 60, "h": HOUR_S, "d": DAY_S, "w": 7 * DAY_S}
_LENGTH = re.compile(r"([0-9]{1,7})\s*([smhdw])")
LENGTHS_S: dict[Period, int] = {"minute": 60}
"""Periods that slide."""
SLOTS = 60
"""Parts that a sliding period is counted in. An event counts until its whole part is older than the
period: never more than the limit in any such stretch, and room again at most one part late."""
_MONDAY = 4 * DAY_S
"""The first Monday of Unix time; it began on a Thursday."""

Span: TypeAlias = tuple[int, int | None]
"""When a period began and when it ends (None: never), Unix time."""


def read_length(text: str) -> int | None:
    """Read a length of time, in seconds: `30m`, `24h`, `7d`, `2w`; None where it is none."""
    found = _LENGTH.fullmatch(text)
    return int(found[1]) * _UNITS_S[found[2]] if found else None


def find_span(period: Period, now: float) -> Span:
    """Find the hour, day, week or month of a moment; `total` began with time itself."""
    if period == "hour":
        since = int(now) // HOUR_S * HOUR_S
        return since, since + HOUR_S
    today = int(now) // DAY_S * DAY_S
    if period == "day":
        return today, today + DAY_S
    if period == "week":
        since = (today - _MONDAY) // (7 * DAY_S) * 7 * DAY_S + _MONDAY
        return since, since + 7 * DAY_S
    if period == "month":
        at = datetime.fromtimestamp(today, UTC)
        since = today - (at.day - 1) * DAY_S
        following = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1, day=1)
        return since, int(following.timestamp())
    return 0, None


class Calendar:
    """Remembers the present spans, which are asked for with every request."""

    def __init__(self) -> None:
        self._spans: dict[Period, Span] = {}

    def span(self, period: Period, now: float) -> Span:
        """See `find_span`."""
        found = self._spans.get(period)
        if found is None or now < found[0] or (found[1] is not None and now >= found[1]):
            found = self._spans[period] = find_span(period, now)
        return found
