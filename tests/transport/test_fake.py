"""The fake keeps to the transports' contract, on a clock of its own."""

from __future__ import annotations

import asyncio
import time

import pytest

from dragoman.errors import ConnectFailed, ConnectionLost, Timeout
from dragoman.transport.fake import AsyncFakeTransport, Delay, FakeAnswer, FakeTransport
from tests.transport.either import request

ASKED = request("http://a.test/v1")
TIMEOUTS = {"connect_timeout_s": 5.0, "head_timeout_s": 60.0}


def test_replies_come_in_order_and_requests_are_kept() -> None:
    transport = FakeTransport([ConnectFailed("refused"), FakeAnswer(429, {"a": "b"}, (b"x",))])
    with pytest.raises(ConnectFailed):
        transport.send(ASKED, **TIMEOUTS)
    answer = transport.send(ASKED, **TIMEOUTS)
    assert (answer.status, answer.headers) == (429, {"a": "b"})
    assert [answer.read(1.0), answer.read(1.0), answer.read(1.0)] == [b"x", b"", b""]
    assert transport.requests == [ASKED, ASKED]
    assert transport.left_open == []
    with pytest.raises(AssertionError, match="no reply is left"):
        transport.send(ASKED, **TIMEOUTS)


def test_replies_may_be_chosen_by_the_request() -> None:
    transport = FakeTransport(lambda asked: FakeAnswer(chunks=(asked.body,)))
    assert transport.send(request("http://a.test/", b"me"), **TIMEOUTS).read(1.0) == b"me"


@pytest.mark.parametrize(
    ("answer", "phase", "passed_s"),
    [
        (FakeAnswer(connect_s=5.1), "connect", 5.0),
        (FakeAnswer(connect_s=1.0, head_s=61.0), "first_token", 61.0),
    ],
)
def test_delay_before_the_head_runs_into_its_timer(
    answer: FakeAnswer, phase: str, passed_s: float
) -> None:
    transport = FakeTransport([answer])
    with pytest.raises(Timeout) as caught:
        transport.send(ASKED, **TIMEOUTS)
    assert (caught.value.phase, transport.clock()) == (phase, passed_s)


def test_delay_between_chunks_passes_virtually_or_runs_into_the_idle_timer() -> None:
    chunks = (b"a", Delay(100.0), b"b", Delay(200.0), b"c")
    answer = FakeTransport([FakeAnswer(chunks=chunks)]).send(ASKED, **TIMEOUTS)
    began = time.monotonic()
    assert [answer.read(120.0), answer.read(120.0)] == [b"a", b"b"]
    with pytest.raises(Timeout):
        answer.read(120.0)
    with pytest.raises(Timeout):
        answer.read(1000.0)
    assert time.monotonic() - began < 60.0


def test_error_among_the_chunks_is_raised_and_is_the_end() -> None:
    broken = FakeAnswer(chunks=(b"a", ConnectionLost("cut"), b"b"))
    answer = FakeTransport([broken]).send(ASKED, **TIMEOUTS)
    assert answer.read(1.0) == b"a"
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            answer.read(1.0)


def test_answer_left_open_is_known_until_it_is_closed() -> None:
    transport = FakeTransport([FakeAnswer(chunks=(b"a", b"b"))])
    answer = transport.send(ASKED, **TIMEOUTS)
    answer.read(1.0)
    assert transport.left_open == [answer]
    answer.close()
    assert (transport.left_open, answer.read(1.0)) == ([], b"")


def test_awaited_fake_is_the_same() -> None:
    async def main() -> None:
        transport = AsyncFakeTransport([FakeAnswer(chunks=(b"a", Delay(9.0), b"b"))])
        answer = await transport.send(ASKED, **TIMEOUTS)
        assert await answer.read(1.0) == b"a"
        with pytest.raises(Timeout):
            await answer.read(1.0)
        await answer.close()
        await transport.close()
        assert transport.fake.requests == [ASKED]
        assert transport.fake.closed

    asyncio.run(main())
