"""Requests that code in this process answers: waited for with the timers of any transport."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman.errors import AdapterError, Overloaded, RateLimited, Timeout
from dragoman.transport import performed
from dragoman.transport.default import AsyncDefaultTransport, DefaultTransport
from dragoman.types.http import Halt, HttpAnswer, HttpRequest, parse_url

HEAD = HttpAnswer(status=200, headers={"content-type": "text/plain"})
LIMITS = {"connect_timeout_s": 1.0, "head_timeout_s": 0.3}

Said = Iterator[HttpAnswer | bytes]


class Performing:
    """A performer that does what a test says."""

    def __init__(self, perform: Callable[[Halt], Said]) -> None:
        self.whose = "mine"
        self._perform = perform
        self.over = threading.Event()

    def perform(self, request: HttpRequest, halt: Halt) -> Said:
        assert request.body == b"please"
        try:
            yield from self._perform(halt)
        finally:
            self.over.set()


def ask(
    kind: str, performing: Performing, read: Callable[[bytes], bool] = lambda _: True
) -> tuple[int, list[bytes]]:
    """Ask; read while `read` wants more. Gives the status, and what was read."""
    request = HttpRequest(
        url=parse_url("python:/mine/chat"), headers={}, body=b"please", performer=performing
    )
    chunks: list[bytes] = []
    if kind == "sync":
        transport = DefaultTransport()
        answer = transport.send(request, **LIMITS)
        try:
            while (chunk := answer.read(0.3)) and read(chunk):
                chunks.append(chunk)
        finally:
            answer.close()
            transport.close()
        return answer.status, chunks

    async def run() -> tuple[int, list[bytes]]:
        transport = AsyncDefaultTransport()
        answer = await transport.send(request, **LIMITS)
        try:
            while (chunk := await answer.read(0.3)) and read(chunk):
                chunks.append(chunk)
        finally:
            await answer.close()
            await transport.close()
        return answer.status, chunks

    return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_head_and_body_come_as_they_are_said(kind: str) -> None:
    gates = threading.Event()

    def perform(halt: Halt) -> Said:
        yield HEAD
        yield b"one "
        gates.wait(60)
        yield b"two"

    def read(chunk: bytes) -> bool:
        gates.set()
        return bool(chunk)

    status, chunks = ask(kind, Performing(perform), read)
    assert (status, chunks) == (200, [b"one ", b"two"])


@pytest.mark.parametrize("at", ["head", "body"])
def test_silence_ends_with_a_timer_and_the_performance_with_it(kind: str, at: str) -> None:
    def perform(halt: Halt) -> Said:
        if at == "body":
            yield HEAD
        while True:
            time.sleep(0.01)

    performing = Performing(perform)
    with pytest.raises(Timeout) as caught:
        ask(kind, performing)
    assert caught.value.phase == ("idle" if at == "body" else "first_token")
    assert performing.over.wait(60)


@pytest.mark.parametrize("at", ["head", "body"])
def test_what_it_raises_is_raised_where_it_is_waited_for(kind: str, at: str) -> None:
    def perform(halt: Halt) -> Said:
        if at == "body":
            yield HEAD
        raise RateLimited("slow down")

    with pytest.raises(RateLimited, match="slow down"):
        ask(kind, Performing(perform))


@pytest.mark.parametrize("raised", [KeyError("x"), SystemExit(1), StopAsyncIteration()])
def test_whatever_else_it_raises_is_a_fault_of_its_adapter(kind: str, raised: Any) -> None:
    def perform(halt: Halt) -> Said:
        raise raised
        yield HEAD

    with pytest.raises(AdapterError, match="the adapter of mine failed in perform"):
        ask(kind, Performing(perform))


def test_one_that_says_nothing_is_at_fault(kind: str) -> None:
    with pytest.raises(AdapterError, match="ended without an answer"):
        ask(kind, Performing(lambda _: iter(())))


def test_leaving_wakes_what_waits_for_something_of_its_own(kind: str) -> None:
    def perform(halt: Halt) -> Said:
        woken = threading.Event()
        halt.then(woken.set)
        yield HEAD
        yield b"one"
        woken.wait(30)

    performing = Performing(perform)
    ask(kind, performing, lambda _: False)
    assert performing.over.wait(60)


def test_one_that_says_too_much_waits_for_its_reader(kind: str) -> None:
    said = 0

    def perform(halt: Halt) -> Said:
        nonlocal said
        yield HEAD
        while True:
            said += 1
            yield b"x"

    performing = Performing(perform)
    ask(kind, performing, lambda _: False)
    assert performing.over.wait(60)
    assert said <= 3 * performed.AHEAD


def test_only_so_many_may_be_under_way(kind: str) -> None:
    gate = threading.Event()

    def perform(halt: Halt) -> Said:
        gate.wait(20)
        yield HEAD

    request = HttpRequest(
        url=parse_url("python:/mine/chat"),
        headers={},
        body=b"please",
        performer=Performing(perform),
    )
    transport = performed.PerformedTransport()
    try:
        for _ in range(performed.MAX_UNDER_WAY - performed.count_under_way()):
            with pytest.raises(Timeout):
                transport.send(request, connect_timeout_s=1, head_timeout_s=0)
        with pytest.raises(Overloaded, match="under way"):
            transport.send(request, connect_timeout_s=1, head_timeout_s=0)
    finally:
        gate.set()
    for thread in threading.enumerate():
        if thread.name == "dragoman-mine":
            thread.join(5)
    assert ask(kind, Performing(perform))[0] == 200
