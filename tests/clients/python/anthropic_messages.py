"""Anthropic's library."""

from __future__ import annotations

from typing import Any

import anthropic
from said import MAX_TOKENS, QUESTION, SCHEMA, TOOL, TOOL_QUESTION, TOOL_TEXT, tell


def messages(url: str) -> Any:
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=0).messages


def asked(model: str, text: str) -> dict[str, Any]:
    content = [{"role": "user", "content": text}]
    return {"model": model, "max_tokens": MAX_TOKENS, "messages": content}


def whole(url: str, model: str) -> str:
    answer = messages(url).create(**asked(model, QUESTION))
    return "".join(block.text for block in answer.content)


def stream(url: str, model: str) -> list[str]:
    with messages(url).stream(**asked(model, QUESTION)) as answer:
        return list(answer.text_stream)


def call(url: str, model: str) -> list[Any]:
    tools = [{"name": TOOL, "description": TOOL_TEXT, "input_schema": SCHEMA}]
    with messages(url).stream(**asked(model, TOOL_QUESTION), tools=tools) as answer:
        message = answer.get_final_message()
    (block,) = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    return [block.name, block.input]


tell(whole, stream, call)
