"""Another configuration comes into force."""

from __future__ import annotations

import asyncio

from dragoman.config import Config, Secrets
from dragoman.engine.call import Surroundings
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.gateway import Gateway
from dragoman.server.reload import Reloader
from tests.library.asking import configure


def test_what_must_hold_for_a_configuration_is_seen_to_before_its_first_request() -> None:
    """Else a new key would be let through without its limits."""
    old, new = configure({}), configure({"mine": {"base_url": "http://127.0.0.1:9/v1"}})
    seen: list[tuple[bool, bool]] = []

    async def reload() -> None:
        around = Surroundings(secrets=Secrets({}))
        snapshot = take_snapshot(old, around, discovered={}, listening="127.0.0.1")
        gateway = Gateway(snapshot)

        async def prepare(config: Config) -> None:
            seen.append((config is new, gateway.snapshot.config is old))

        reloader = Reloader(
            gateway, lambda: (new, {}, {}), "127.0.0.1", directory=None, prepare=prepare
        )
        assert await reloader.reload()
        assert gateway.snapshot.config is new
        await gateway.close()

    asyncio.run(reload())
    assert seen == [(True, True)]
