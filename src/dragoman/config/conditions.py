"""What a configuration says of when a step of a route is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dragoman.types.condition import Condition

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def parse_hours(text: str) -> tuple[int, int] | None:
    """Read `08:00-18:30` as minutes of the day; None when it is nothing of the kind."""
    found = _HOURS.fullmatch(text)
    if found is None:
        return None
    begin_h, begin_m, end_h, end_m = map(int, found.groups())
    return begin_h * 60 + begin_m, end_h * 60 + end_m


def find_contradiction(said: Mapping[str, Any]) -> str | None:
    """Say why settings that have been checked can never hold together; None when they can."""
    least, below = said.get("tokens_from"), said.get("tokens_below")
    if isinstance(least, int) and isinstance(below, int) and least >= below:
        return f"no prompt has {least} tokens or more, and fewer than {below}"
    return None


def build_condition(said: Mapping[str, Any]) -> Condition:
    """Build a condition of settings that have been checked."""
    given = dict(said)
    if "hours" in given:
        given["hours"] = parse_hours(given["hours"])
    given["days"] = tuple(DAYS.index(day) for day in given.get("days", ()))
    given["users"] = tuple(given.get("users", ()))
    given["headers"] = {name.lower(): value for name, value in given.get("headers", {}).items()}
    return Condition(**given)
