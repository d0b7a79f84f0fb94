"""Workers that are killed under load: what a client was told is in the ledger, once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.store.database import Place, open_database
from tests.chaos.conservation import check_conservation
from tests.chaos.load import Load
from tests.server.process import Process, children
from tests.upstream.redis import RedisServer, find_server

CLIENTS = 16
WORKERS = 2
KEY = "k-team"
BUDGET = "key:team:budget"
PAUSE_S = 1.2
"""Between two deaths; workers that die young too often in a row are not replaced."""


def killed_workers(*, full: bool) -> Mapping[str, float]:
    """Kill a worker 50 times under 100 000 requests: no record is lost, and none is twice."""
    kills, requests = (50, 100_000) if full else (3, 1_000)
    with TemporaryDirectory() as folder, with_redis() as redis:
        return asyncio.run(_run(Path(folder), redis, kills, requests))


async def _run(
    home: Path, redis: RedisServer | None, kills: int, requests: int
) -> Mapping[str, float]:
    async with Load() as load:
        gateway = await asyncio.to_thread(start_gateway, home, load.base_url, redis)
        load.start(gateway.port, CLIENTS, KEY)
        try:
            for kill in range(1, kills + 1):  # all along, not only at the beginning
                goal = requests * kill // (kills + 1)
                await asyncio.sleep(PAUSE_S)
                await load.until(
                    lambda goal=goal: (  # type: ignore[misc]
                        len(load.completed) >= goal and len(_workers(gateway)) == WORKERS
                    )
                )
                os.kill(_workers(gateway)[0], signal.SIGKILL)
            await load.until(lambda: len(load.completed) >= requests)
            await load.stop()
        finally:
            load.stopping = True
            code, _, err = await asyncio.to_thread(gateway.stop)
    assert code == 0, err
    # What the last one that was killed had left may still be there.
    again = await asyncio.to_thread(start_gateway, home, load.base_url, redis)
    _, _, err = await asyncio.to_thread(again.stop)
    place = home / ".local/share/dragoman/dragoman.db"
    lost, twice = count_lost(place, load.completed)
    assert (lost, twice) == (0, 0), (lost, twice)
    left = (place.parent / "journal" / place.name).rglob("*.log")
    assert not any(path.stat().st_size for path in left), err
    books = check_conservation(
        place, seen=load.counts["upstream"], budgets=() if redis is None else (BUDGET,)
    )
    return {
        "kills": kills,
        "completed": len(load.completed),
        "lost": lost,
        "twice": twice,
        "broken": load.counts["broken"],
        "records": books.exchanges,
        "interrupted": books.unsure,
    }


def count_lost(place: Place, completed: list[str]) -> tuple[int, int]:
    """Count the completed requests that are not recorded as such, and names that came twice."""
    with closing(open_database(place)) as connection:
        found = connection.rows("SELECT id FROM exchange WHERE outcome = 'ok'")
    recorded = {row["id"] for row in found}
    assert len(recorded) == len(found)
    return len(set(completed) - recorded), len(completed) - len(set(completed))


def start_gateway(home: Path, base_url: str, redis: RedisServer | None) -> Process:
    """Start a gateway with one key, whose budget is counted where there is a Redis."""
    budget = "" if redis is None else "budget = 1000.0\nbudget_period = 'total'\n"
    config = (
        f'[providers.mine]\nbase_url = "{base_url}"\nmodel_defaults = false\n'
        'models = [{ id = "m", max_tokens = 100, cost = { input = 1, output = 7 } }]\n'
        f'[[gateway.keys]]\nname = "team"\nkey = "{KEY}"\n{budget}'
    )
    env = {} if redis is None else {"DRAGOMAN_REDIS_URL": redis.new().url}
    return Process(home, config, "--workers", str(WORKERS), env=env)


def _workers(gateway: Process) -> list[int]:
    """List the workers, the oldest first."""
    return sorted(map(int, children(gateway.process.pid)), key=_age)


def _age(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return 0


@contextlib.contextmanager
def with_redis() -> Iterator[RedisServer | None]:
    """Start a Redis where there is one: several workers keep budgets together there alone."""
    program = find_server()
    if program is None:
        yield None
        return
    with RedisServer(program) as server:
        yield server
