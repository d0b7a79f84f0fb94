"""The table of harnesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from tests.chaos.aborts import aborts
from tests.chaos.bombs import bombs
from tests.chaos.broken_configs import broken_configs
from tests.chaos.canaries import canaries
from tests.chaos.chunkings import chunkings
from tests.chaos.exact_money import exact_money
from tests.chaos.growth import growth
from tests.chaos.handovers import handovers
from tests.chaos.key_rotations import key_rotations
from tests.chaos.killed_claims import killed_claims
from tests.chaos.killed_database import killed_database
from tests.chaos.killed_workers import killed_workers
from tests.chaos.late_budgets import late_budgets
from tests.chaos.limits import budget_race, limit_race, redis_away
from tests.chaos.migrations import migrations
from tests.chaos.offsets import offsets
from tests.chaos.restarts import restarts
from tests.chaos.slow_clients import slow_clients
from tests.chaos.ssrf import ssrf
from tests.chaos.webhook_deaths import webhook_deaths


class Harness(Protocol):
    __doc__: str | None

    def __call__(self, *, full: bool) -> Mapping[str, float]: ...


HARNESSES: Mapping[str, Callable[..., Mapping[str, float]]] = {
    run.__name__: run
    for run in (
        chunkings, offsets, aborts, restarts, handovers, growth, bombs, broken_configs,
        killed_workers, killed_claims, killed_database,
        slow_clients, migrations, budget_race, limit_race, redis_away,
        late_budgets, webhook_deaths,
        key_rotations, canaries, ssrf, exact_money,
    )
}  # fmt: skip
