"""How far back: `7d`, `24h`, `today`, `2026-11-01`."""

from __future__ import annotations

import re
from datetime import datetime

from dragoman.cli.flags import WrongUsage

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN = re.compile(r"(\d{1,6})\s*([mhdw])")


def read_since(text: str, now: float) -> float | None:
    """Read a span or a date of the machine's time zone. Returns: Unix time; None for `all`.

    Raises: WrongUsage.
    """
    word = text.strip().lower()
    if word == "all":
        return None
    if span := _SPAN.fullmatch(word):
        return now - int(span[1]) * _UNITS[span[2]]
    if word == "today":
        return datetime.fromtimestamp(now).astimezone().replace(
            hour=0, minute=0, second=0, microsecond=0
        ).timestamp()  # fmt: skip
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise WrongUsage(
            f"{text!r} is no span of time", hint="write 30m, 24h, 7d, 2w, today, 2026-11-01 or all"
        ) from None
