"""What was set up holds once it is answered: in the worker that was asked, and in those beside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.server.neighbours import Neighbours
from tests.server.process import Process, children, wait_until
from tests.server.serving import ask

Start = Callable[..., Process]
ROUNDS = 8
LIMIT = {"measure": "requests", "period": "minute", "amount": 1}
ROUTE = {"definition": {"fallbacks": ["demo/echo"]}}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start(*arguments: str) -> Process:
        started.append(Process(tmp_path, "", *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def change(gateway: Process, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    status, _, said = ask(f"{gateway.url}/api/v1/organisations/default/{path}", data, method=method)
    assert status in (200, 201, 204), said


def test_a_limit_holds_for_the_request_after_its_answer(start: Start) -> None:
    gateway = start()
    for _ in range(ROUNDS):
        change(gateway, "PUT", "limits/one", LIMIT)
        assert [gateway.chat("demo/echo")[0] for _ in range(2)] == [200, 429]
        change(gateway, "DELETE", "limits/one")
        assert gateway.chat("demo/echo")[0] == 200


def test_a_change_holds_in_every_worker_after_its_answer(start: Start) -> None:
    gateway = start("--workers", "3")
    for _ in range(ROUNDS):
        change(gateway, "PUT", "routes/mine", ROUTE)
        assert {gateway.chat("mine")[0] for _ in range(12)} == {200}
        change(gateway, "DELETE", "routes/mine")
        assert {gateway.chat("mine")[0] for _ in range(12)} == {404}


def test_a_worker_that_was_killed_is_not_waited_for(start: Start) -> None:
    gateway = start("--workers", "2")
    change(gateway, "PUT", "routes/mine", ROUTE)
    os.kill(int(children(gateway.process.pid)[0]), signal.SIGKILL)
    change(gateway, "PUT", "routes/other", ROUTE)
    assert {gateway.chat("other")[0] for _ in range(12)} == {200}


def test_a_worker_that_hangs_is_waited_for_once_and_again_when_it_goes_on(start: Start) -> None:
    gateway = start("--workers", "2")
    change(gateway, "PUT", "routes/first", ROUTE)
    hanging = int(children(gateway.process.pid)[0])
    os.kill(hanging, signal.SIGSTOP)
    try:
        for number in range(ROUNDS):
            change(gateway, "PUT", f"routes/r{number}", ROUTE)
            assert gateway.chat(f"r{number}")[0] == 200
    finally:
        os.kill(hanging, signal.SIGCONT)
    assert gateway.said("hangs: it is not waited for") == 1  # which is said after each wait
    wait_until(lambda: gateway.said(f"worker {hanging} answers again") == 1)
    for _ in range(ROUNDS):
        change(gateway, "PUT", "routes/mine", ROUTE)
        assert {gateway.chat("mine")[0] for _ in range(12)} == {200}
        change(gateway, "DELETE", "routes/mine")
        assert {gateway.chat("mine")[0] for _ in range(12)} == {404}


def test_who_is_dead_is_forgotten_and_who_cannot_be_reached_is_no_trouble(tmp_path: Path) -> None:
    learned: list[str] = []

    def worker(folder: Path, name: str) -> Neighbours:
        async def catch_up() -> None:
            learned.append(name)

        return Neighbours(folder, catch_up)

    async def talk() -> None:
        one, other, dead = (worker(tmp_path, name) for name in ("one", "other", "dead"))
        for each in (one, other, dead):
            each.begin()
        await one.tell()
        assert sorted(learned) == ["dead", "one", "other"]
        assert dead._socket is not None
        asyncio.get_running_loop().remove_reader(dead._socket)
        dead._socket.close()  # as one that was killed: its file is still there
        dead._socket = None
        await one.tell()
        assert sorted(learned) == ["dead", "one", "one", "other", "other"]
        other.close()
        one.close()
        assert list(tmp_path.iterdir()) == []
        deep = tmp_path / ("x" * 120)
        deep.mkdir()
        alone = worker(deep, "alone")
        alone.begin()
        await alone.tell()
        assert learned[-1] == "alone"
        alone.close()

    asyncio.run(talk())
