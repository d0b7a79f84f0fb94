"""The table of harnesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from tests.chaos.aborts import aborts
from tests.chaos.bombs import bombs
from tests.chaos.broken_configs import broken_configs
from tests.chaos.chunkings import chunkings
from tests.chaos.growth import growth
from tests.chaos.handovers import handovers
from tests.chaos.migrations import migrations
from tests.chaos.offsets import offsets
from tests.chaos.restarts import restarts
from tests.chaos.slow_clients import slow_clients


class Harness(Protocol):
    __doc__: str | None

    def __call__(self, *, full: bool) -> Mapping[str, float]: ...


HARNESSES: Mapping[str, Callable[..., Mapping[str, float]]] = {
    run.__name__: run
    for run in (
        chunkings, offsets, aborts, restarts, handovers, growth, bombs, broken_configs,
        slow_clients, migrations,
    )
}  # fmt: skip
