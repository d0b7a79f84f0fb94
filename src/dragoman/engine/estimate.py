"""How many tokens a request has, about. A heuristic: good to a quarter, wrong for some scripts.

The provider's own count is the truth; this one decides nothing by a hair (see `context`), fills in
where no usage was reported, and says so.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.types.message import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.request import ChatRequest, ForeignTool, Tool
from dragoman.types.usage import Usage
from dragoman.wire.json_text import utf8_size

BYTES_PER_TOKEN = 4
"""English prose has about 4 characters a token in the common vocabularies; in UTF-8 bytes the rule
holds roughly for other scripts too, where a character is 2 to 4 bytes and about one token.
Source: https://help.openai.com/en/articles/4936856 (read 2026-11)"""

MESSAGE_TOKENS = 4
"""What a chat template adds around each message."""

MEDIA_TOKENS = {"image": 1000, "audio": 1000, "video": 5000, "file": 2000}
"""A middling figure: vendors count an image by size and detail, from 85 to 1 600 and more."""


def estimate_size(size: int) -> int:
    """Estimate the tokens of so many bytes; a part of one counts as one."""
    return -(-size // BYTES_PER_TOKEN)


def estimate_text(text: str) -> int:
    """Estimate the tokens of a text."""
    return estimate_size(utf8_size(text))


def estimate_message(message: Message) -> int:
    """Estimate the tokens of a message."""
    return MESSAGE_TOKENS + sum(_part(part) for part in message.parts)


def estimate_answer(message: Message) -> int:
    """Estimate the tokens that a model made for a message: what no template added."""
    return estimate_message(message) - MESSAGE_TOKENS


def count_prompts(prompt: Any) -> int:
    """Count the prompts of a text completion: a list may be several, or the tokens of one."""
    several = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    return len(prompt) if several else 1


def estimate_request(request: ChatRequest) -> int:
    """Estimate the tokens of the prompt: messages, tools and the answer's schema."""
    total = sum(estimate_message(message) for message in request.messages)
    total += sum(_tool(tool) for tool in request.tools)
    if request.output is not None:
        total += estimate_size(len(msgspec.json.encode(request.output)))
    return total


def fill_in(usage: Usage, prompt_tokens: int, completion_tokens: int) -> Usage:
    """Put guesses where nothing was reported, and mark them as ours."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is not None and completion is not None:
        return usage
    return replace(
        usage,
        prompt_tokens=prompt_tokens if prompt is None else prompt,
        completion_tokens=completion_tokens if completion is None else completion,
        estimated=True,
    )


def raise_to_said(usage: Usage, prompt_tokens: int, completion_tokens: int) -> Usage:
    """Count an answer that broke off: at least what it had said, and marked as our guess.

    What was reported until then is how it began: Anthropic's `message_start` has a placeholder.
    """
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return replace(
        usage,
        prompt_tokens=prompt_tokens if prompt is None else prompt,
        completion_tokens=max(completion_tokens, completion or 0),
        estimated=True,
    )


def _part(part: Part) -> int:
    if isinstance(part, Text | Refusal | Reasoning):
        return estimate_text(part.text)
    if isinstance(part, Media):
        return MEDIA_TOKENS[part.kind]
    if isinstance(part, ToolCall):
        return MESSAGE_TOKENS + estimate_text(part.name) + estimate_text(part.arguments)
    if isinstance(part, ToolResult):
        return MESSAGE_TOKENS + sum(_part(inner) for inner in part.parts)
    return estimate_text(part.raw)


def _tool(tool: Tool | ForeignTool) -> int:
    if isinstance(tool, ForeignTool):
        return estimate_text(tool.raw)
    return MESSAGE_TOKENS + estimate_size(len(msgspec.json.encode(tool)))
