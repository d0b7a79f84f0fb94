"""Exchanges for tests of the ledger."""

from __future__ import annotations

from typing import Any

from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage


def exchange(number: int, **fields: Any) -> Exchange:
    """Make an exchange that ended well, with one attempt, ten tokens and a cost of `number`."""
    attempt = Attempt(
        id=f"req_{number:05}-1",
        number=1,
        kind="first",
        provider="a",
        model="m",
        started_at=1.0,
        duration_s=0.1,
        outcome="ok",
        usage=Usage(prompt_tokens=7, completion_tokens=3),
        cost_nanousd=number,
        cost_source="config",
    )
    given = {
        "asked": "m",
        "started_at": 1.0,
        "duration_s": 0.2,
        "outcome": "ok",
        "attempts": [attempt],
    }
    return Exchange(id=f"req_{number:05}", **{**given, **fields})


def begun(number: int) -> Exchange:
    """Make an exchange whose first attempt is about to begin."""
    attempt = Attempt(
        id=f"req_{number:05}-1", number=1, kind="first", provider="a", model="m", started_at=1.0
    )
    return Exchange(id=f"req_{number:05}", asked="m", started_at=1.0, attempts=[attempt])
