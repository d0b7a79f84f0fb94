"""How far back: `7d`, `24h`, `today`, `2026-11-01`."""

from __future__ import annotations

from datetime import datetime

from dragoman.cli.flags import WrongUsage
from dragoman.types.calendar import read_length


def read_since(text: str, now: float) -> float | None:
    """Read a span or a date of the machine's time zone. Returns: Unix time; None for `all`.

    Raises: WrongUsage.
    """
    word = text.strip().lower()
    if word == "all":
        return None
    if (length := read_length(word)) is not None:
        return now - length
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
