"""Writes requests for Cohere's `/v2/chat`."""

from __future__ import annotations

from typing import Any

from dragoman.adapters.ask import Ask
from dragoman.adapters.own_fields import add_own_fields
from dragoman.errors import Unsupported
from dragoman.types.message import Media, Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.request import ChatRequest, ForeignTool, JsonSchema, ReasoningOptions, Tool
from dragoman.wire.data_url import make_data_url

NAME = "cohere"
"""Under this name parts keep what only this API reads back: see `own_kind`."""

OWN_FIELDS = frozenset(
    {"documents", "citation_options", "safety_mode", "priority", "strict_tools", "thinking"}
)

_SAME = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
"""Our name → Cohere's."""


def render_body(ask: Ask) -> dict[str, Any]:
    """Write a request. Raises: Unsupported."""
    request = ask.request
    messages = [told for message in request.messages for told in _messages(message, ask)]
    body: dict[str, Any] = {"model": ask.model, "messages": messages, "stream": ask.stream}
    for ours, theirs in _SAME.items():
        value = getattr(request, ours)
        if value is not None:
            body[theirs] = value
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.logprobs:
        body["logprobs"] = True
    _add_tools(request, body, ask)
    if request.output is not None:
        body["response_format"] = {"type": "json_object"}
        if isinstance(request.output, JsonSchema):
            body["response_format"]["json_schema"] = request.output.schema
    if request.reasoning is not None and (thinking := _thinking(request.reasoning)):
        body["thinking"] = thinking
    add_own_fields(ask, body, OWN_FIELDS)
    return body


def own_kind(part: Reasoning) -> str | None:
    """Say what reasoning was called here: `thinking`, `tool_plan`; None when it came otherwise."""
    kind = (part.meta or {}).get(NAME, {}).get("kind")
    return kind if isinstance(kind, str) else None


def _messages(message: Message, ask: Ask) -> list[dict[str, Any]]:
    """Write one message; results of tools are a message each."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if results:
        return [_result(result, ask) for result in results]
    if message.role == "assistant":
        return [_assistant(message)]
    role = "user" if message.role == "user" else "system"
    return [{"role": role, "content": _content(message.parts)}]


def _assistant(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": "assistant"}
    reasoning = [part for part in message.parts if isinstance(part, Reasoning)]
    plan = "".join(part.text for part in reasoning if own_kind(part) == "tool_plan")
    thinking = [
        {"type": "thinking", "thinking": part.text}
        for part in reasoning
        if own_kind(part) == "thinking" and part.text
    ]
    text = message.text
    if thinking:
        told["content"] = [*thinking, *([{"type": "text", "text": text}] if text else [])]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if not thinking and (text or not calls):
        told["content"] = text
    if plan:
        told["tool_plan"] = plan
    if calls:
        told["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in calls
        ]
    return told


def _result(result: ToolResult, ask: Ask) -> dict[str, Any]:
    if any(isinstance(part, Media) for part in result.parts):
        raise Unsupported("Cohere takes text alone as a tool's result", param="messages")
    if result.is_error:
        ask.warn("that a tool failed is not sent: Cohere cannot be told")
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    return {"role": "tool", "tool_call_id": result.call_id, "content": text}


def _content(parts: tuple[Any, ...]) -> str | list[dict[str, Any]]:
    """Write what a user says: text alone is a string."""
    blocks = [_block(part) for part in parts if isinstance(part, Text | Media)]
    if all(block["type"] == "text" for block in blocks):
        return "".join(block["text"] for block in blocks)
    return blocks


def _block(part: Text | Media) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.kind != "image" or part.file_id is not None:
        raise Unsupported(f"Cohere takes no {part.kind} like this", param="messages")
    url = part.url
    if part.data is not None:
        url = make_data_url(part.media_type or "image/png", part.data)
    image = {"url": url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def _add_tools(request: ChatRequest, body: dict[str, Any], ask: Ask) -> None:
    choice = request.tool_choice
    tools: list[Tool] = []
    for tool in request.tools:
        if isinstance(tool, ForeignTool):
            ask.warn(f"a tool that only {tool.format} knows is not sent")
        elif choice is None or choice.name in (None, tool.name):
            tools.append(tool)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        if any(tool.strict for tool in tools):
            body["strict_tools"] = True
    if choice is not None and choice.mode == "none":
        body["tool_choice"] = "NONE"
    elif choice is not None and choice.mode in ("required", "tool"):
        body["tool_choice"] = "REQUIRED"  # of one function: the others are not offered


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _thinking(reasoning: ReasoningOptions) -> dict[str, Any] | None:
    if reasoning.effort == "none" or reasoning.budget_tokens == 0:
        return {"type": "disabled"}
    if reasoning.budget_tokens is not None:
        return {"type": "enabled", "token_budget": reasoning.budget_tokens}
    return {"type": "enabled"} if reasoning.effort is not None else None
