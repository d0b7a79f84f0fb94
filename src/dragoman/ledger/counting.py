"""The words between those who know the limits and those who count: terms, lines, decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from dragoman.ledger.ceilings import spares_provider
from dragoman.ledger.charging import charge_of
from dragoman.types.allowance import Allowance, Bucket, Charge, Measure

CONCURRENCY_LEASE_S = 30.0
"""A worker that was killed holds its places for so long; one that lives renews them."""
QUOTA_LEASE_S = 3600.0
"""What a killed worker had reserved of a quota is settled when its journal is read. For a journal
that nobody ever reads, this is the end."""


class Term(Struct, frozen=True, gc=False):
    """An allowance as it holds for a subject; a quota's `since` and `until` are its present period.

    All that follows from it is worked out once, because every request asks. `charge` is what an
    exchange notes that counts against it, `most` what may be used. `is_weighed`: a request takes
    more than 1 of it.
    `refuses`: it is what a client is refused for, unless there is another way; `told` is the
    measure of which the client is told, then, what is left. `asks_price`: it lets nothing pass
    whose price nobody knows.
    """

    allowance: Allowance
    subject: str
    since: int
    until: int | None
    charge: Charge
    bucket: Bucket
    most: int
    is_quota: bool
    is_strict: bool
    is_weighed: bool
    refuses: bool
    told: Measure | None
    asks_price: bool


def term_of(allowance: Allowance, subject: str, since: int = 0, until: int | None = None) -> Term:
    """Say how an allowance holds for a subject. Times are Unix time, of a quota's period."""
    measure = allowance.measure
    charge = charge_of(allowance, subject, since)
    is_strict = allowance.mode == "strict"
    refuses = is_strict and not spares_provider(allowance)
    return Term(
        allowance,
        subject,
        since,
        until,
        charge=charge,
        bucket=charge.bucket,
        most=allowance.amount,
        is_quota=allowance.is_quota,
        is_strict=is_strict,
        is_weighed=measure in ("tokens", "spend"),
        refuses=refuses,
        told=measure if refuses and measure in ("requests", "tokens") else None,
        asks_price=is_strict and measure == "spend" and allowance.unknown == "block",
    )


class Line(Struct, gc=False):
    """What a request wants on one term, and how that stood before anything was taken.

    `amount` is the most that it may take; who takes nothing is never refused. `optional`: without
    it the request takes another way.

    `used` counts what is reserved. When nothing was taken: `held` is the part of it that may come
    back, `wait_s` how long it is until `amount` fits (None: never, or nobody knows), and `reset_s`,
    of a sliding period, until all is left again. `counter` and `slot` are where it was counted, and
    belong to who counts.
    """

    term: Term
    amount: int
    optional: bool = False
    used: int = 0
    held: int = 0
    wait_s: float | None = None
    reset_s: float = 0.0
    slot: int = 0
    counter: Any = None

    @property
    def key(self) -> str:
        """The same as its term's bucket, in one word."""
        id_, subject, since = self.term.bucket
        return f"{id_}:{subject}:{since}"


class Decision(Struct, frozen=True, gc=False):
    """What became of a request: `refused` are the positions of lines that had no room.

    Unless every one of them is optional, nothing was taken; else all the others were.
    """

    refused: Sequence[int]
    passed: bool


PASSED = Decision((), True)
"""All lines had room."""


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

        How each line stood is written into it.

        Raises: Warming, StoreError.
        """
        ...

    def settle(self, hold: str, lines: Sequence[Line], used: Sequence[int]) -> None:
        """Say what was used instead of what was reserved. Never raises."""
        ...
