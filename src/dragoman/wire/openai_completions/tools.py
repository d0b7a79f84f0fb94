"""Tools and the choice among them, read and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, ForeignTool, Tool, ToolChoice
from dragoman.wire.fields import expect, read_list, read_object, read_text, refuse
from dragoman.wire.json_text import decode, encode_text
from dragoman.wire.openai_completions.schema import NAME
from dragoman.wire.openai_tools import CHOICES, read_function
from dragoman.wire.parts import own_meta


def parse_tools(rest: dict[str, Any]) -> tuple[Tool | ForeignTool, ...]:
    """Read the tools, and take them out. Raises: InvalidRequest."""
    if "tools" not in rest:
        return ()
    tools = read_list(rest.pop("tools"), "tools")
    return tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools))


def _tool(value: Any, path: str) -> Tool | ForeignTool:
    tool = read_object(value, path)
    if read_text(tool.get("type"), f"{path}.type") != "function":
        return ForeignTool(NAME, encode_text(tool))
    function = read_object(tool.get("function"), f"{path}.function")
    name = read_text(function.get("name"), f"{path}.function.name")
    optional = read_function(function, f"{path}.function")
    own = {key: item for key, item in tool.items() if key not in ("type", "function")}
    return Tool(name, **optional, meta=own_meta(NAME, own))


def parse_tool_choice(rest: dict[str, Any]) -> ToolChoice | None:
    """Read the choice among the tools, and take it out. Raises: InvalidRequest."""
    if "tool_choice" not in rest:
        return None
    choice = rest.pop("tool_choice")
    if isinstance(choice, str):
        if (mode := CHOICES.get(choice)) is not None:
            return mode
        refuse("tool_choice", f"unknown choice {choice[:40]!r}; one of auto, none, required")
    if not isinstance(choice, dict):
        expect(choice, "tool_choice", "a string or an object")
    if choice.get("type") == "function":
        function = read_object(choice.get("function"), "tool_choice.function")
        return ToolChoice("tool", read_text(function.get("name"), "tool_choice.function.name"))
    allowed = choice.get("allowed_tools")
    must = isinstance(allowed, dict) and allowed.get("mode") == "required"
    must = must or choice.get("type") == "custom"
    return ToolChoice("required" if must else "auto", meta={NAME: choice})


def render_tools(
    request: ChatRequest, dialect: Dialect, body: dict[str, Any], warn: Callable[[str], None]
) -> None:
    """Write tools, choice, and whether calls may come in parallel, which the body says already."""
    tools: list[Any] = []
    for tool in request.tools:
        if isinstance(tool, Tool):
            tools.append(_render_tool(tool, dialect, warn))
        elif tool.format == NAME:
            tools.append(decode(tool.raw.encode()))
        else:
            warn(f"a tool that only {tool.format} knows is left out")
    if tools:
        body["tools"] = tools
    choice = request.tool_choice
    if choice is not None and (tools or choice.mode == "none"):
        own = (choice.meta or {}).get(NAME)
        if own is not None:
            body["tool_choice"] = own
        elif choice.mode == "tool":
            body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        else:
            body["tool_choice"] = choice.mode
    if "parallel_tool_calls" in body and not (tools and dialect.parallel_tool_calls):
        wanted = body.pop("parallel_tool_calls")
        if tools and not wanted:
            warn("parallel_tool_calls is not sent: this provider does not know it")


def _render_tool(tool: Tool, dialect: Dialect, warn: Callable[[str], None]) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        if dialect.strict_tools:
            function["strict"] = tool.strict
        elif tool.strict:
            warn("a tool's `strict` is not sent: this provider does not know it")
    return {"type": "function", "function": function, **(tool.meta or {}).get(NAME, {})}
