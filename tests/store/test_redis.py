"""The one way to Redis: many commands at a time, a moment for each, a breaker, no password told."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from dragoman.store.database import StoreError
from dragoman.store.redis import (
    VARIABLE,
    Redis,
    RedisDown,
    Script,
    read_address,
    redis_address,
)
from tests.store.test_database import UNENCODED
from tests.upstream.redis import PASSWORD, RedisServer, find_server

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


def test_many_commands_at_a_time_share_one_connection(redis_server: RedisServer) -> None:
    async def ask() -> None:
        redis = Redis(redis_server.new(), timeout_s=5)
        sums = await asyncio.gather(*(redis.run(ADD, ["sum"], [1]) for _ in range(500)))
        assert sorted(sums) == list(range(1, 501))
        clients = await redis.ask("CLIENT", "LIST")
        database = f" db={redis.address.url.rpartition('/')[2]} "
        assert clients.decode().count(database) == 1
        await redis.close()

    asyncio.run(ask())


def test_scripts_are_run_in_the_order_in_which_they_were_sent(redis_server: RedisServer) -> None:
    # As for a worker that has just started: Redis knows one of them from others.
    first, second = (Script(f"return redis.call('RPUSH', KEYS[1], '{name}')") for name in "ab")

    async def ask() -> None:
        address = redis_server.new()
        others, redis = Redis(address, timeout_s=5), Redis(address, timeout_s=5)
        await others.ask("SCRIPT", "LOAD", second.text)
        await asyncio.gather(redis.run(first, ["order"], []), redis.run(second, ["order"], []))
        assert await redis.ask("LRANGE", "order", 0, -1) == [b"a", b"b"]
        await others.ask("SCRIPT", "FLUSH")
        assert await redis.run(first, ["order"], []) == 3
        await others.close()
        await redis.close()

    asyncio.run(ask())


def test_a_command_that_is_refused_says_why_and_leaves_the_others_alone(
    redis_server: RedisServer,
) -> None:
    async def ask() -> None:
        redis = Redis(redis_server.new(), timeout_s=5)
        wrong, right = await asyncio.gather(
            redis.ask("NOSUCH"), redis.ask("SET", "a", 1), return_exceptions=True
        )
        assert isinstance(wrong, StoreError)
        assert "unknown command" in str(wrong)
        assert right == b"OK"
        await redis.close()

    asyncio.run(ask())


def test_who_is_silent_is_asked_no_more_until_a_while_has_passed() -> None:
    async def ask() -> None:
        now = 0.0
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            redis = Redis(
                read_address(f"redis://:{PASSWORD}@127.0.0.1:{port}"),
                timeout_s=0.001,
                clock=lambda: now,
            )
            for _ in range(3):
                assert not redis.breaker.open
                with pytest.raises(RedisDown, match="has not answered within") as caught:
                    await redis.ask("PING")
                assert PASSWORD not in str(caught.value)
            assert redis.breaker.open
            with pytest.raises(RedisDown, match="does not answer"):
                await redis.ask("PING")
            now = 0.3
            assert not redis.breaker.open
            assert redis.away
            await redis.close()

    asyncio.run(ask())


def test_who_stumbles_is_not_gone_and_who_is_silent_for_a_second_is() -> None:
    async def ask() -> None:
        now = 0.0
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = read_address(f"redis://127.0.0.1:{silent.getsockname()[1]}")
            redis = Redis(address, timeout_s=0.001, clock=lambda: now)
            for at in (0.0, 0.0, 0.0, 0.3, 0.9):
                now = at
                with pytest.raises(RedisDown, match="has not answered within"):
                    await redis.ask("PING")
                assert not redis.gone
            now = 1.0
            assert redis.gone
            await redis.close()
        refused = Redis(address, clock=lambda: now)
        with pytest.raises(RedisDown):
            await refused.ask("PING")
        assert refused.gone
        await refused.close()

    asyncio.run(ask())


def test_it_comes_back_by_itself() -> None:
    program = find_server()
    if program is None:
        pytest.skip("there is no Redis on this machine (Debian's package: redis-server)")

    async def ask(server: RedisServer) -> None:
        now = 0.0
        redis = Redis(server.new(), timeout_s=5, clock=lambda: now)
        assert await redis.ask("PING") == b"PONG"
        await asyncio.to_thread(server.stop)
        with pytest.raises(RedisDown):
            await redis.ask("PING")
        assert redis.breaker.open
        await asyncio.to_thread(server.start)
        now = 1.0
        assert await redis.ask("PING") == b"PONG"
        assert not redis.away
        assert not redis.gone
        await redis.close()

    with RedisServer(program) as server:
        asyncio.run(ask(server))


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hush@h",
        "hush",
        "redis://:hush@host:notaport",
        "redis://",
        *(f"redis://:{begun}{each}hush@host/0" for each in UNENCODED for begun in "h1"),
    ],
)
def test_a_wrong_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(StoreError, match=VARIABLE) as caught:
        redis_address({VARIABLE: url})
    assert "hush" not in str(caught.value)


def test_an_address_shows_no_password() -> None:
    address = read_address("rediss://user:hush@cache.internal:6380/2?ssl_cert_reqs=none")
    assert str(address) == "rediss://user@cache.internal:6380/2"
    assert "hush" not in repr(address)


def test_without_the_variable_there_is_none() -> None:
    assert redis_address({}) is None
    assert redis_address({VARIABLE: "  "}) is None


def test_a_busy_event_loop_is_not_taken_for_a_silent_server(redis_server: RedisServer) -> None:
    async def burn() -> None:
        while True:
            until = time.perf_counter() + 0.06  # longer than a command may take
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    async def ask() -> None:
        address = redis_server.new()
        burning = asyncio.ensure_future(burn())
        for _ in range(3):
            redis = Redis(address)
            redis._met = True  # to connect may take no longer than it does in a process that is old
            for _ in range(3):
                assert await redis.ask("PING") == b"PONG"
            assert not redis.away
            await redis.close()
        burning.cancel()

    asyncio.run(ask())
