"""The demo as a transport: HTTP's side of it, and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from dragoman.errors import Timeout
from dragoman.transport.base import AsyncTransport, Transport
from dragoman.transport.demo import AsyncDemoTransport, DemoTransport
from dragoman.transport.demo.models import MODELS
from dragoman.transport.demo.story import STORY
from dragoman.types import HttpRequest, parse_url
from tests.demo.ask import CHAT, Sleeper, ask, ask_stream, make_request, read_all

_FITS: Transport = DemoTransport()
_FITS_TOO: AsyncTransport = AsyncDemoTransport(Sleeper().awaited)


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def demo(sleeper: Sleeper) -> DemoTransport:
    return DemoTransport(sleep=sleeper)


def test_the_story_is_told_at_forty_words_a_second(demo: DemoTransport, sleeper: Sleeper) -> None:
    ask_stream(demo, "story")
    words = len(STORY.split())
    assert sleeper.slept[0] == pytest.approx(1 / 40)
    assert sum(sleeper.slept) == pytest.approx(words / 40, rel=0.05)


def test_a_whole_story_takes_as_long_as_a_streamed_one(
    demo: DemoTransport, sleeper: Sleeper
) -> None:
    ask(demo, "story")
    assert sleeper.slept == [pytest.approx(len(STORY.split()) / 40, rel=0.05)]


def test_slow_is_silent_for_five_seconds_before_its_first_word(
    demo: DemoTransport, sleeper: Sleeper
) -> None:
    ask_stream(demo, "slow")
    assert sleeper.slept == [5.0]


def test_slow_takes_as_long_as_it_is_told(demo: DemoTransport, sleeper: Sleeper) -> None:
    ask_stream(demo, "slow", delay_s=0.5)
    assert sleeper.slept == [0.5]


def test_a_read_gives_up_in_time_and_may_be_tried_again(
    demo: DemoTransport, sleeper: Sleeper
) -> None:
    request = make_request("slow", stream=True)
    answer = demo.send(request, connect_timeout_s=1.0, head_timeout_s=1.0)
    assert b"assistant" in answer.read(1.0)
    with pytest.raises(Timeout) as caught:
        answer.read(3.0)
    assert caught.value.phase == "idle"
    assert b"Sorry" in answer.read(3.0)
    assert sleeper.slept == [3.0, 2.0]


def test_a_whole_answer_that_takes_too_long_is_a_timeout(
    demo: DemoTransport, sleeper: Sleeper
) -> None:
    with pytest.raises(Timeout) as caught:
        demo.send(make_request("slow"), connect_timeout_s=1.0, head_timeout_s=2.0)
    assert caught.value.phase == "first_token"
    assert sleeper.slept == [2.0]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_comes_in_several_reads(demo: DemoTransport, stream: bool) -> None:
    _, pieces = read_all(demo, make_request("echo", "one two three", stream=stream))
    assert len(pieces) > 1


def test_a_closed_answer_says_nothing_more(demo: DemoTransport) -> None:
    answer = demo.send(make_request("echo"), connect_timeout_s=1.0, head_timeout_s=1.0)
    answer.close()
    answer.close()
    assert answer.read(1.0) == b""


def test_a_stream_ends_with_usage_only_when_asked(demo: DemoTransport) -> None:
    frames = ask_stream(demo, "echo")
    assert [bool(frame["choices"]) for frame in frames[:-1]] == [True] * (len(frames) - 1)
    frames = ask_stream(demo, "echo", stream_options={"include_usage": True})
    assert frames[-1] == "[DONE]"
    assert frames[-2]["choices"] == []
    assert frames[-2]["usage"] == {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def test_usage_counts_words_pictures_and_tools(demo: DemoTransport) -> None:
    plain = ask(demo, "echo", "one two three")["usage"]
    assert (plain["prompt_tokens"], plain["completion_tokens"]) == (3, 3)
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    assert ask(demo, "vision", [picture])["usage"]["prompt_tokens"] == 1000
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    assert ask(demo, "tools", "Hi", tools=[tool])["usage"]["prompt_tokens"] > 1


def test_streamed_and_whole_answers_cost_the_same(demo: DemoTransport) -> None:
    for model in set(MODELS) - {"flaky"}:
        frames = ask_stream(demo, model, stream_options={"include_usage": True})
        assert frames[-2]["usage"] == ask(demo, model)["usage"]


def test_max_tokens_ends_the_text_and_says_so(demo: DemoTransport) -> None:
    choice = ask(demo, "echo", "one two three", max_tokens=2)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two", "length")
    choice = ask(demo, "echo", "one two three", max_completion_tokens=3)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two three", "stop")


def test_the_same_requests_get_the_same_bytes() -> None:
    def record() -> Iterator[tuple[int, list[bytes]]]:
        demo = DemoTransport(sleep=Sleeper())
        for model in MODELS:
            for stream in (False, True):
                yield read_all(demo, make_request(model, stream=stream))

    assert list(record()) == list(record())


def test_awaited_answers_are_the_same_bytes(demo: DemoTransport, sleeper: Sleeper) -> None:
    async def record(request: HttpRequest) -> tuple[int, list[bytes]]:
        answer = await other.send(request, connect_timeout_s=1.0, head_timeout_s=60.0)
        pieces = []
        while piece := await answer.read(60.0):
            pieces.append(piece)
        await answer.close()
        return answer.status, pieces

    slept = Sleeper()
    other = AsyncDemoTransport(slept.awaited)
    for model in MODELS:
        for stream in (False, True):
            request = make_request(model, stream=stream)
            assert asyncio.run(record(request)) == read_all(demo, request)
    assert slept.slept == sleeper.slept


def test_an_awaited_whole_answer_that_takes_too_long_is_a_timeout() -> None:
    async def ask_slow() -> None:
        other = AsyncDemoTransport(Sleeper().awaited)
        await other.send(make_request("slow"), connect_timeout_s=1.0, head_timeout_s=2.0)

    with pytest.raises(Timeout):
        asyncio.run(ask_slow())


def test_models_are_listed(demo: DemoTransport) -> None:
    request = HttpRequest(url=parse_url("demo:/v1/models"), method="GET", headers={})
    status, pieces = read_all(demo, request)
    listed = json.loads(b"".join(pieces))["data"]
    assert (status, [model["id"] for model in listed]) == (200, list(MODELS))


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (CHAT, b"{", 400, None),
        (CHAT, b'{"model": "echo"}', 400, "messages"),
        (CHAT, b'{"model": 1, "messages": []}', 400, "model"),
        (CHAT, b'{"model": "ecko", "messages": []}', 404, "model"),
        ("demo:/v1/embeddings", b"{}", 404, None),
    ],
)
def test_a_wrong_request_gets_an_error_in_openais_shape(
    demo: DemoTransport, path: str, body: bytes, status: int, param: str | None
) -> None:
    got, pieces = read_all(demo, HttpRequest(url=parse_url(path), headers={}, body=body))
    error = json.loads(b"".join(pieces))["error"]
    assert (got, error["param"]) == (status, param)
    assert error["message"].endswith(".")
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("model", sorted(set(MODELS) - {"flaky"}))
def test_no_messages_at_all_are_answered_too(demo: DemoTransport, model: str) -> None:
    assert read_all(demo, make_request(model, messages=[]))[0] == 200
