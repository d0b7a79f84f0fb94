"""Which deployment is asked next: the order at the start, and the decision after each failure.

Pure: it sees deployments, errors and times, and decides. The engine acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.routing.health import Health
from dragoman.routing.retry import Random, RetryPolicy, backoff
from dragoman.types.exchange import AttemptKind
from dragoman.types.route import Deployment


class Try(Struct, frozen=True):
    """The next attempt: where, why, and after how many seconds."""

    deployment: Deployment
    kind: AttemptKind
    pause_s: float = 0.0


@dataclass(slots=True)
class Plan:
    """The way of one exchange through its deployments.

    Deployments that cool come last, the soonest ready first: they are tried when nobody else is
    left. `retried` counts the tries again at the present deployment. With a `lot` it is that, and
    not chance, by which those that share the traffic are ordered: the same lot, the same order.
    """

    deployments: Sequence[Deployment]
    health: Health
    random: Random
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    lot: str | None = None
    left: list[Deployment] = field(default_factory=list)
    retried: int = 0
    retries_used: int = 0

    def first(self, now: float) -> Try:
        """Order the deployments, and choose the first. `deployments` must not be empty."""
        if len(self.deployments) == 1:
            return Try(self.deployments[0], "first")
        self.left = self._ready_first(order(self.deployments, self.random, self.lot), now)
        return Try(self.left.pop(0), "first")

    def failed(self, last: Deployment, error: DragomanError, now: float) -> Try | None:
        """Decide what follows a failure: the same again, another one, or None: give up."""
        others = self._others(last, error, now)
        if self._worth_retrying(last, error, bool(others)):
            pause = backoff(self.policy, self.retried + 1, error, self.random)
            if pause <= (self.policy.patience if others else self.policy.longest):
                self.retried += 1
                self.retries_used += 1
                return Try(last, "retry", pause)
        if not others:
            return None
        self.left = others[1:]
        self.retried = 0
        return Try(others[0], "fallback")

    def hedge(self, now: float) -> Deployment | None:
        """Take the next ready deployment out of the plan, to race the present one."""
        for candidate in self.left:
            if not self.health.cooling_until(candidate, now):
                self.left.remove(candidate)
                return candidate
        return None

    def _worth_retrying(self, last: Deployment, error: DragomanError, others: bool) -> bool:
        return (
            error.retryable
            and not (error.next_first and others)
            and self.retried < last.retries
            and self.retries_used < self.policy.per_exchange
        )

    def _others(self, last: Deployment, error: DragomanError, now: float) -> list[Deployment]:
        if error.failover == "never":
            return []
        others = self._ready_first(self.left, now)
        if error.failover == "larger_window":
            others += [d for d in self.deployments if d.when == "overflow" and d not in others]
            return [d for d in others if _larger(d, last)]
        return others

    def _ready_first(self, deployments: list[Deployment], now: float) -> list[Deployment]:
        """Sort by when each may be tried; the order stands among those that may be now."""
        return sorted(deployments, key=lambda d: self.health.cooling_until(d, now))


def _larger(candidate: Deployment, than: Deployment) -> bool:
    """Whether the candidate's window is larger; an unknown one may be."""
    window, before = candidate.info.context_window, than.info.context_window
    return candidate is not than and (window is None or before is None or window > before)


def order(
    deployments: Iterable[Deployment], random: Random, lot: str | None = None
) -> list[Deployment]:
    """Put deployments into the order in which they are tried.

    Those for special occasions (`when`) are left out. Neighbours that carry weights, and the
    several keys of one provider and model, share the traffic: each group is shuffled by weight.
    With a `lot`, chance is worked out of it: a member that goes or comes moves no other.
    """

    def draw(deployment: Deployment) -> float:
        return random() if lot is None else _drawn(lot, deployment)

    ordered: list[Deployment] = []
    group: list[Deployment] = []
    for deployment in deployments:
        if deployment.when != "always":
            continue
        if group and not _shares(group[-1], deployment):
            ordered += _shuffle(group, draw)
            group = []
        group.append(deployment)
    return ordered + _shuffle(group, draw)


def _shares(one: Deployment, other: Deployment) -> bool:
    if one.weight is not None and other.weight is not None:
        return True
    return one.credential is not None and one.ref == other.ref


def _drawn(lot: str, deployment: Deployment) -> float:
    """Work out a number between 0 and 1. Precedent: rendezvous hashing (Thaler and Ravishankar)."""
    said = f"{lot}\0{deployment.ref}\0{deployment.credential}"
    return int.from_bytes(blake2b(said.encode(), digest_size=7).digest()) / 2**56


def _shuffle(group: list[Deployment], draw: Callable[[Deployment], float]) -> list[Deployment]:
    """Shuffle so that the first is each member with the probability of its weight.

    Precedent: Efraimidis and Spirakis, sampling without replacement by the keys u ** (1/w).
    """
    if len(group) < 2:
        return group
    keyed = [
        (draw(d) ** (1 / w) if (w := 1.0 if d.weight is None else d.weight) > 0 else -1.0, d)
        for d in group
    ]
    return [d for _, d in sorted(keyed, key=lambda pair: pair[0], reverse=True)]
