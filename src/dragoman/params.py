"""What a caller may say about a call, and how it becomes a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

from dragoman.conversation import Messages, read_messages
from dragoman.engine.call import CallOptions
from dragoman.errors import InvalidRequest
from dragoman.tools import tool_from_function
from dragoman.types.credential import Secret
from dragoman.types.message import system
from dragoman.types.provider import Api, OnOverflow
from dragoman.types.request import (
    ChatRequest,
    ForeignTool,
    JsonObject,
    JsonSchema,
    ReasoningOptions,
    Tool,
    ToolChoice,
)

ModelRefs: TypeAlias = str | Sequence[str] | None
"""A model or route; several in order of fallback; None for the configured default."""

AnyTool: TypeAlias = Tool | ForeignTool | Mapping[str, Any] | Callable[..., Any]
"""A tool, one in OpenAI's shape, or a function whose signature and docstring describe it."""


class Params(TypedDict, total=False):
    """Keyword arguments of every call. What is left out is not sent.

    output: a JSON Schema, "json" for any JSON object, or an `OutputFormat`.
    reasoning: an effort ("low" … "high"), a budget in tokens, or `ReasoningOptions`.
    body: further top-level fields of the request, sent as they are.
    api_key: comes before every configured key. base_url, api: an endpoint that no configuration
    knows; the model is then the server's own name for it.
    first_token, idle, total, hedge_after: seconds. retries: the same deployment again.
    """

    system: str
    tools: Sequence[AnyTool]
    tool_choice: str | ToolChoice | Mapping[str, Any]
    parallel_tool_calls: bool
    output: str | Mapping[str, Any] | JsonObject | JsonSchema
    reasoning: str | int | ReasoningOptions
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    stop: str | Sequence[str]
    seed: int
    presence_penalty: float
    frequency_penalty: float
    logprobs: bool
    top_logprobs: int
    user: str
    metadata: Mapping[str, Any]
    body: Mapping[str, Any]
    api_key: str | Secret
    base_url: str
    api: Api
    first_token: float
    idle: float
    total: float
    retries: int
    hedge_after: float
    on_overflow: OnOverflow


_AS_THEY_ARE = (
    "parallel_tool_calls",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "user",
    "metadata",
)
_OPTIONS = ("first_token", "idle", "total", "retries", "hedge_after", "on_overflow")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def build_request(
    model: str, messages: Messages, params: Params, *, stream: bool = False
) -> ChatRequest:
    """Make the request. Raises: InvalidRequest that names the parameter."""
    check_names(params)
    history = read_messages(messages)
    if instructions := params.get("system"):
        history = (system(instructions), *history)
    if not history:
        raise InvalidRequest("there is nothing to send: the messages are empty", param="messages")
    stop = params.get("stop", ())
    return ChatRequest(
        model=model,
        messages=history,
        tools=tuple(read_tool(tool) for tool in params.get("tools", ())),
        tool_choice=_tool_choice(params.get("tool_choice")),
        output=_output(params.get("output")),
        reasoning=_reasoning(params.get("reasoning")),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        stream=stream,
        extra=dict(params.get("body", {})),
        **{name: params[name] for name in _AS_THEY_ARE if name in params},  # type: ignore[literal-required]
    )


def build_options(params: Params) -> CallOptions:
    """Pick out what concerns the engine and not the request."""
    key = params.get("api_key")
    return CallOptions(
        api_key=Secret(key) if isinstance(key, str) else key,
        **{name: params[name] for name in _OPTIONS if name in params},  # type: ignore[literal-required]
    )


def check_names(params: Mapping[str, Any]) -> None:
    """Refuse a parameter that does not exist. Raises: InvalidRequest with a suggestion."""
    for name in params:
        if name not in Params.__annotations__:
            import difflib

            near = difflib.get_close_matches(name, Params.__annotations__, n=1)
            fix = f"did you mean {near[0]}? " if near else ""
            raise InvalidRequest(
                f"there is no parameter {name!r}",
                param=name,
                hint=f"{fix}Fields for the provider alone go into body={{...}}",
            )


def read_tool(tool: AnyTool) -> Tool | ForeignTool:
    """Make a tool of what a caller gave. Raises: InvalidRequest."""
    if isinstance(tool, Tool | ForeignTool):
        return tool
    if callable(tool):
        return tool_from_function(tool)
    from dragoman.wire.openai_completions.tools import parse_tools

    return parse_tools({"tools": [dict(tool)]})[0]


def _tool_choice(choice: str | ToolChoice | Mapping[str, Any] | None) -> ToolChoice | None:
    if choice is None or isinstance(choice, ToolChoice):
        return choice
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return ToolChoice(choice)  # type: ignore[arg-type]
        return ToolChoice("tool", choice)
    from dragoman.wire.openai_completions.tools import parse_tool_choice

    return parse_tool_choice({"tool_choice": dict(choice)})


def _output(
    output: str | Mapping[str, Any] | JsonObject | JsonSchema | None,
) -> JsonObject | JsonSchema | None:
    if output is None or isinstance(output, JsonObject | JsonSchema):
        return output
    if isinstance(output, str):
        if output != "json":
            raise InvalidRequest(
                f"output is a JSON Schema or 'json', not {output!r}", param="output"
            )
        return JsonObject()
    return JsonSchema(output, name=str(output.get("title", "answer")))


def _reasoning(reasoning: str | int | ReasoningOptions | None) -> ReasoningOptions | None:
    if reasoning is None or isinstance(reasoning, ReasoningOptions):
        return reasoning
    if isinstance(reasoning, int):
        return ReasoningOptions(budget_tokens=reasoning)
    if reasoning not in _EFFORTS:
        raise InvalidRequest(
            f"reasoning is one of {', '.join(_EFFORTS)}, or a number of tokens", param="reasoning"
        )
    return ReasoningOptions(effort=reasoning)  # type: ignore[arg-type]
