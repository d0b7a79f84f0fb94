"""The words between those who know the limits and those who count: lines, standings, decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from dragoman.types.allowance import Allowance

CONCURRENCY_LEASE_S = 30.0
"""A worker that was killed holds its places for so long; one that lives renews them."""
QUOTA_LEASE_S = 3600.0
"""What a killed worker had reserved of a quota is settled when its journal is read. For a journal
that nobody ever reads, this is the end."""


class Line(Struct, gc=False):
    """What a request wants of one allowance. Times are Unix time.

    `amount` is the most that it may take; who takes nothing is never refused. `optional`: without
    it the request takes another way. `since` and `until` are a quota's period. `slot` is where a
    sliding period counted it.
    """

    allowance: Allowance
    subject: str
    amount: int
    optional: bool = False
    since: int = 0
    until: int | None = None
    slot: int = 0

    @property
    def key(self) -> str:
        """What is counted together."""
        return f"{self.allowance.id}:{self.subject}:{self.since}"


class Standing(Struct, gc=False):
    """How a line stands before anything was taken.

    `used` counts what is reserved, of which `held` may come back. `wait_s` is how long until
    `amount` fits: 0 now, None never or nobody knows. `reset_s` is how long until all is left again.
    """

    used: int
    held: int = 0
    wait_s: float | None = 0.0
    reset_s: float | None = None


class Decision(Struct, gc=False):
    """What became of a request: `refused` are the positions of lines that had no room.

    Unless every one of them is optional, nothing was taken; else all the others were.
    """

    standings: Sequence[Standing]
    refused: Sequence[int]
    passed: bool


class Warming(Exception):
    """Whoever counts has lost its memory a moment ago, and knows too little to decide."""


class Counters(Protocol):
    """Counts for all workers, or for this one.

    Whoever has reserved something settles it once: `settle` takes the same lines, and what was used
    of each.
    """

    shared: bool

    @property
    def gone(self) -> bool:
        """Whether it is known not to answer, and not only for a moment."""
        ...

    async def reserve(self, hold: str, lines: Sequence[Line], now: float) -> Decision:
        """Take all of it, or nothing; nothing, too, when it raises or is cancelled.

        Raises: Warming, StoreError.
        """
        ...

    def settle(self, hold: str, lines: Sequence[Line], used: Sequence[int], now: float) -> None:
        """Say what was used instead of what was reserved. Never raises."""
        ...
