"""The demo as people meet it: through a client, with the real parser, retries and prices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from dragoman import AsyncClient, Client, Config, load
from dragoman.config.secrets import Secrets
from dragoman.engine.call import Surroundings
from dragoman.errors import StreamTruncated, UnknownModel
from dragoman.transport.demo import AsyncDemoTransport, DemoTransport
from dragoman.transport.demo.story import STORY
from tests.demo.ask import Sleeper


@dataclass
class Cargo:
    name: str
    sacks: int


def price(spice: str) -> str:
    """Look up what a sack costs."""
    return f"{spice}: 3 ducats"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(env={"HOME": str(tmp_path)}, cwd=tmp_path)


@pytest.fixture
def client(config: Config) -> Iterator[Client]:
    around = Surroundings(secrets=Secrets({}), random=lambda: 0.0)
    with Client(config, transport=DemoTransport(Sleeper()), surroundings=around) as client:
        yield client


def test_an_answer_has_a_price_that_says_that_it_is_invented(client: Client) -> None:
    answer = client.chat("demo/echo", "one two three")
    assert (answer.text, answer.cost_source) == ("one two three", "demo")
    assert answer.cost == 3 * (Decimal("0.1") + Decimal("0.4")) / 1_000_000


def test_a_streamed_story_is_the_story_and_costs_the_same(client: Client) -> None:
    with client.stream("demo/story", "Tell me") as answer:
        assert "".join(answer.text_deltas()) == STORY
    assert answer.completion.cost == client.chat("demo/story", "Tell me").cost


@pytest.mark.parametrize("stream", [False, True])
def test_flaky_is_retried_and_then_falls_back(client: Client, stream: bool) -> None:
    refs = ["demo/flaky", "demo/echo"]
    if stream:
        with client.stream(refs, "Hello") as streamed:
            assert "".join(streamed.text_deltas()) == "Hello"
        attempts = tuple(streamed.exchange.attempts)
    else:
        answer = client.chat(refs, "Hello")
        assert answer.text == "Hello"
        attempts = answer.attempts
    assert [attempt.status for attempt in attempts] == [429, 500, 200, 200]
    assert [attempt.kind for attempt in attempts] == ["first", "retry", "retry", "fallback"]


def test_what_had_come_before_a_cut_is_kept(client: Client) -> None:
    with (
        pytest.raises(StreamTruncated) as caught,
        client.stream(["demo/flaky", "demo/echo"], "Hello", seed=4) as answer,
    ):
        list(answer)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hello! It took some"


def test_a_value_is_parsed_from_json(client: Client) -> None:
    parsed = client.parse(Cargo, "demo/json", "What is in the ship?")
    assert (parsed.value, parsed.via) == (Cargo("name", 1), "native")


def test_a_tool_is_called_and_its_result_used(client: Client) -> None:
    run = client.run_tools("demo/tools", "What is pepper?", tools=[price])
    assert run.text == "The tool answered: spice: 3 ducats"
    assert len(run.completions) == 2


def test_an_unknown_demo_model_is_told_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(UnknownModel, match="ecko"):
        client.chat("demo/ecko", "Hello")


def test_awaited_it_is_the_same(config: Config) -> None:
    async def ask() -> tuple[str, str]:
        transport = AsyncDemoTransport(Sleeper().awaited)
        async with AsyncClient(config, transport=transport) as client:
            answer = await client.chat("demo/echo", "Hello")
            async with client.stream("demo/story", "Tell me") as stream:
                story = "".join([text async for text in stream.text_deltas()])
        return answer.text, story

    assert asyncio.run(ask()) == ("Hello", STORY)
