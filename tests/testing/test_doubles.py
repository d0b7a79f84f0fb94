"""What users write tests with: replies from a script, in the process and from a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import dragoman
from dragoman import AsyncClient, Client, DragomanError
from dragoman.config import load
from dragoman.errors import (
    AuthFailed,
    ConnectionLost,
    ProtocolError,
    RateLimited,
    ServerError,
    StreamTruncated,
    Timeout,
)
from dragoman.testing import (
    FakeProvider,
    FaultyUpstream,
    Reply,
    cut,
    nonsense,
    rate_limited,
    refused,
    server_error,
    stalled,
    tool_call,
    wrong_usage,
)

APIS = ("openai-completions", "openai-responses", "anthropic-messages")
Double = FakeProvider | FaultyUpstream
CONFIG = load(env={}, cwd=Path("/"))


@pytest.fixture(params=[FakeProvider, FaultyUpstream])
def double(request: pytest.FixtureRequest) -> Iterator[Callable[..., Double]]:
    """Both kinds: they must be the same to whoever asks."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda *replies: stack.enter_context(request.param(*replies))


def where(started: Double, api: str = "openai-completions") -> dict[str, Any]:
    url = started.base_url if isinstance(started, FaultyUpstream) else "http://fake.invalid/v1"
    return {"base_url": url, "api": api, "api_key": "sk-test"}


def ask(started: Double, api: str = "openai-completions", **params: Any) -> dragoman.Answer:
    with Client(CONFIG) as client:
        return client.chat("m", "hi", **{"retries": 0, **where(started, api), **params})


def stream(started: Double, api: str = "openai-completions", **params: Any) -> dragoman.Answer:
    options = {"retries": 0, **where(started, api), **params}
    with Client(CONFIG) as client, client.stream("m", "hi", **options) as answer:
        for _ in answer:
            continue
    return answer.completion


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("get", [ask, stream])
def test_reply_is_said_in_the_language_that_is_asked_for(
    api: str, get: Callable[..., Any], double: Callable[..., Double]
) -> None:
    reply = Reply(text="Hello, you.", calls=(("get_time", '{"city": "Paris"}'),))
    answer = get(double(reply), api, tools=[{"type": "function", "function": {"name": "get_time"}}])
    assert answer.text == "Hello, you."
    assert [(c.name, json.loads(c.arguments)) for c in answer.tool_calls] == [
        ("get_time", {"city": "Paris"})
    ]
    assert answer.finish_reason == "tool_calls"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 3)


@pytest.mark.parametrize("get", [ask, stream])
def test_reasoning_is_a_part_of_its_own(
    get: Callable[..., Any], double: Callable[..., Double]
) -> None:
    answer = get(double(Reply(text="391", reasoning="17 times 23")))
    assert (answer.text, answer.reasoning) == ("391", "17 times 23")


def test_replies_come_in_order_and_the_last_ever_after(double: Callable[..., Double]) -> None:
    started = double("one", Reply(text="two"), lambda asked: f"{asked.json()['model']}!")
    assert [ask(started).text for _ in range(4)] == ["one", "two", "m!", "m!"]
    assert [asked.path for asked in started.asked] == ["/v1/chat/completions"] * 4
    assert started.asked[0].headers["authorization"] == "Bearer sk-test"
    assert started.asked[0].json()["messages"] == [{"role": "user", "content": "hi"}]


def test_failing_first_is_retried(double: Callable[..., Double]) -> None:
    started = double(rate_limited(), cut(after=0), "Hello!")
    answer = stream(started, retries=2)
    assert answer.text == "Hello!"
    errors = [attempt.error for attempt in answer.attempts]
    assert errors == ["rate_limit_exceeded", "connection_lost", None]


ERRORS: dict[str, tuple[Reply, type[DragomanError]]] = {
    "rate limited": (rate_limited(2.5), RateLimited),
    "server error": (server_error(), ServerError),
    "wrong key": (refused(401, "no"), AuthFailed),
    "cut": (cut(), ConnectionLost),
    "nonsense": (nonsense(), ProtocolError),
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", ERRORS)
def test_what_goes_wrong_has_its_type(name: str, api: str, double: Callable[..., Double]) -> None:
    reply, kind = ERRORS[name]
    with pytest.raises(kind) as told:
        ask(double(reply), api)
    if kind is RateLimited:
        assert told.value.retry_after == 2.5


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("reply", [cut(after=3), nonsense(after=3)], ids=["cut", "nonsense"])
def test_stream_that_breaks_off_leaves_what_had_come(
    reply: Reply, api: str, double: Callable[..., Double]
) -> None:
    with pytest.raises((StreamTruncated, ConnectionLost, ProtocolError)) as told:
        stream(double(reply), api)
    assert told.value.partial is not None
    assert told.value.partial.text.startswith("Hello,") or api != "openai-completions"


def test_stream_that_falls_silent_runs_into_the_timeout(double: Callable[..., Double]) -> None:
    began = time.monotonic()
    started = double(stalled("Hello there, you", after=2))
    with pytest.raises(Timeout) as told:
        stream(started, idle=0.2)
    assert told.value.phase == "idle"
    assert told.value.partial is not None
    assert told.value.partial.text == "Hello there,"
    assert time.monotonic() - began < 5


def test_silence_in_a_double_takes_no_time() -> None:
    began = time.monotonic()
    with FakeProvider(stalled()) as fake, pytest.raises(Timeout):
        stream(fake, first_token=60)
    assert time.monotonic() - began < 5


def test_usage_that_cannot_be_is_marked(double: Callable[..., Double]) -> None:
    usage = ask(double(wrong_usage())).usage
    assert usage is not None
    assert usage.suspect


def test_functions_run_until_the_model_answers(double: Callable[..., Double]) -> None:
    started = double(tool_call("add", a=2, b=3), lambda asked: f"It is {_result(asked.json())}.")

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    with Client(CONFIG) as client:
        run = client.run_tools("m", "2 + 3?", tools=[add], **where(started))
    assert run.text == "It is 5."


def _result(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def test_awaited_client_gets_the_same(double: Callable[..., Double]) -> None:
    started = double("one", "two three")

    async def talk() -> tuple[str, str]:
        async with AsyncClient(CONFIG) as client:
            whole = await client.chat("m", "hi", **where(started))
            async with client.stream("m", "hi", **where(started)) as answer:
                return whole.text, "".join([text async for text in answer.text_deltas()])

    assert asyncio.run(talk()) == ("one", "two three")


def test_module_and_clients_made_before_are_answered_too() -> None:
    with Client(CONFIG) as client:
        assert client.chat("demo/echo", "hi").text == "hi"
        with FakeProvider("Fake."):
            assert client.chat("demo/echo", "hi").text == "Fake."
            assert dragoman.chat("demo/echo", "hi").text == "Fake."
            with FakeProvider("Inner."):
                assert client.chat("demo/echo", "hi").text == "Inner."
        assert client.chat("demo/echo", "hi").text == "hi"


def test_client_with_a_transport_of_its_own_is_left_alone() -> None:
    from dragoman.transport.demo import DemoTransport

    with FakeProvider("Fake."), Client(CONFIG, transport=DemoTransport()) as client:
        assert client.chat("demo/echo", "hi").text == "hi"


def test_block_left_by_an_error_stands_in_no_more() -> None:
    def leave() -> None:
        with FakeProvider("Fake."):
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert dragoman.chat("demo/echo", "hi").text == "hi"


# ------------------------------------------------------------------- clients of other makers


def test_clients_of_other_makers_are_answered_by_the_server() -> None:
    with FaultyUpstream(rate_limited(), "Hello!") as upstream:
        with openai.OpenAI(base_url=upstream.base_url, api_key="k", max_retries=1) as client:
            completion = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hi"}]
            )
            assert completion.choices[0].message.content == "Hello!"
            events = client.responses.create(model="m", input="hi", stream=True)
            text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
            assert text == "Hello!"
        with anthropic.Anthropic(base_url=upstream.url, api_key="k") as other:
            message = other.messages.create(
                model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )
            assert message.content[0].text == "Hello!"  # type: ignore[union-attr]
    assert [asked.path for asked in upstream.asked] == [
        "/v1/chat/completions", "/v1/chat/completions", "/v1/responses", "/v1/messages",
    ]  # fmt: skip


def test_malformed_requests_and_other_paths_are_refused() -> None:
    with (
        FaultyUpstream("Hello!") as upstream,
        openai.OpenAI(base_url=upstream.base_url, api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="m", messages="hi")  # type: ignore[call-overload]
        with pytest.raises(openai.NotFoundError):
            client.moderations.create(input="hi")
        assert [model.id for model in client.models.list()] == ["fake"]


@pytest.mark.parametrize("kind", [FakeProvider, FaultyUpstream])
def test_block_ends_at_once_with_connections_open(
    kind: Callable[..., AbstractContextManager[Any]],
) -> None:
    began = time.monotonic()
    with Client(CONFIG) as client:
        with kind(stalled("Hello there", after=1)) as started:
            answer = client.stream("m", "hi", **where(started))
            next(answer)
        assert time.monotonic() - began < 3
        answer.close()
