"""Python functions as tools: how a model learns of them, and the loop that lets it use them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import InvalidRequest
from dragoman.types.completion import Completion
from dragoman.types.message import Message, Text, ToolCall, ToolResult
from dragoman.types.request import ChatRequest, Tool


def tool_from_function(function: Callable[..., Any]) -> Tool:
    """Describe a function: its name, its docstring, a JSON Schema of its parameters.

    The docstring's first paragraph is the description; lines `name: text` in it (a section `Args:`
    or none) describe parameters. Annotations decide the types; one without is any JSON.

    Raises: InvalidRequest for parameters that JSON cannot fill (`*args`, positional-only, a type
    with no JSON form).
    """
    name = getattr(function, "__name__", type(function).__name__)
    hints = get_type_hints(function)
    doc = inspect.getdoc(function) or ""
    fields: list[tuple[str, Any, Any]] = []
    required: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InvalidRequest(
                f"{name}(): a model cannot fill the parameter {parameter}", param="tools"
            )
        fields.append((parameter.name, hints.get(parameter.name, Any), parameter.default))
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    schema = _object_schema(name, fields, _parameter_docs(doc))
    if required:
        schema["required"] = required
    return Tool(name, description=doc.split("\n\n")[0].strip() or None, parameters=schema)


def _object_schema(
    name: str, fields: Sequence[tuple[str, Any, Any]], docs: Mapping[str, str]
) -> dict[str, Any]:
    try:
        schemas, components = msgspec.json.schema_components(
            [hint for _, hint, _ in fields], ref_template="#/$defs/{name}"
        )
    except TypeError as error:
        raise InvalidRequest(f"{name}(): {error}", param="tools") from error
    properties: dict[str, Any] = {}
    for (field, _, default), schema in zip(fields, schemas, strict=True):
        described = dict(schema)
        if field in docs:
            described["description"] = docs[field]
        if default is not inspect.Parameter.empty and _is_json(default):
            described["default"] = default
        properties[field] = described
    result: dict[str, Any] = {"type": "object", "properties": properties}
    if components:
        result["$defs"] = components
    return result


def _parameter_docs(doc: str) -> dict[str, str]:
    return dict(re.findall(r"^\s*(\w+)(?: \([^)]*\))?: (.+)$", doc, re.MULTILINE))


def _is_json(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


class Invoke(Struct, frozen=True):
    """What the loop wants of its driver: the function's result, awaited if need be.

    Its other wish is a `ChatRequest`, to be answered by a `Completion`.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]


class ToolRun(Struct, frozen=True):
    """How a run with tools went: the last answer, all answers, and the whole history."""

    completion: Completion
    completions: tuple[Completion, ...]
    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        """The last answer's text."""
        return self.completion.text


def tool_loop(
    request: ChatRequest, functions: Sequence[Callable[..., Any]], max_turns: int
) -> Generator[ChatRequest | Invoke, Any, ToolRun]:
    """Ask, call what the model asks for, and ask again until it answers without a call.

    The request's tools describe the functions already.
    What a function raises, arguments that are no JSON object and unknown names go back to the
    model as error results. After `max_turns` answers the run ends as it stands.
    """
    by_name = {tool_from_function(function).name: function for function in functions}
    completions: list[Completion] = []
    while True:
        completion: Completion = yield request
        completions.append(completion)
        messages = (*request.messages, completion.message)
        if not completion.tool_calls or len(completions) >= max_turns:
            return ToolRun(completion, tuple(completions), messages)
        results: list[ToolResult] = []
        for call in completion.tool_calls:
            results.append((yield from _answer(call, by_name)))
        request = replace(request, messages=(*messages, Message("tool", tuple(results))))


def _answer(
    call: ToolCall, by_name: Mapping[str, Callable[..., Any]]
) -> Generator[Invoke, Any, ToolResult]:
    function = by_name.get(call.name)
    if function is None:
        known = ", ".join(by_name)
        return _error(call, f"there is no tool {call.name!r}; there are: {known}")
    try:
        arguments = json.loads(call.arguments or "{}")
        if not isinstance(arguments, dict):
            return _error(call, "the arguments must be a JSON object")
        value = yield Invoke(function, _converted(function, arguments))
    except Exception as error:  # the model is told, and may do better
        return _error(call, f"{type(error).__name__}: {error}")
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return ToolResult(call.id, (Text(text),), name=call.name)


def _converted(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Turn JSON values into what the annotations ask for: structs, dates, enums."""
    hints = get_type_hints(function)
    return {
        name: msgspec.convert(value, hints[name]) if name in hints else value
        for name, value in arguments.items()
    }


def _error(call: ToolCall, message: str) -> ToolResult:
    return ToolResult(call.id, (Text(message),), is_error=True, name=call.name)
