"""What one exchange carries through the engine: the request, the policy, the record."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from dragoman.config.secrets import Secrets
from dragoman.engine.dialogue import Dialogue
from dragoman.engine.learning import Learning
from dragoman.engine.target import Targets
from dragoman.routing.health import Health
from dragoman.routing.limits import Gate
from dragoman.routing.retry import RetryPolicy
from dragoman.types.credential import Secret
from dragoman.types.exchange import Exchange, Outcome
from dragoman.types.http import HOPS, HttpRequest
from dragoman.types.provider import OnOverflow, Provider
from dragoman.types.route import Deployment, Route


@dataclass(slots=True)
class Surroundings:
    """What exchanges share, and what they must not take from the air: clocks, chance, memory.

    `clock` is monotonic, `wall` Unix time, both in seconds. An organisation's have those of the
    `operator` behind them, whose providers are the same for all. `sent` are headers that every
    request to a provider has, whatever its settings and its adapter say.
    """

    secrets: Secrets
    health: Health = field(default_factory=Health)
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = random.random
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    gates: dict[str, Gate] = field(default_factory=dict)
    learning: Learning = field(default_factory=Learning)
    operator: Surroundings | None = None
    sent: Mapping[str, str] = field(default_factory=dict)
    targets: Targets = field(init=False)

    def __post_init__(self) -> None:
        shared = None if self.operator is None else self.operator.targets
        self.targets = Targets(self.secrets, shared)

    def gate(self, provider: Provider) -> Gate:
        """The gate of a provider, made when first asked for."""
        if self.operator is not None and provider.organisation_id is None:
            return self.operator.gate(provider)
        gate = self.gates.get(provider.name)
        if gate is None or gate.limits != provider.limits:
            gate = self.gates[provider.name] = Gate(provider.limits)
        return gate


class CallOptions(Struct, frozen=True, kw_only=True):
    """What a caller may set for one call, over what routes and providers say. Seconds.

    `headers` are sent to deployments that speak the format `language`, and to no others. `hops` is
    how many gateways the request came through before this one.
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
    hops: int = 0


@dataclass(slots=True)
class Call:
    """One exchange on its way. `deadline` is in the surroundings' clock.

    `assembling`: the answer is read as a stream and put together here, not handed on as it comes.
    `over`: the exchange's record is final, though the last bytes of its answer may still be going
    out. `attempting` is told of each attempt that is about to begin. `releases` are told when the
    exchange was written down, which is once: see `Endpoint.conclude`.
    `told` are headers that go out with the answer, whatever it is.
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
    over: bool = False
    concluded: bool = False
    attempting: Callable[[Exchange], None] | None = None
    releases: list[Callable[[Exchange], None]] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def hedge_after(self) -> float | None:
        """After how many seconds the next deployment is asked besides; None for never."""
        given = self.options.hedge_after
        return self.route.hedge_after if given is None else given

    def marked(self, request: HttpRequest) -> HttpRequest:
        """Say on a request what is ours to say, over whatever anybody else says there."""
        ours, hops = self.around.sent, self.options.hops
        if hops:
            ours = {**ours, HOPS: str(hops + 1)}
        return replace(request, headers={**request.headers, **ours}) if ours else request

    def finish(self, outcome: Outcome) -> None:
        """Make the record final, unless it is: whoever leaves after that changes nothing."""
        if self.over:
            return
        self.over = True
        exchange = self.exchange
        exchange.outcome = outcome
        exchange.duration_s = self.around.clock() - self.started
        final = exchange.final
        if final is not None and final.first_token_s is not None:
            exchange.first_token_s = final.started_at - exchange.started_at + final.first_token_s
