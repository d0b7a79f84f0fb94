"""One way of asking for sync and async, so that each test runs through both drivers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dragoman import Answer, AsyncClient, Client
from dragoman.config import Config, Secrets, load
from dragoman.engine.answer import EmbeddingAnswer
from dragoman.engine.call import Surroundings
from dragoman.routing.retry import RetryPolicy
from dragoman.types import Event, Exchange

QUICK = RetryPolicy(base=0.001, cap=0.002)


def configure(
    providers: Mapping[str, Mapping[str, Any]],
    *,
    env: Mapping[str, str] | None = None,
    **settings: Any,
) -> Config:
    """Make a configuration of these providers and no file."""
    return load(
        env={"HOME": "/nowhere", **(env or {})}, overrides={"providers": providers} | settings
    )


@dataclass
class Asker:
    """Asks through one of the drivers. `memory` (health, limits) lasts as long as the asker."""

    kind: str
    config: Config
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.around = Surroundings(
            secrets=Secrets(self.env), policy=QUICK, random=random.Random(7).random
        )

    def chat(self, model: Any, messages: Any = "hi", **params: Any) -> Answer:
        """Ask for a whole answer."""
        if self.kind == "sync":
            with Client(self.config, surroundings=self.around) as client:
                return client.chat(model, messages, **params)

        async def ask() -> Answer:
            async with AsyncClient(self.config, surroundings=self.around) as client:
                return await client.chat(model, messages, **params)

        return asyncio.run(ask())

    def embed(self, model: Any, texts: Any, **params: Any) -> EmbeddingAnswer:
        """Ask for the vectors of texts."""
        if self.kind == "sync":
            with Client(self.config, surroundings=self.around) as client:
                return client.embed(model, texts, **params)

        async def ask() -> EmbeddingAnswer:
            async with AsyncClient(self.config, surroundings=self.around) as client:
                return await client.embed(model, texts, **params)

        return asyncio.run(ask())

    def chat_often(self, count: int, model: Any, **params: Any) -> list[Answer]:
        """Ask for several whole answers over one client, one after another."""
        if self.kind == "sync":
            with Client(self.config, surroundings=self.around) as client:
                return [client.chat(model, "hi", **params) for _ in range(count)]

        async def ask() -> list[Answer]:
            async with AsyncClient(self.config, surroundings=self.around) as client:
                return [await client.chat(model, "hi", **params) for _ in range(count)]

        return asyncio.run(ask())

    def chat_at_once(self, count: int, model: Any, **params: Any) -> list[Answer]:
        """Ask for several whole answers at the same time."""
        if self.kind == "sync":
            from concurrent.futures import ThreadPoolExecutor

            with (
                Client(self.config, surroundings=self.around) as client,
                ThreadPoolExecutor(count) as pool,
            ):
                return list(pool.map(lambda _: client.chat(model, "hi", **params), range(count)))

        async def ask() -> list[Answer]:
            async with AsyncClient(self.config, surroundings=self.around) as client:
                return await asyncio.gather(
                    *(client.chat(model, "hi", **params) for _ in range(count))
                )

        return asyncio.run(ask())

    def stream(
        self,
        model: Any,
        messages: Any = "hi",
        *,
        until: Callable[[list[Event]], bool] = lambda _: False,
        **params: Any,
    ) -> Streamed:
        """Stream an answer to its end, or until a condition holds and we leave."""
        events: list[Event] = []
        error: Exception | None = None
        if self.kind == "sync":
            with Client(self.config, surroundings=self.around) as client:
                with client.stream(model, messages, **params) as answer:
                    try:
                        for event in answer:
                            events.append(event)
                            if until(events):
                                break
                    except Exception as raised:
                        error = raised
                return Streamed(events, answer.completion, answer.exchange, error)

        async def ask() -> Streamed:
            error: Exception | None = None
            async with AsyncClient(self.config, surroundings=self.around) as client:
                async with client.stream(model, messages, **params) as answer:
                    try:
                        async for event in answer:
                            events.append(event)
                            if until(events):
                                break
                    except Exception as raised:
                        error = raised
                return Streamed(events, answer.completion, answer.exchange, error)

        return asyncio.run(ask())


@dataclass
class Streamed:
    """How a stream went."""

    events: list[Event]
    completion: Answer
    exchange: Exchange
    error: Exception | None


def trail(exchange: Exchange) -> list[str]:
    """The attempts in short: `first a/x error 500 upstream_error`."""
    return [
        " ".join(
            str(word)
            for word in (
                attempt.kind,
                f"{attempt.provider}/{attempt.model}",
                attempt.outcome,
                attempt.status,
                attempt.error,
            )
            if word is not None
        )
        for attempt in exchange.attempts
    ]


def elapsed(since: float) -> float:
    """Seconds since a time of `time.monotonic()`."""
    return time.monotonic() - since


__all__ = ["Asker", "Streamed", "configure", "elapsed", "trail"]
