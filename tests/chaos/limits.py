"""Limits and budgets under races over several workers, restarts, and without Redis."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, put_allowance
from dragoman.organisations.desk import Desk
from tests.chaos.flood import flood
from tests.server.process import Process, wait_until
from tests.upstream.fault import FaultUpstream, chat, tokens
from tests.upstream.redis import RedisServer, find_server

ANSWER = chat("Hello", usage=tokens(30, 10))
"""At a millionth of a dollar a token: 40 of them, and no more than is reserved at most."""
BUDGET = 10
HELD = 5
"""So many of them are under way when their workers are killed."""
RATE = 100
KEYS = """
[[gateway.keys]]
name = "poor"
key = "k-poor"
budget = 0.0004
budget_period = "total"
[[gateway.keys]]
name = "slow"
key = "k-slow"
rpm = 100
[[gateway.keys]]
name = "free"
key = "k-free"
"""


class Lacking(Exception):
    """A program that a harness needs is not installed."""


def needs_redis() -> str:
    """Find the program. Raises: Lacking."""
    program = find_server()
    if program is None:
        raise Lacking("there is no Redis on this machine (Debian's package: redis-server)")
    return program


@contextmanager
def started(
    workers: int, answer: object = ANSWER
) -> Iterator[tuple[FaultUpstream, RedisServer, Callable[[], Process], Path]]:
    """Have an upstream, a Redis, and what starts a gateway, whose home is a folder."""
    with (
        FaultUpstream(answer, record=False) as upstream,  # type: ignore[arg-type]
        RedisServer(needs_redis()) as redis,
        TemporaryDirectory() as folder,
    ):
        models = '[{ id = "m", max_tokens = 100, cost = { input = 1, output = 1 } }]'
        text = f'[providers.mine]\nbase_url = "{upstream.base_url}"\nmodels = {models}\n{KEYS}'
        env = {"DRAGOMAN_REDIS_URL": redis.new().url}
        running: list[Process] = []

        def start() -> Process:
            running.append(Process(Path(folder), text, "--workers", str(workers), env=env))
            return running[-1]

        try:
            yield upstream, redis, start, Path(folder)
        finally:
            for process in running:
                process.kill()


def budget_race(*, full: bool) -> Mapping[str, float]:
    """G3: a budget for 10 requests, many at once: exactly 10 calls, also with a restart."""
    many, workers = (500, 4) if full else (60, 2)
    told: Counter[int] = Counter()
    with started(workers) as (upstream, _, start, _folder):
        gateway = start()
        told += _until_counted(gateway, "k-poor", many)
        assert upstream.received == BUDGET, (upstream.received, told)
        assert told[200] == BUDGET, told
        gateway.stop()
        gateway = start()
        told += _until_counted(gateway, "k-poor", many)
        assert upstream.received == BUDGET, (upstream.received, told)
        gateway.stop()
        ((spent,),) = gateway.rows("SELECT sum(cost_nanousd) FROM exchange")
        ((used,),) = gateway.rows("SELECT sum(amount) FROM consumption")
        assert spent == used == BUDGET * 40_000, (spent, used)
    killed = _budget_of_requests(many, workers)
    return {"requests": told.total() + killed, "calls": BUDGET}


def _budget_of_requests(many: int, workers: int) -> int:
    """A budget of 10 requests, and all workers killed while they ask: still exactly 10 calls."""
    with started(workers, ANSWER.stall(1.0, at=0)) as (upstream, _, start, folder):
        desk = Desk(folder / ".local/share/dragoman/dragoman.db")
        desk.place.parent.mkdir(parents=True)  # type: ignore[union-attr]
        draft = Draft(measure="requests", period="month", amount=Decimal(BUDGET))
        put_allowance(desk, SYSTEM, "default", "ten", draft)
        desk.close()
        gateway = start()

        def ask() -> Counter[int]:
            told: Counter[int] = Counter()
            while True:  # on a busy machine one may hear that nobody can say what is left: 503
                last = flood(gateway.url, "k-free", 1)
                told += last
                if not last[503]:
                    return told

        with ThreadPoolExecutor(HELD) as pool:
            asking = [pool.submit(ask) for _ in range(HELD)]
            # A request between a worker's journal and the wire would count, and never be heard.
            wait_until(lambda: upstream.received == HELD)
            kill_all(gateway)
            asked = sum((one.result() for one in asking), Counter[int]())
        gateway = start()
        asked += flood(gateway.url, "k-free", many)
        assert upstream.received <= BUDGET, (upstream.received, asked)

        def all_used() -> bool:  # what the dead held is free once their journals have been read
            asked.update(flood(gateway.url, "k-free", 3))
            return upstream.received >= BUDGET

        wait_until(all_used)
        asked += flood(gateway.url, "k-free", many)
        assert upstream.received == BUDGET, (upstream.received, asked)
        gateway.stop()
        ((used,),) = gateway.rows("SELECT amount FROM consumption")
        ((rows,),) = gateway.rows("SELECT count(*) FROM attempt")
        assert used == rows == BUDGET, (used, rows)
    return asked.total()


def _until_counted(gateway: Process, key: str, many: int) -> Counter[int]:
    """Ask all at once, and again as long as anybody is told that it cannot be counted now."""
    told = flood(gateway.url, key, many)
    while True:
        last = flood(gateway.url, key, 5)
        told += last
        if last == {429: 5}:
            return told


def kill_all(gateway: Process) -> None:
    """Kill supervisor and workers, as a loss of power would."""
    from tests.server.process import children

    pids = children(gateway.process.pid)
    for pid in (gateway.process.pid, *map(int, pids)):
        os.kill(pid, signal.SIGKILL)
    gateway.stop()
    for pid in pids:
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]


def limit_race(*, full: bool) -> Mapping[str, float]:
    """G4: 100 requests a minute, many at once: exactly 100 pass, and the others are told when."""
    many, workers = (1000, 4) if full else (200, 2)
    with started(workers) as (upstream, _, start, _folder):
        gateway = start()
        told = flood(gateway.url, "k-slow", many)

        def all_passed() -> bool:  # who was told that it cannot be counted now asks again
            if told[200] < RATE and told[503]:
                told.update(flood(gateway.url, "k-slow", 5))
                return False
            return True

        wait_until(all_passed)
        told += flood(gateway.url, "k-slow", 5)
        gateway.stop()
        assert told[200] == upstream.received == RATE, (told, upstream.received)
        assert told[200] + told[429] + told[503] == told.total(), told
    return {"requests": told.total(), "passed": told[200], "uncounted": told[503]}


def redis_away(*, full: bool) -> Mapping[str, float]:
    """Redis silent, then killed, under load: nothing hangs, no budget is broken, it comes back."""
    many, workers = (200, 4) if full else (30, 2)
    told: Counter[int] = Counter()
    with started(workers) as (_, redis, start, _folder):
        gateway = start()
        for _ in range(4):
            told += flood(gateway.url, "k-poor", 1)
        redis.silence()
        silent = flood(gateway.url, "k-poor", many)
        free = flood(gateway.url, "k-free", many)
        redis.wake()
        assert silent == {503: many}, silent
        assert free == {200: many}, free
        redis.stop()
        gone = flood(gateway.url, "k-poor", many)
        assert gone == {503: many}, gone
        # Each worker counts for itself, once it has been without Redis for a second.
        wait_until(lambda: flood(gateway.url, "k-slow", 1) == {200: 1})
        redis.start()

        def back() -> bool:
            told.update(flood(gateway.url, "k-poor", 1))
            return told[200] == BUDGET

        wait_until(back)
        told += flood(gateway.url, "k-poor", many)
        assert told[200] == BUDGET, told
        gateway.stop()
        ((used,),) = gateway.rows("SELECT sum(amount) FROM consumption")
        assert used == BUDGET * 40_000, used
    return {"requests": told.total() + 3 * many, "passed": told[200]}
