"""OpenAI's library, chat completions."""

from __future__ import annotations

import json
from typing import Any

import openai
from said import MAX_TOKENS, QUESTION, SCHEMA, TOOL, TOOL_QUESTION, TOOL_TEXT, tell


def create(url: str, model: str, text: str = QUESTION, **options: Any) -> Any:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
    messages: Any = [{"role": "user", "content": text}]
    return client.chat.completions.create(
        model=model, messages=messages, max_tokens=MAX_TOKENS, **options
    )


def whole(url: str, model: str) -> str:
    answer = create(url, model)
    return str(answer.choices[0].message.content)


def stream(url: str, model: str) -> list[str]:
    chunks = list(create(url, model, stream=True, stream_options={"include_usage": True}))
    return [c.delta.content for chunk in chunks for c in chunk.choices if c.delta.content]


def call(url: str, model: str) -> list[Any]:
    function = {"name": TOOL, "description": TOOL_TEXT, "parameters": SCHEMA}
    chunks = create(
        url, model, TOOL_QUESTION, stream=True, tools=[{"type": "function", "function": function}]
    )
    deltas = [c.delta for chunk in chunks for c in chunk.choices]
    pieces = [piece.function for delta in deltas for piece in delta.tool_calls or []]
    name = "".join(piece.name or "" for piece in pieces)
    return [name, json.loads("".join(piece.arguments or "" for piece in pieces))]


tell(whole, stream, call)
