"""What an answer repeats of its request: the official clients count on some of it.

Source: https://platform.openai.com/docs/api-reference/responses/object (read 2026-11)
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.types.request import ChatRequest, JsonObject, JsonSchema
from dragoman.wire.json_text import encode
from dragoman.wire.openai_responses.request import schema_format
from dragoman.wire.openai_responses.schema import NAME, own
from dragoman.wire.openai_responses.tools import render_choice, tool_list

_DEFAULTS: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": None,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}

_KEPT = (
    "max_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "truncation",
)
"""Fields of the request that nobody models and that answers repeat."""

_PLAIN = {
    "max_output_tokens": "max_tokens",
    "metadata": "metadata",
    "parallel_tool_calls": "parallel_tool_calls",
    "temperature": "temperature",
    "top_logprobs": "top_logprobs",
    "top_p": "top_p",
    "user": "user",
}


def echo(request: ChatRequest | None) -> dict[str, Any]:
    """Write what an answer repeats.

    `store` is among it: whoever cannot keep an answer refuses the request that asks for it.
    """
    rendered = dict(_DEFAULTS)
    if request is None:
        return rendered
    for name, ours in _PLAIN.items():
        if (value := getattr(request, ours)) is not None:
            rendered[name] = value
    if request.format == NAME:
        rendered |= {name: request.extra[name] for name in _KEPT if name in request.extra}
        rendered["instructions"] = _instructions(request)
        if request.tool_choice is not None:
            rendered["tool_choice"] = render_choice(request.tool_choice)
        if tools := tool_list(request, _nobody):
            rendered["tools"] = msgspec.Raw(encode(tools))  # written once, said three times
    if (options := request.reasoning) is not None:
        rendered["reasoning"] = {
            "effort": options.effort,
            "summary": options.summary,
            **own(options.meta),
        }
    rendered["text"] = _text(request)
    return rendered


def _instructions(request: ChatRequest) -> str | None:
    first = request.messages[0] if request.messages else None
    return first.text if first is not None and "instructions" in own(first.meta) else None


def _text(request: ChatRequest) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "text"}
    if isinstance(request.output, JsonSchema):
        form = schema_format(request.output)
    elif isinstance(request.output, JsonObject):
        form = {"type": "json_object"}
    more = request.extra.get("text") if request.format == NAME else None
    return {"format": form, **more} if isinstance(more, dict) else {"format": form}


def _nobody(sentence: str) -> None:
    """The client knows what its own tools are: there is nothing to warn of."""
    del sentence
