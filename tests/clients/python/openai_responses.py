"""OpenAI's library, responses."""

from __future__ import annotations

import json
from typing import Any

import openai
from said import MAX_TOKENS, QUESTION, SCHEMA, TOOL, TOOL_QUESTION, TOOL_TEXT, tell


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


def whole(url: str, model: str) -> str:
    answer = client(url).responses.create(model=model, input=QUESTION, max_output_tokens=MAX_TOKENS)
    return answer.output_text


def stream(url: str, model: str) -> list[str]:
    with client(url).responses.stream(
        model=model, input=QUESTION, max_output_tokens=MAX_TOKENS
    ) as events:
        return [event.delta for event in events if event.type == "response.output_text.delta"]


def call(url: str, model: str) -> list[Any]:
    tool: Any = {"type": "function", "name": TOOL, "description": TOOL_TEXT, "parameters": SCHEMA}
    answer = client(url).responses.create(model=model, input=TOOL_QUESTION, tools=[tool])
    (item,) = [item for item in answer.output if item.type == "function_call"]
    return [item.name, json.loads(item.arguments)]


tell(whole, stream, call)
