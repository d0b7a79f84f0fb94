"""LangChain: the packages for OpenAI and for Anthropic, by the same questions."""

from __future__ import annotations

import sys
from typing import Any

from langchain_core.tools import tool
from said import MAX_TOKENS, QUESTION, TOOL_QUESTION, tell


@tool
def look_up(city: str) -> str:
    """Look up a city."""
    return city


def model_of(url: str, model: str) -> Any:
    if sys.argv[2] == "openai":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            base_url=f"{url}/v1", api_key="any", model=model, max_tokens=MAX_TOKENS, max_retries=0
        )
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(
        base_url=url, api_key="any", model=model, max_tokens=MAX_TOKENS, max_retries=0
    )


def whole(url: str, model: str) -> str:
    return str(model_of(url, model).invoke(QUESTION).text)


def stream(url: str, model: str) -> list[str]:
    return [str(piece.text) for piece in model_of(url, model).stream(QUESTION) if piece.text]


def call(url: str, model: str) -> list[Any]:
    (made,) = model_of(url, model).bind_tools([look_up]).invoke(TOOL_QUESTION).tool_calls
    return [made["name"], made["args"]]


tell(whole, stream, call)
