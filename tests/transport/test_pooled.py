"""What only the pool for event loops does: cancelling, waiting in line, living with its loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dragoman.errors import ConnectFailed, ConnectionLost, Timeout
from dragoman.transport.base import AsyncResponse
from dragoman.transport.pooled import AsyncPool
from dragoman.types.http import ConnectOptions
from dragoman.types.provider import Tls
from tests.transport.either import request
from tests.upstream.fault import (
    Answer,
    Close,
    FaultUpstream,
    Unreachable,
    chat_stream,
    stall,
)
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

HELLO = Answer(200, (), b"hello")


async def send(pool: AsyncPool, url: str, connect_timeout_s: float = 5.0) -> AsyncResponse:
    return await pool.send(request(url), connect_timeout_s=connect_timeout_s, head_timeout_s=5.0)


async def fetch(pool: AsyncPool, url: str, connect_timeout_s: float = 5.0) -> bytes:
    answer = await send(pool, url, connect_timeout_s)
    body = b""
    while chunk := await answer.read(5.0):
        body += chunk
    return body


def run(main: Callable[[AsyncPool], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def whole() -> None:
        async with AsyncPool(**options) as pool:
            await main(pool)

    asyncio.run(whole())
    gc.collect()  # what is left unclosed says so now: warnings are errors


def test_cancelling_a_wait_for_the_head_closes_the_connection(upstream: Upstream) -> None:
    up = upstream(stall())

    async def main(pool: AsyncPool) -> None:
        task = asyncio.create_task(fetch(pool, up.url))
        await asyncio.to_thread(up.wait_requests, 1)
        cancelled = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        closed = await asyncio.to_thread(up.requests[0].wait_closed, 1.0)
        assert closed - cancelled < 1.0
        assert pool.count_connections() == {}

    run(main)


def test_cancelling_a_read_closes_the_connection(upstream: Upstream) -> None:
    up = upstream(chat_stream(["a"]).stall(at=10))

    async def main(pool: AsyncPool) -> None:
        answer = await send(pool, up.url)
        await answer.read(5.0)
        task = asyncio.create_task(answer.read(5.0))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(up.requests[0].wait_closed, 1.0)

    run(main)


def test_cancelling_a_dial_leaves_nothing(upstream: Upstream) -> None:
    async def main(pool: AsyncPool) -> None:
        with Unreachable() as hole:
            task = asyncio.create_task(fetch(pool, hole.base_url))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert pool.count_connections() == {}

    run(main)


def test_cap_holds_and_requests_past_it_are_served_in_order(upstream: Upstream) -> None:
    up = upstream(lambda asked: Answer(200, (), asked.target.encode()).stall(0.005, at=1))
    order: list[int] = []

    async def main(pool: AsyncPool) -> None:
        async def one(number: int) -> None:
            assert await fetch(pool, f"{up.url}/{number}") == b"/%d" % number
            order.append(number)

        tasks = []
        for number in range(20):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    run(main, max_per_origin=1)
    assert order == list(range(20))
    assert up.accepted == 1


def test_cap_is_never_exceeded_whatever_happens(upstream: Upstream) -> None:
    """Cuts, cancelled waits and cancelled requests give their places back, each once."""
    scripts = [HELLO, HELLO.cut(at=2), HELLO.stale(), HELLO.stall(0.005, at=2), HELLO.closing()]
    up = upstream(lambda asked: scripts[int(asked.target[1:]) % len(scripts)])
    most = 0

    async def main(pool: AsyncPool) -> None:
        async def one(number: int) -> None:
            nonlocal most
            with contextlib.suppress(TimeoutError, ConnectionLost):
                async with asyncio.timeout(0.002 * (number % 7) if number % 3 == 0 else 5.0):
                    await fetch(pool, f"{up.url}/{number}")
            most = max(most, *(count for _, count in pool.count_connections().values()), 0)

        await asyncio.gather(*(one(number) for number in range(300)))
        assert all(idle == count for idle, count in pool.count_connections().values())
        assert (
            await asyncio.gather(*(fetch(pool, f"{up.url}/0") for _ in range(20)))
            == [b"hello"] * 20
        )

    run(main, max_per_origin=4)
    assert 0 < most <= 4


def test_waiting_in_line_for_too_long_is_a_connect_timeout(upstream: Upstream) -> None:
    up = upstream(chat_stream(["a"]).stall(at=10))

    async def main(pool: AsyncPool) -> None:
        answer = await send(pool, up.url)
        with pytest.raises(Timeout, match="no connection") as caught:
            await send(pool, up.url, connect_timeout_s=0.05)
        assert caught.value.phase == "connect"
        assert "busy" in (caught.value.hint or "")
        await answer.close()

    run(main, max_per_origin=1)


def test_place_of_a_connection_that_failed_goes_to_the_next_in_line(upstream: Upstream) -> None:
    up = upstream(HELLO, down=True)

    async def main(pool: AsyncPool) -> None:
        failed = await asyncio.gather(
            *(fetch(pool, up.url) for _ in range(5)), return_exceptions=True
        )
        assert [type(one) for one in failed] == [ConnectFailed] * 5
        await asyncio.to_thread(up.come_back)
        assert await fetch(pool, up.url) == b"hello"

    run(main, max_per_origin=1)


def test_pool_serves_one_loop_after_another(upstream: Upstream) -> None:
    up = upstream(HELLO)
    pool = AsyncPool()
    for _ in range(3):
        assert asyncio.run(fetch(pool, up.url)) == b"hello"
        gc.collect()
    assert [one.connection for one in up.requests] == [1, 2, 3]
    asyncio.run(pool.close())


def test_pool_serves_several_loops_at_once(upstream: Upstream) -> None:
    up = upstream(HELLO)
    pool = AsyncPool()

    async def main() -> None:
        def elsewhere() -> bytes:
            return asyncio.run(fetch(pool, up.url))

        here, there = await asyncio.gather(fetch(pool, up.url), asyncio.to_thread(elsewhere))
        assert here == there == b"hello"
        await pool.close()

    asyncio.run(main())
    gc.collect()


def test_loop_that_ends_in_the_middle_of_an_answer_leaves_nothing(upstream: Upstream) -> None:
    up = upstream(chat_stream(["a"]).stall(at=10))
    pool = AsyncPool()

    async def main() -> None:
        await (await send(pool, up.url)).read(5.0)

    asyncio.run(main())
    gc.collect()
    up.requests[0].wait_closed(1.0)


def test_connection_that_ended_before_it_was_used_is_lost_at_once(upstream: Upstream) -> None:
    up = upstream(HELLO, greet=[[Close()]])

    async def main(pool: AsyncPool) -> None:
        exchange = pool._exchange

        async def exchange_late(*args: Any, kept: bool) -> AsyncResponse:
            await asyncio.sleep(0.05)  # the loop sees the end meanwhile
            return await exchange(*args, kept=kept)

        pool._exchange = exchange_late  # type: ignore[method-assign]
        began = time.monotonic()
        with pytest.raises(ConnectionLost):
            await send(pool, up.url)
        assert time.monotonic() - began < 4.5
        assert await fetch(pool, up.url) == b"hello"

    run(main)


def test_tls_connections_end_with_their_loop_too(upstream: Upstream, authority: Authority) -> None:
    up = upstream([HELLO, chat_stream(["a"]).stall(at=10)], tls=authority.server())
    options = ConnectOptions(tls=Tls(ca_file=str(authority.ca_file)))
    pool = AsyncPool()

    async def main() -> None:
        for _ in range(2):
            asked = request(up.url, options=options)
            await pool.send(asked, connect_timeout_s=5.0, head_timeout_s=5.0)

    asyncio.run(main())
    gc.collect()
    up.requests[1].wait_closed(1.0)


def test_idle_connections_end_without_another_request(upstream: Upstream) -> None:
    up = upstream(HELLO)

    async def main(pool: AsyncPool) -> None:
        await fetch(pool, up.url)
        await asyncio.to_thread(up.requests[0].wait_closed, 1.0)
        assert pool.count_connections() == {}

    run(main, idle_expiry_s=0.05)


def test_connection_is_handed_on_while_its_last_answer_is_still_unread(upstream: Upstream) -> None:
    """What was buffered for one reader stays its own, though another request is under way."""
    up = upstream(lambda asked: Answer(200, (), asked.target.encode() * 100))

    async def main(pool: AsyncPool) -> None:
        answers = [await send(pool, f"{up.url}/{number}") for number in range(10)]
        bodies = [await answer.read(5.0) for answer in answers]
        assert bodies == [b"/%d" % number * 100 for number in range(10)]

    run(main)
    assert up.accepted == 1


def test_many_tasks_share_few_connections(upstream: Upstream) -> None:
    up = upstream(lambda asked: Answer(200, (), asked.target.encode()))

    async def main(pool: AsyncPool) -> None:
        async def several(number: int) -> None:
            for step in range(20):
                path = f"/{number}-{step}"
                assert await fetch(pool, up.url + path) == path.encode()

        await asyncio.gather(*map(several, range(50)))

    run(main, max_per_origin=8)
    assert up.accepted <= 8
    assert len(up.requests) == 1000
