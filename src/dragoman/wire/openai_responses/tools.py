"""Tools, the choice among them, and the calls of them, read and written.

Tools of a namespace become tools with a longer name, and tools that take free text become tools
with one argument: so other formats can call them. What they were is in their meta.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dragoman.types.message import ToolCall
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, ForeignTool, Tool, ToolChoice
from dragoman.wire.fields import expect, read_list, read_object, read_text, refuse
from dragoman.wire.json_text import decode, encode_text
from dragoman.wire.openai_responses.schema import NAME, flat_name, own
from dragoman.wire.openai_tools import CHOICES, read_function
from dragoman.wire.parts import own_meta

Warn = Callable[[str], None]
AnyTool = Tool | ForeignTool

FREE_TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The parameters of a tool that takes free text, for formats that know none."""

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_READ = ("type", "name", "description", "parameters", "strict")
_OF_CALL = ("id", "name", "namespace", "custom")


def parse_tools(value: Any) -> tuple[AnyTool, ...]:
    """Read the tools. Raises: InvalidRequest."""
    found: list[AnyTool] = []
    for index, item in enumerate(read_list(value, "tools")):
        path = f"tools[{index}]"
        tool = read_object(item, path)
        if read_text(tool.get("type"), f"{path}.type") == "namespace":
            found.extend(_parse_namespace(tool, path))
        else:
            found.append(_parse_tool(tool, path, {}))
    return tuple(found)


def _parse_namespace(space: dict[str, Any], path: str) -> Iterable[AnyTool]:
    name = read_text(space.get("name"), f"{path}.name")
    fields = {"namespace": name, "namespace_description": space.get("description")}
    for index, item in enumerate(read_list(space.get("tools"), f"{path}.tools")):
        inner = f"{path}.tools[{index}]"
        yield _parse_tool(read_object(item, inner), inner, fields)


def _parse_tool(tool: dict[str, Any], path: str, space: dict[str, Any]) -> AnyTool:
    kind = read_text(tool.get("type"), f"{path}.type")
    if kind not in ("function", "custom"):
        return ForeignTool(NAME, encode_text(tool))
    name = read_text(tool.get("name"), f"{path}.name")
    optional = read_function(tool, path)
    fields = {**space, "name": name} if space else {}
    rest = {key: item for key, item in tool.items() if key not in _READ and item is not None}
    if kind == "custom":
        optional["parameters"] = FREE_TEXT
        fields["custom"] = rest
    elif rest:
        fields["more"] = rest
    return Tool(flat_name(name, space.get("namespace")), meta=own_meta(NAME, fields), **optional)


def parse_tool_choice(choice: Any) -> ToolChoice:
    """Read the choice among the tools. Raises: InvalidRequest."""
    if isinstance(choice, str):
        if (mode := CHOICES.get(choice)) is not None:
            return mode
        refuse("tool_choice", f"unknown choice {choice[:40]!r}; one of auto, none, required")
    if not isinstance(choice, dict):
        expect(choice, "tool_choice", "a string or an object")
    kind = read_text(choice.get("type"), "tool_choice.type")
    if kind in ("function", "custom"):
        name = read_text(choice.get("name"), "tool_choice.name")
        space = choice.get("namespace")
        if space is not None:
            read_text(space, "tool_choice.namespace")
        plain = kind == "function" and not space
        return ToolChoice("tool", flat_name(name, space), None if plain else {NAME: choice})
    must = kind != "allowed_tools" or choice.get("mode") == "required"
    return ToolChoice("required" if must else "auto", meta={NAME: choice})


def render_tools(request: ChatRequest, dialect: Dialect, body: dict[str, Any], warn: Warn) -> None:
    """Write tools, choice, and whether calls may come in parallel."""
    tools = tool_list(request, warn)
    if tools:
        body["tools"] = tools
    choice = request.tool_choice
    if choice is not None and (tools or choice.mode == "none"):
        body["tool_choice"] = render_choice(choice)
    parallel = request.parallel_tool_calls
    if parallel is not None and tools:
        if dialect.parallel_tool_calls:
            body["parallel_tool_calls"] = parallel
        elif not parallel:
            warn("parallel_tool_calls is not sent: this provider does not know it")


def tool_list(request: ChatRequest, warn: Warn) -> list[dict[str, Any]]:
    """Write tools, those of a namespace together again."""
    rendered: list[dict[str, Any]] = []
    spaces: dict[str, dict[str, Any]] = {}
    for tool in request.tools:
        if isinstance(tool, ForeignTool):
            if tool.format == NAME:
                rendered.append(decode(tool.raw.encode()))
            else:
                warn(f"a tool that only {tool.format} knows is left out")
            continue
        fields = own(tool.meta)
        if (name := fields.get("namespace")) is None:
            rendered.append(_render_tool(tool, fields, request))
            continue
        if name not in spaces:
            description = fields.get("namespace_description")
            spaces[name] = {
                "type": "namespace",
                "name": name,
                **({} if description is None else {"description": description}),
                "tools": [],
            }
            rendered.append(spaces[name])
        spaces[name]["tools"].append(_render_tool(tool, fields, request))
    return rendered


def _render_tool(tool: Tool, fields: Mapping[str, Any], request: ChatRequest) -> dict[str, Any]:
    rendered: dict[str, Any] = {"type": "function", "name": fields.get("name", tool.name)}
    if tool.description is not None:
        rendered["description"] = tool.description
    if "custom" in fields:
        return {**rendered, "type": "custom", **fields["custom"]}
    rendered["parameters"] = tool.parameters or _NO_PARAMETERS
    if tool.strict is not None:
        rendered["strict"] = tool.strict
    elif request.format != NAME:
        # Who says nothing in another format gets no strict schema; here it would be the default.
        # Source: https://platform.openai.com/docs/guides/function-calling (read 2026-11)
        rendered["strict"] = False
    return {**rendered, **fields.get("more", {})}


def render_choice(choice: ToolChoice) -> Any:
    """Write the choice among the tools."""
    if fields := own(choice.meta):
        return fields
    if choice.mode == "tool":
        return {"type": "function", "name": choice.name}
    return choice.mode


class ToolNames:
    """What tools are called in this format: by the request's definitions, else as calls say."""

    def __init__(self, tools: Iterable[AnyTool]) -> None:
        self._fields = {
            tool.name: fields
            for tool in tools
            if isinstance(tool, Tool) and (fields := own(tool.meta))
        }

    def item(self, call: ToolCall) -> dict[str, Any]:
        """Write a call as an item, with an id where it has one."""
        said = own(call.meta)
        fields = {**self._fields.get(call.name, {}), **said}
        item: dict[str, Any] = {"type": "function_call"}
        if said.get("id"):
            item["id"] = said["id"]
        item |= {"call_id": call.id, "name": fields.get("name", call.name)}
        if fields.get("namespace"):
            item["namespace"] = fields["namespace"]
        if fields.get("custom") is not None:
            item |= {"type": "custom_tool_call", "input": free_text(call.arguments)}
        else:
            item["arguments"] = call.arguments or "{}"
        return {**item, **{name: said[name] for name in said if name not in _OF_CALL}}


def free_text(arguments: str) -> str:
    """Get the text out of the one argument that `FREE_TEXT` has; else all there is."""
    try:
        value = decode(arguments.encode("utf-8", "replace"))
    except ValueError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
