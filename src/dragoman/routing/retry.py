"""How long to wait before the same deployment is asked again, and whether it is worth it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from dragoman.errors import DragomanError

Random = Callable[[], float]
"""Uniform in [0, 1)."""


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Seconds and counts.

    `per_exchange` bounds all retries of one exchange, whatever its deployments allow.
    A Retry-After above `patience` is waited for only when no other deployment is left, one above
    `longest` not at all.
    """

    base: float = 0.5
    cap: float = 8.0
    per_exchange: int = 2
    patience: float = 2.0
    longest: float = 60.0


def backoff(policy: RetryPolicy, number: int, error: DragomanError, random: Random) -> float:
    """The pause before retry `number` (from 1): Retry-After, else full jitter.

    Full jitter draws from the whole interval, so that clients that failed together do not come
    back together. Precedent: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if error.retry_after is not None:
        return error.retry_after
    return random() * min(policy.cap, policy.base * 2.0 ** (number - 1))
