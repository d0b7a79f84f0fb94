"""What we ask of a provider at the most: requests and tokens a minute, requests at a time.

Requests and tokens are token buckets that refill evenly, one minute's worth deep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from dragoman.errors import RateLimited
from dragoman.types.exchange import NO_ROOM
from dragoman.types.provider import Limits

MINUTE_S = 60.0


@dataclass(slots=True)
class _Bucket:
    size: float
    level: float
    at: float

    def wait_s(self, amount: float, now: float) -> float:
        """How long until `amount` can be taken; more than the bucket holds counts as all of it."""
        self.level = min(self.size, self.level + (now - self.at) * self.size / MINUTE_S)
        self.at = now
        missing = min(amount, self.size) - self.level
        return missing * MINUTE_S / self.size if missing > 1e-9 else 0.0


@dataclass(slots=True)
class Gate:
    """The limits of one provider, shared by all exchanges of a process, from any thread.

    `enter` and `leave` go in pairs. Whoever found the gate full can `subscribe` to hear when a
    place may have become free.
    """

    limits: Limits
    inside: int = 0
    _requests: _Bucket | None = None
    _tokens: _Bucket | None = None
    _waiting: list[Callable[[], None]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def enter(self, tokens: int, now: float) -> float:
        """Take a place for a request of about `tokens` tokens.

        Returns: 0.0 when it was taken; else, and then nothing was taken, the seconds until it may
        be, infinite when it takes somebody to leave.
        """
        limits = self.limits
        with self._lock:
            if limits.concurrency is not None and self.inside >= limits.concurrency:
                return float("inf")
            if self._requests is None and limits.rpm is not None:
                self._requests = _Bucket(limits.rpm, limits.rpm, now)
            if self._tokens is None and limits.tpm is not None:
                self._tokens = _Bucket(limits.tpm, limits.tpm, now)
            wait = max(
                self._requests.wait_s(1, now) if self._requests else 0.0,
                self._tokens.wait_s(tokens, now) if self._tokens else 0.0,
            )
            if wait > 0.0:
                return wait
            if self._requests:
                self._requests.level -= 1
            if self._tokens:
                self._tokens.level -= tokens
            self.inside += 1
            return 0.0

    def leave(self, excess_tokens: int = 0) -> None:
        """Give the place back, and take what was used beyond the estimate (may be negative)."""
        with self._lock:
            self.inside -= 1
            if self._tokens:
                self._tokens.level -= excess_tokens
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` once, from whatever thread, when somebody leaves."""
        with self._lock:
            self._waiting.append(wake)


def full(provider: str, wait_s: float | None) -> RateLimited:
    """Make the error for a gate that nobody waits at; None is for who knows how long."""
    error = RateLimited(
        f"our own limit for {provider} is reached",
        code=NO_ROOM,
        retry_after=wait_s,
        hint="raise the provider's `limits`, or add a fallback",
    )
    error.retryable = False
    return error
