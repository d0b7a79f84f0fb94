"""Pydantic AI: an agent that calls its tool and goes on to the end."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from said import MAX_TOKENS, QUESTION, TOOL_QUESTION, tell


def agent_of(url: str, model: str) -> Agent:
    provider = OpenAIProvider(base_url=f"{url}/v1", api_key="any")
    return Agent(
        OpenAIChatModel(model, provider=provider), model_settings={"max_tokens": MAX_TOKENS}
    )


def whole(url: str, model: str) -> str:
    return agent_of(url, model).run_sync(QUESTION).output


def stream(url: str, model: str) -> list[str]:
    async def collect() -> list[str]:
        async with agent_of(url, model).run_stream(QUESTION) as answer:
            return [piece async for piece in answer.stream_text(delta=True, debounce_by=None)]

    return asyncio.run(collect())


def call(url: str, model: str) -> list[Any]:
    agent = agent_of(url, model)
    calls: list[Any] = []

    @agent.tool_plain
    def look_up(city: str) -> str:
        """Look up a city."""
        calls.extend(["look_up", {"city": city}])
        return "it is there"

    assert agent.run_sync(TOOL_QUESTION).output == "Hello from upstream."
    return calls


tell(whole, stream, call)
