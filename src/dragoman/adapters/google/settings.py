"""Everything of a request that is no message: `generationConfig`, `tools`, `toolConfig`.

Source: https://ai.google.dev/api/generate-content#generationconfig and
https://ai.google.dev/api/caching#FunctionDeclaration (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.adapters.google.contents import Object, Warn
from dragoman.adapters.google.model import NAME, takes_levels
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, Effort, ForeignTool, JsonSchema, Tool
from dragoman.wire.json_text import decode

_FIELDS = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
}
"""What differs in its name alone."""

_LEVELS: dict[Effort, str] = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "XHIGH",
    "max": "XHIGH",
}
_BUDGETS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""Which effort is which budget; 24576 is the most that all models of that generation take.

Source: https://ai.google.dev/gemini-api/docs/openai#thinking (read 2026-11)
"""

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "tool": "ANY"}


def render_config(request: ChatRequest, model: str, dialect: Dialect, warn: Warn) -> Object:
    """Write `generationConfig`; empty when nothing was said."""
    config: Object = {}
    for ours, name in _FIELDS.items():
        if (value := getattr(request, ours)) is not None:
            config[name] = value
    if request.top_logprobs is not None and request.logprobs:
        config["logprobs"] = request.top_logprobs
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.n not in (None, 1):
        warn(f"n = {request.n} is not sent: one answer is asked for")
    if request.output is not None:
        config["responseMimeType"] = "application/json"
        if isinstance(request.output, JsonSchema):
            config["responseJsonSchema"] = request.output.schema
    if thinking := _thinking(request, model, dialect, warn):
        config["thinkingConfig"] = thinking
    return config


def _thinking(request: ChatRequest, model: str, dialect: Dialect, warn: Warn) -> Object:
    """Write how much to think. What is thought is shown whenever thinking is asked for."""
    options = request.reasoning
    if options is None:
        return {}
    if dialect.reasoning == "none":
        warn("reasoning options are not sent: this provider does not know them")
        return {}
    effort, budget = options.effort, options.budget_tokens
    config: Object = {}
    if budget is not None:
        config["thinkingBudget"] = budget
    elif effort is not None and takes_levels(model):
        config["thinkingLevel"] = _LEVELS[effort]
        if effort in ("none", "max"):
            said = _LEVELS[effort].lower()
            warn(f"the reasoning effort {effort!r} is sent as {said!r}, the nearest here")
    elif effort is not None:
        config["thinkingBudget"] = _BUDGETS[effort]
        if effort != "none":
            warn(f"the reasoning effort {effort!r} is sent as {_BUDGETS[effort]} tokens")
    if effort != "none" and budget != 0:
        config["includeThoughts"] = True
    return config


def render_tools(request: ChatRequest, body: Object, warn: Warn) -> None:
    """Write `tools` and `toolConfig` into a body."""
    declared: list[Object] = []
    others: list[Any] = []
    strict = False
    for tool in request.tools:
        if isinstance(tool, Tool):
            declared.append(_declare(tool))
            strict = strict or tool.strict is True
        elif isinstance(tool, ForeignTool) and tool.format == NAME:
            others.append(decode(tool.raw.encode()))
        else:
            warn(f"a tool that only {tool.format} knows is left out")
    tools = [{"functionDeclarations": declared}] if declared else []
    tools += others
    choice = request.tool_choice
    if request.parallel_tool_calls is False and declared:
        warn("parallel_tool_calls is not sent: this API always lets the model make several calls")
    if not tools:
        if choice is not None and choice.mode != "none":
            warn("tool_choice is not sent: there are no tools")
        return
    body["tools"] = tools
    config: Object = {}
    if choice is not None:
        config["mode"] = _MODES[choice.mode]
        if choice.mode == "tool":
            config["allowedFunctionNames"] = [choice.name]
        for name in choice.meta or ():
            warn(f"tool_choice is sent as {config['mode']!r}: {name} alone can say it better")
    if strict and config.get("mode") in (None, "AUTO"):
        config["mode"] = "VALIDATED"  # AUTO, with arguments that the schema admits
    if config and declared:
        body["toolConfig"] = {"functionCallingConfig": config}


def _declare(tool: Tool) -> Object:
    declared: Object = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.parameters:
        declared["parametersJsonSchema"] = tool.parameters
    return declared
