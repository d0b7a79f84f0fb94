"""Tools and the choice among them, read and written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, ForeignTool, Tool, ToolChoice
from dragoman.wire.anthropic_messages.content import Warn
from dragoman.wire.anthropic_messages.schema import NAME, own, rest_meta
from dragoman.wire.fields import read_bool, read_list, read_object, read_text, refuse
from dragoman.wire.json_text import decode, encode_text

_CHOICES = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "any": ToolChoice("required"),
}


def parse_tools(value: Any) -> tuple[Tool | ForeignTool, ...]:
    """Read the tools. Raises: InvalidRequest."""
    tools = read_list(value, "tools")
    return tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools))


def _tool(value: Any, path: str) -> Tool | ForeignTool:
    tool = read_object(value, path)
    kind = tool.get("type")
    if kind is not None and read_text(kind, f"{path}.type") != "custom":
        return ForeignTool(NAME, encode_text(tool))
    optional: dict[str, Any] = {}
    for field, read in (("description", read_text), ("strict", read_bool)):
        if tool.get(field) is not None:
            optional[field] = read(tool[field], f"{path}.{field}")
    return Tool(
        read_text(tool.get("name"), f"{path}.name"),
        parameters=read_object(tool.get("input_schema"), f"{path}.input_schema"),
        meta=rest_meta(tool, "type", "name", "description", "strict", "input_schema"),
        **optional,
    )


def parse_tool_choice(value: Any) -> tuple[ToolChoice, bool | None]:
    """Read the choice, and whether calls may come in parallel. Raises: InvalidRequest."""
    choice = read_object(value, "tool_choice")
    kind = read_text(choice.get("type"), "tool_choice.type")
    parallel = None
    if choice.get("disable_parallel_tool_use") is not None:
        path = "tool_choice.disable_parallel_tool_use"
        parallel = not read_bool(choice["disable_parallel_tool_use"], path)
    if kind == "tool":
        return ToolChoice("tool", read_text(choice.get("name"), "tool_choice.name")), parallel
    if kind not in _CHOICES:
        refuse("tool_choice.type", f"unknown choice {kind[:40]!r}; one of auto, any, tool, none")
    return _CHOICES[kind], parallel


def render_tools(
    request: ChatRequest,
    called: Iterable[str],
    dialect: Dialect,
    body: dict[str, Any],
    warn: Warn,
) -> None:
    """Write tools, choice, and whether calls may come in parallel.

    `called` are the names of the tools that the history calls: without definitions it is refused,
    so tools that are not offered any more are defined, and forbidden.
    """
    tools = [
        tool for tool in (_render(tool, request, dialect, warn) for tool in request.tools) if tool
    ]
    choice = request.tool_choice
    if not tools:
        if choice is not None and choice.mode != "none":
            warn("tool_choice is not sent: there are no tools")
        tools = [_bare(name) for name in dict.fromkeys(called)]
        choice = ToolChoice("none") if tools else None
    if not tools:
        return
    body["tools"] = tools
    rendered = _render_choice(choice, request, dialect, warn)
    if rendered is not None:
        body["tool_choice"] = rendered


def _render(
    tool: Tool | ForeignTool, request: ChatRequest, dialect: Dialect, warn: Warn
) -> dict[str, Any] | None:
    if isinstance(tool, ForeignTool):
        if tool.format == NAME:
            value = decode(tool.raw.encode())
            return value if isinstance(value, dict) else None
        warn(f"a tool that only {tool.format} knows is left out")
        return None
    rendered: dict[str, Any] = {"name": tool.name}
    if tool.description:
        rendered["description"] = tool.description
    schema = dict(tool.parameters or {})
    rendered["input_schema"] = schema if "type" in schema else {"type": "object", **schema}
    if tool.strict is not None:
        if request.format == NAME or dialect.strict_tools:
            rendered["strict"] = tool.strict
        elif tool.strict:
            warn("a tool's `strict` is not sent: this provider does not know it")
    return {**rendered, **own(tool.meta)}


def _bare(name: str) -> dict[str, Any]:
    return {"name": name, "input_schema": {"type": "object"}}


def _render_choice(
    choice: ToolChoice | None, request: ChatRequest, dialect: Dialect, warn: Warn
) -> dict[str, Any] | None:
    rendered: dict[str, Any] = {}
    if choice is not None:
        rendered["type"] = "any" if choice.mode == "required" else choice.mode
        for name in choice.meta or ():
            warn(f"tool_choice is sent as {rendered['type']!r}: {name} alone can say it better")
        if choice.mode == "tool":
            rendered["name"] = choice.name
    parallel = request.parallel_tool_calls
    if parallel is not None and rendered.get("type") != "none":
        if dialect.parallel_tool_calls:
            rendered.setdefault("type", "auto")
            rendered["disable_parallel_tool_use"] = not parallel
        elif not parallel:
            warn("parallel_tool_calls is not sent: this provider does not know it")
    return rendered or None


def is_forced(body: dict[str, Any]) -> bool:
    """Whether the model must call a tool."""
    choice = body.get("tool_choice") or {}
    return choice.get("type") in ("any", "tool")
