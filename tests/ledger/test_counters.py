"""Counting is exact, in memory and in Redis alike: reserved all or nothing, settled once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import pytest

from dragoman.ledger.counting import Counters, Decision, Line, Warming, term_of
from dragoman.ledger.memory import MemoryCounters
from dragoman.ledger.shared import Consumed, RedisCounters
from dragoman.server.limits.allowances import Allowances, LimitsUnavailable
from dragoman.store.database import StoreError
from dragoman.store.redis import Redis, RedisAddress
from dragoman.types.allowance import Allowance, Measure, Mode, Period
from dragoman.types.calendar import find_span
from tests.upstream.redis import RedisServer

NOW = 1_795_000_000.0
Work: TypeAlias = Callable[[Counters], Awaitable[None]]


async def nothing_used(lines: Sequence[Line]) -> Sequence[int]:
    return [0] * len(lines)


def open_shared(
    address: RedisAddress,
    read: Callable[[Sequence[Line]], Awaitable[Sequence[int]]] = nothing_used,
) -> RedisCounters:
    return RedisCounters(Redis(address, timeout_s=5), read)


async def told(counters: Counters) -> None:
    """Wait until what was settled is known to all."""
    if isinstance(counters, RedisCounters):
        await counters.flush()


@pytest.fixture(params=["memory", "redis"])
def work_with(request: pytest.FixtureRequest) -> Callable[[Work], None]:
    """Run something with counters that count nothing yet."""

    async def run(work: Work) -> None:
        if request.param == "memory":
            return await work(MemoryCounters())
        server: RedisServer = request.getfixturevalue("redis_server")
        counters = open_shared(server.new())
        await work(counters)
        return await counters.close()

    return lambda work: asyncio.run(run(work))


def line(
    measure: Measure = "requests",
    period: Period = "month",
    limit: int = 10,
    amount: int = 1,
    *,
    name: str = "a",
    mode: Mode = "strict",
    optional: bool = False,
) -> Line:
    allowance = Allowance(
        id=name,
        name=name,
        organisation_id="default",
        kind="key",
        subject="*",
        measure=measure,
        period=period,
        amount=limit,
        mode=mode,
    )
    since, until = find_span(period, NOW) if allowance.is_quota else (0, None)
    return Line(term_of(allowance, "k1", since, until), amount, optional)


@pytest.mark.parametrize(
    ("measure", "period"),
    [("requests", "minute"), ("requests", "month"), ("concurrency", "now"), ("requests", "total")],
)
def test_of_many_at_a_time_exactly_as_many_pass_as_may(
    work_with: Callable[[Work], None], measure: Measure, period: Period
) -> None:
    async def work(counters: Counters) -> None:
        lines = [line(measure, period) for _ in range(200)]
        asked = [counters.reserve(f"h{n}", [each], NOW) for n, each in enumerate(lines)]
        decisions = await asyncio.gather(*asked)
        assert sum(decision.passed for decision in decisions) == 10
        at = next(n for n, decision in enumerate(decisions) if not decision.passed)
        assert decisions[at].refused == [0]
        assert lines[at].used == 10

    work_with(work)


def test_nothing_is_taken_of_the_others_when_one_has_no_room(
    work_with: Callable[[Work], None],
) -> None:
    async def work(counters: Counters) -> None:
        roomy = line("tokens", "minute", 1000, 10, name="roomy")
        held = line("tokens", "month", 1000, 10, name="held")
        full = line("requests", "day", 0, name="full")
        for attempt in range(3):
            decision = await counters.reserve(f"h{attempt}", [roomy, held, full], NOW)
            assert not decision.passed
            assert decision.refused == [2]
            assert [each.used for each in (roomy, held, full)] == [0, 0, 0]

    work_with(work)


def test_what_was_reserved_and_not_used_is_given_back(work_with: Callable[[Work], None]) -> None:
    async def work(counters: Counters) -> None:
        lines = [
            line("tokens", "minute", 100, 100, name="rate"),
            line("spend", "day", 100, 100, name="quota"),
            line("concurrency", "now", 1, name="places"),
        ]
        assert (await counters.reserve("h1", lines, NOW)).passed
        assert len((await counters.reserve("h2", lines, NOW)).refused) == 3
        counters.settle("h1", lines, [30, 30, 0])
        await told(counters)
        for each in lines[:2]:
            each.amount = 71
        assert (await counters.reserve("h3", lines, NOW)).refused == [0, 1]
        for each in lines[:2]:
            each.amount = 70
        assert (await counters.reserve("h4", lines, NOW)).passed

    work_with(work)


def test_more_than_was_reserved_counts_as_well(work_with: Callable[[Work], None]) -> None:
    async def work(counters: Counters) -> None:
        wanted = line("tokens", "month", 100, 10)
        assert (await counters.reserve("h1", [wanted], NOW)).passed
        counters.settle("h1", [wanted], [150])
        await told(counters)
        decision = await counters.reserve("h2", [wanted], NOW)
        assert not decision.passed
        assert wanted.used == 150

    work_with(work)


def test_a_soft_limit_lets_through_and_counts(work_with: Callable[[Work], None]) -> None:
    async def work(counters: Counters) -> None:
        soft = line("requests", "day", 2, mode="soft")
        for number in range(5):
            decision = await counters.reserve(f"h{number}", [soft], NOW)
            assert decision.passed
            assert soft.used == number

    work_with(work)


def test_an_optional_line_without_room_leaves_the_others_their_way(
    work_with: Callable[[Work], None],
) -> None:
    async def work(counters: Counters) -> None:
        common = line("requests", "day", 5, name="common")
        one = line("requests", "day", 1, name="one", optional=True)
        other = line("requests", "day", 5, name="other", optional=True)
        first = await counters.reserve("h1", [common, one, other], NOW)
        assert (first.passed, list(first.refused)) == (True, [])
        second = await counters.reserve("h2", [common, one, other], NOW)
        assert (second.passed, second.refused) == (True, [1])
        await counters.reserve("h3", [common, one, other], NOW)
        assert [each.used for each in (common, one, other)] == [2, 1, 2]

    work_with(work)


def test_who_takes_nothing_passes_when_all_is_used_up(work_with: Callable[[Work], None]) -> None:
    async def work(counters: Counters) -> None:
        used_up = line("spend", "month", 100, 100)
        assert (await counters.reserve("h1", [used_up], NOW)).passed
        assert (await counters.reserve("h2", [line("spend", "month", 100, 0)], NOW)).passed
        assert not (await counters.reserve("h3", [line("spend", "month", 100, 1)], NOW)).passed

    work_with(work)


def test_large_sums_are_counted_to_the_last_nano_dollar(work_with: Callable[[Work], None]) -> None:
    limit = 4_000_000_000_000_003

    async def work(counters: Counters) -> None:
        most = line("spend", "total", limit, limit - 1)
        assert (await counters.reserve("h1", [most], NOW)).passed
        assert not (await counters.reserve("h2", [line("spend", "total", limit, 2)], NOW)).passed
        assert (await counters.reserve("h3", [line("spend", "total", limit, 1)], NOW)).passed

    work_with(work)


# ------------------------------------------------------------------------------------- memory


def test_in_no_minute_more_pass_than_may() -> None:
    counters = MemoryCounters()
    passed: list[float] = []
    for tenth in range(3000):
        now = NOW + tenth / 10
        if counters.reserve_now([line("requests", "minute", 7)], now).passed:
            passed.append(now)
    assert len(passed) >= 7 * 5 - 7
    for first, eighth in zip(passed, passed[7:], strict=False):
        assert eighth - first >= 60


def test_the_wait_that_is_told_is_the_one_after_which_it_passes() -> None:
    counters = MemoryCounters()
    wanted = line("tokens", "minute", 100, 40)
    for second in (0, 10):
        assert counters.reserve_now([wanted], NOW + second).passed
    assert not counters.reserve_now([wanted], NOW + 20).passed
    wait_s = wanted.wait_s
    assert wait_s is not None
    assert 40 <= wait_s <= 41
    assert not counters.reserve_now([wanted], NOW + 20 + wait_s - 1).passed
    assert counters.reserve_now([wanted], NOW + 20 + wait_s).passed


def test_what_the_database_says_was_used_is_not_left() -> None:
    wanted = line("requests", "month", 10)
    counters = MemoryCounters({("a", "k1", wanted.term.since): 8})
    passed = [counters.reserve_now([wanted], NOW).passed for _ in range(4)]
    assert passed == [True, True, False, False]


# -------------------------------------------------------------------------------------- redis


def test_a_quota_begins_with_what_the_database_says(redis_server: RedisServer) -> None:
    async def work() -> None:
        async def eight_used(lines: Sequence[Line]) -> Sequence[int]:
            return [8] * len(lines)

        counters = open_shared(redis_server.new(), eight_used)
        wanted = line("requests", "month", 10)
        asked = [counters.reserve(f"h{n}", [wanted], NOW) for n in range(9)]
        assert sum(d.passed for d in await asyncio.gather(*asked)) == 2
        await counters.close()

    asyncio.run(work())


def test_to_be_told_twice_that_a_row_is_written_changes_nothing(redis_server: RedisServer) -> None:
    async def work() -> None:
        counters = open_shared(redis_server.new())
        wanted = line("requests", "month", 10)
        for number in range(3):
            await counters.reserve(f"h{number}", [wanted], NOW)
            counters.settle(f"h{number}", [wanted], [1])
        rows = [Consumed(f"h{n}", "a", "k1", wanted.term.since, n + 1) for n in range(3)]
        counters.written(rows)
        counters.written(rows)
        counters.written(rows[:1])
        await counters.flush()
        await counters.reserve("h9", [wanted], NOW)
        assert wanted.used == 3
        await counters.close()

    asyncio.run(work())


def test_another_worker_settles_what_a_dead_one_had_reserved(redis_server: RedisServer) -> None:
    async def work() -> None:
        address = redis_server.new()
        dead, alive = open_shared(address), open_shared(address)
        wanted = line("requests", "month", 10)
        for number in range(10):
            assert (await dead.reserve(f"h{number}", [wanted], NOW)).passed
        assert not (await alive.reserve("h10", [wanted], NOW)).passed
        # Of its journal: four were answered, and six had never been asked for.
        alive.written(
            [Consumed(f"h{n}", "a", "k1", wanted.term.since, min(n + 1, 4)) for n in range(10)]
        )
        await alive.flush()
        asked = [alive.reserve(f"i{n}", [wanted], NOW) for n in range(9)]
        assert sum(d.passed for d in await asyncio.gather(*asked)) == 6
        await dead.close()
        await alive.close()

    asyncio.run(work())


def test_what_a_dead_worker_held_for_requests_that_it_never_made_is_given_back(
    redis_server: RedisServer,
) -> None:
    async def work() -> None:
        address = redis_server.new()
        dead, alive = open_shared(address), open_shared(address)
        dead.worker, alive.worker = "1-dead", "2-alive"
        wanted = line("requests", "month", 10)
        for number in range(6):
            assert (await dead.reserve(f"h{number}", [wanted], NOW)).passed
        for number in range(4):
            assert (await alive.reserve(f"i{number}", [wanted], NOW)).passed
        alive.written([Consumed("h0", "a", "k1", wanted.term.since, 1)])
        alive.abandoned("1-dead")
        await alive.flush()
        asked = [alive.reserve(f"j{n}", [wanted], NOW) for n in range(9)]
        assert sum(d.passed for d in await asyncio.gather(*asked)) == 5
        await dead.close()
        await alive.close()

    asyncio.run(work())


def test_what_was_asked_of_a_silent_redis_is_not_held_when_it_wakes(
    redis_server: RedisServer,
) -> None:
    async def work() -> None:
        counters = RedisCounters(Redis(redis_server.new()), nothing_used)

        def make() -> list[Line]:
            lines = [line("requests", p, 1000, name=p) for p in ("month", "minute")]
            return [*lines, line("concurrency", "now", 1000)]

        def ask(hold: str) -> Awaitable[Decision]:
            return counters.reserve(hold, make(), NOW)

        while True:  # on a busy machine the first questions may have no answer either
            with contextlib.suppress(StoreError):
                assert (await ask("h0")).passed
                break
        redis_server.silence()
        try:
            # So many that some who had no answer are never sent again: nobody is asked any more.
            asked = (ask(f"i{number}") for number in range(400))
            said = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(error, StoreError) for error in said)
        finally:
            redis_server.wake()
        while True:
            with contextlib.suppress(StoreError):
                await counters.flush()
                lines = make()
                await counters.reserve("j0", lines, NOW)
                break
            await asyncio.sleep(0.02)
        assert [each.used for each in lines] == [1, 1, 1]
        await counters.close()

    asyncio.run(work())


def test_a_redis_that_stumbles_lets_nobody_past_a_limit_and_without_one_each_counts() -> None:
    async def work() -> None:
        now = 0.0
        rate, quota = line(period="minute", name="m"), line()
        soft = line(period="minute", mode="soft", name="s")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = RedisAddress(f"redis://127.0.0.1:{silent.getsockname()[1]}")
            redis = Redis(address, timeout_s=0.001, clock=lambda: now)
            counters = RedisCounters(redis, nothing_used)
            keeper = Allowances(counters, lambda: NOW)
            for _ in range(9):
                with pytest.raises(LimitsUnavailable):
                    await keeper._reserve("h", [rate], NOW)
                alone, decision = await keeper._reserve("h", [soft], NOW)
                assert alone is not counters
                assert decision.passed
            assert redis.away
            now = 1.5
            passed = [(await keeper._reserve("h", [rate], NOW))[1].passed for _ in range(12)]
            assert passed.count(True) == 10
            with pytest.raises(LimitsUnavailable):
                await keeper._reserve("h", [quota], NOW)
            await counters.close()

    asyncio.run(work())


def test_the_log_says_once_that_redis_is_away_and_once_that_it_is_back(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dragoman.server")

    def told(part: str) -> int:
        return sum(part in record.getMessage() for record in caplog.records)

    async def wait_for(part: str, times: int) -> None:
        async with asyncio.timeout(30):
            while told(part) < times:
                await asyncio.sleep(0.02)

    async def work() -> None:
        counters = open_shared(redis_server.new(), nothing_used)
        await counters.begin()
        for outage in (1, 2):
            redis_server.stop()
            await wait_for("Redis is away", outage)
            await asyncio.sleep(1.0)
            redis_server.start()
            await wait_for("Redis answers again", outage)
        await counters.close()

    asyncio.run(work())
    assert (told("Redis is away"), told("Redis answers again")) == (2, 2)
    (first, *_) = [each for each in caplog.records if "Redis is away" in each.getMessage()]
    assert first.levelname == "WARNING"
    assert "DRAGOMAN_REDIS_URL" in first.getMessage()


def test_a_memory_that_was_lost_is_made_anew_from_workers_and_database(
    redis_server: RedisServer,
) -> None:
    async def work() -> None:
        used = 0

        async def read_used(lines: Sequence[Line]) -> Sequence[int]:
            return [used] * len(lines)

        address = redis_server.new()
        one, other = open_shared(address, read_used), open_shared(address, read_used)
        wanted, places = line("requests", "month", 10), line("concurrency", "now", 10, name="c")
        for number in range(4):  # one: two written, one settled, one under way
            await one.reserve(f"h{number}", [wanted, places], NOW)
        for number in range(3):
            one.settle(f"h{number}", [wanted, places], [1, 0])
        one.written([Consumed(f"h{n}", "a", "k1", wanted.term.since, n + 1) for n in range(2)])
        used = 2
        for number in range(3):  # other: three under way
            await other.reserve(f"o{number}", [wanted, places], NOW)
        await one.flush()
        redis = Redis(address, timeout_s=5)
        await redis.ask("FLUSHDB")
        # Until every worker has had the time to say what it knows, nothing is given out.
        with pytest.raises(Warming):
            await one.reserve("x", [wanted, places], NOW)
        async with asyncio.timeout(10):
            while True:
                try:
                    await one.reserve("y", [wanted, places], NOW)
                    break
                except Warming:
                    await asyncio.sleep(0.05)
        assert [each.used for each in (wanted, places)] == [7, 4]
        asked = [other.reserve(f"z{n}", [wanted, places], NOW) for n in range(9)]
        assert sum(d.passed for d in await asyncio.gather(*asked)) == 2
        await redis.close()
        await one.close()
        await other.close()

    asyncio.run(work())
