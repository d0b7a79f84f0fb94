"""Background tasks that die, and are begun again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping

import pytest

from dragoman.server.health import Sign, readiness, sign_of_redis, sign_of_tasks
from dragoman.server.supervised import FIRST_PAUSE_S, LONGEST_PAUSE_S, Background


class _Clock:
    """Lets no time pass: notes how long it was to be slept, and goes on when it is told."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.go_on = asyncio.Semaphore(0)

    async def sleep(self, pause_s: float) -> None:
        self.slept.append(pause_s)
        await self.go_on.acquire()


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_task_that_dies_is_told_and_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        clock, lives, dying = _Clock(), [0], asyncio.Event()
        background = Background(sleep=clock.sleep)

        async def work() -> None:
            lives[0] += 1
            await dying.wait()
            dying.clear()
            raise RuntimeError("no more")

        background.start("drain", work)
        await _turns()
        assert (background.states, background.ailing) == ({"drain": "running"}, [])
        dying.set()
        await _turns()
        assert (background.ailing, background.deaths, lives) == (["drain"], {"drain": 1}, [1])
        clock.go_on.release()
        await _turns()
        assert (background.ailing, lives) == ([], [2])
        await background.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())
    assert "the background task 'drain' died (RuntimeError: no more); it begins again in 1 s" in [
        record.message for record in caplog.records
    ]


def test_pauses_between_lives_grow_and_have_an_end() -> None:
    async def scene() -> list[float]:
        clock = _Clock()
        background = Background(sleep=clock.sleep)

        async def work() -> None:
            """Return at once, which a background task should not."""

        background.start("health", work)
        for _ in range(10):
            await _turns()
            clock.go_on.release()
        await background.close()
        return clock.slept

    slept = asyncio.run(scene())
    assert slept[:4] == [FIRST_PAUSE_S, 2.0, 4.0, 8.0]
    assert slept[-1] == LONGEST_PAUSE_S


def test_other_tasks_go_on_and_all_end_when_told() -> None:
    async def scene() -> tuple[bool, bool]:
        clock, ended, well = _Clock(), [False], asyncio.Event()
        background = Background(sleep=clock.sleep)

        async def dies() -> None:
            raise RuntimeError

        async def goes_on() -> None:
            try:
                well.set()
                await asyncio.Event().wait()
            finally:
                ended[0] = True

        background.start("dies", dies)
        background.start("goes_on", goes_on)
        await _turns()
        alive = background.states == {"dies": "restarting", "goes_on": "running"} and well.is_set()
        await background.close()
        return alive, ended[0]

    assert asyncio.run(scene()) == (True, True)


class _Said:
    """A reply that keeps what was sent."""

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.told = status, json.loads(body)


@pytest.mark.parametrize(
    ("signs", "status", "told"),
    [
        ([None], 200, {"status": "ok"}),
        ([sign_of_redis(True), sign_of_redis(False)], 200, {"status": "ok", "redis": "away"}),
        ([Sign({"journal": "full"}, "full")], 503, {"status": "full", "journal": "full"}),
    ],
)
def test_readiness_tells_everything_and_refuses_for_what_is_this_workers_own(
    signs: list[Sign | None], status: int, told: dict[str, object]
) -> None:
    said = _Said()
    asyncio.run(readiness(said, ready=True, signs=signs))  # type: ignore[arg-type]
    assert (said.status, said.told) == (status, told)


def test_readiness_tells_which_tasks_have_died() -> None:
    async def scene() -> object:
        clock, said = _Clock(), _Said()
        background = Background(sleep=clock.sleep)

        async def dies() -> None:
            raise RuntimeError

        background.start("reload", dies)
        await _turns()
        await readiness(said, ready=True, signs=[sign_of_tasks(background)])  # type: ignore[arg-type]
        await background.close()
        return said.status, said.told

    assert asyncio.run(scene()) == (200, {"status": "ok", "restarting": ["reload"]})
