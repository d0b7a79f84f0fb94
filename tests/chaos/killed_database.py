"""A PostgreSQL that crashes under load and comes back: requests go on, all records are there."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.conservation import check_conservation
from tests.chaos.killed_workers import CLIENTS, count_lost
from tests.chaos.load import Load
from tests.server.process import Process
from tests.upstream.postgres import PostgresServer, find_binaries

AWAY_S = 0.5


def killed_database(*, full: bool) -> Mapping[str, float]:
    """Crash PostgreSQL 20 times under 50 000 requests: all are answered, no record is lost."""
    binaries = find_binaries()
    if binaries is None:
        return {}
    crashes, requests = (20, 50_000) if full else (2, 300)
    with TemporaryDirectory() as folder, PostgresServer(binaries) as postgres:
        return asyncio.run(_run(Path(folder), postgres, crashes, requests))


async def _run(
    home: Path, postgres: PostgresServer, crashes: int, requests: int
) -> Mapping[str, float]:
    place = postgres.new()
    async with Load() as load:
        config = (
            f'[providers.mine]\nbase_url = "{load.base_url}"\nmodel_defaults = false\n'
            'models = [{ id = "m", max_tokens = 100, cost = { input = 1, output = 7 } }]\n'
        )
        env = {"DRAGOMAN_DATABASE_URL": place.url}
        gateway = await asyncio.to_thread(lambda: Process(home, config, "--workers", "2", env=env))
        load.start(gateway.port, CLIENTS)
        try:
            for crash in range(1, crashes + 1):
                goal = requests * crash // (crashes + 1)
                await load.until(lambda goal=goal: len(load.completed) >= goal)  # type: ignore[misc]
                await asyncio.to_thread(postgres.stop, signal.SIGQUIT)
                await asyncio.sleep(AWAY_S)
                await asyncio.to_thread(postgres.start)
            await load.until(lambda: len(load.completed) >= requests)
            await load.stop()
        finally:
            load.stopping = True
            code, _, err = await asyncio.to_thread(gateway.stop)
    assert code == 0, err
    assert load.counts["broken"] == 0, load.counts
    lost, twice = count_lost(place, load.completed)
    assert (lost, twice) == (0, 0), (lost, twice, err)
    books = check_conservation(place, seen=load.counts["upstream"])
    refused = sum(n for name, n in load.counts.items() if name.startswith("refused"))
    assert refused == 0, load.counts
    return {
        "crashes": crashes,
        "completed": len(load.completed),
        "refused": refused,
        "records": books.exchanges,
    }
