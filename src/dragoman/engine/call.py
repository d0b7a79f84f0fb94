"""What one exchange carries through the engine: the request, the policy, the record."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from dragoman.config.secrets import Secrets
from dragoman.engine.dialogue import Dialogue
from dragoman.engine.learning import Learning
from dragoman.engine.target import Targets
from dragoman.routing.health import Health
from dragoman.routing.limits import Gate
from dragoman.routing.retry import RetryPolicy
from dragoman.types.credential import Secret
from dragoman.types.exchange import Exchange
from dragoman.types.provider import OnOverflow, Provider
from dragoman.types.route import Deployment, Route

_POOL_BYTES = 4096
_pool: list[str] = []
"""Random bits that wait to be used: asking the system for ten bytes costs as much as for many."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)


def new_id(prefix: str) -> str:
    """Make an identifier that sorts by time: prefix, 48 bits of milliseconds, 80 random bits."""
    try:
        random_bits = _pool.pop()
    except IndexError:
        fresh = os.urandom(_POOL_BYTES).hex()
        _pool.extend(fresh[at : at + 20] for at in range(0, len(fresh) - 19, 20))
        random_bits = _pool.pop()
    return f"{prefix}_{int(time.time() * 1000):012x}{random_bits}"


@dataclass(slots=True)
class Surroundings:
    """What exchanges share, and what they must not take from the air: clocks, chance, memory.

    `clock` is monotonic, `wall` Unix time, both in seconds.
    """

    secrets: Secrets
    health: Health = field(default_factory=Health)
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = random.random
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    gates: dict[str, Gate] = field(default_factory=dict)
    learning: Learning = field(default_factory=Learning)
    targets: Targets = field(init=False)

    def __post_init__(self) -> None:
        self.targets = Targets(self.secrets)

    def gate(self, provider: Provider) -> Gate:
        """The gate of a provider, made when first asked for."""
        gate = self.gates.get(provider.name)
        if gate is None or gate.limits != provider.limits:
            gate = self.gates[provider.name] = Gate(provider.limits)
        return gate


class CallOptions(Struct, frozen=True, kw_only=True):
    """What a caller may set for one call, over what routes and providers say. Seconds.

    `headers` are sent to deployments that speak the format `language`, and to no others.
    """

    api_key: Secret | None = None
    first_token: float | None = None
    idle: float | None = None
    total: float | None = None
    retries: int | None = None
    hedge_after: float | None = None
    on_overflow: OnOverflow | None = None
    headers: Mapping[str, str] = {}
    language: str | None = None


@dataclass(slots=True)
class Call:
    """One exchange on its way. `deadline` is in the surroundings' clock.

    `assembling`: the answer is read as a stream and put together here, not handed on as it comes.
    """

    dialogue: Dialogue
    route: Route
    deployments: tuple[Deployment, ...]
    exchange: Exchange
    options: CallOptions
    around: Surroundings
    started: float
    deadline: float
    total_s: float
    on_overflow: OnOverflow = "error"
    assembling: bool = False
