"""Requests in words: tools and schemas as instructions, calls and results as text.

The words are those of Hermes and Qwen, which many open models were trained on.
Source: https://github.com/NousResearch/Hermes-Function-Calling (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dragoman.types.message import Media, Message, Part, Text, ToolCall, ToolResult
from dragoman.types.request import ChatRequest, ForeignTool, JsonObject, Tool, ToolChoice
from dragoman.wire.json_repair import is_json
from dragoman.wire.json_text import encode_text

OPEN, CLOSE = "<tool_call>", "</tool_call>"

_TOOLS = """\
# Tools

You can call these functions, described in JSON, one a line:
<tools>
{tools}
</tools>

To call a function, write this block, with its name and a JSON object of arguments that its
parameters admit:
<tool_call>
{{"name": "NAME", "arguments": {{"PARAMETER": "VALUE"}}}}
</tool_call>
{several} Stop behind the last block: what the functions return comes in the next message, in \
<tool_response> blocks. Never write such a block yourself. {choice}"""
_SEVERAL = "For several calls write several blocks."
_ONE = "Write one block at the most."
_CHOICES = {
    "auto": "If no function is needed, answer in words, without a block.",
    "required": "Now you must call at least one function.",
}
_NONE = "The functions of before can't be called now: answer in words, without a <tool_call> block."
_SCHEMA = """\
Answer with JSON alone: no other text and no code fence. It must be valid against this JSON Schema:
{schema}"""
_OBJECT = "Answer with one JSON object alone: no other text and no code fence."
_UNLESS_CALLED = "This holds for your answer, not for a <tool_call> block."


def has_tool_history(messages: Iterable[Message]) -> bool:
    """Whether there are calls or results among the messages."""
    return any(
        isinstance(part, ToolCall | ToolResult) for message in messages for part in message.parts
    )


def put_into_words(
    request: ChatRequest, *, tools: bool, schema: bool
) -> tuple[ChatRequest, tuple[str, ...]]:
    """Write a request without tools, or schema, for a model that knows neither.

    Tools that only one format knows stay: its servers run them.

    Returns: the request, and what has to be told.
    """
    orders: list[str] = []
    warnings: list[str] = []
    own = [tool for tool in request.tools if isinstance(tool, Tool)] if tools else []
    if tools:
        if order := _describe(own, request):
            orders.append(order)
        if own:
            warnings.append("tools: described to the model in words (emulated)")
        left = tuple(tool for tool in request.tools if isinstance(tool, ForeignTool))
        request = replace(
            request,
            messages=tuple(_in_words(request.messages, warnings)),
            tools=left,
            tool_choice=None,
            parallel_tool_calls=None,
        )
    if schema and request.output is not None:
        is_any = isinstance(request.output, JsonObject)
        order = _OBJECT if is_any else _SCHEMA.format(schema=encode_text(request.output.schema))  # type: ignore[union-attr]
        orders.append(f"{order}\n{_UNLESS_CALLED}" if own else order)
        warnings.append("the answer's schema: given to the model in words (emulated)")
        request = replace(request, output=None)
    if orders:
        request = replace(request, messages=_instruct(request.messages, "\n\n".join(orders)))
    return request, tuple(warnings)


# ---------------------------------------------------------------------------------- instructions


def _describe(tools: Sequence[Tool], request: ChatRequest) -> str | None:
    """Describe the tools, and what the caller says of calling them."""
    choice = request.tool_choice or ToolChoice("auto")
    if choice.mode == "none" or not tools:
        return _NONE if has_tool_history(request.messages) else None
    lines = [
        encode_text(
            {
                "name": tool.name,
                **({"description": tool.description} if tool.description else {}),
                "parameters": tool.parameters or {"type": "object", "properties": {}},
            }
        )
        for tool in tools
    ]
    return _TOOLS.format(
        tools="\n".join(lines),
        several=_ONE if request.parallel_tool_calls is False else _SEVERAL,
        choice=_CHOICES.get(choice.mode) or f"Now you must call the function {choice.name}.",
    )


def _instruct(messages: tuple[Message, ...], order: str) -> tuple[Message, ...]:
    """Add to the instructions, in the first message if that is where they are."""
    if not messages or messages[0].role not in ("system", "developer"):
        return (Message("system", (Text(order),)), *messages)
    first = messages[0]
    *before, last = first.parts or (Text(""),)
    if isinstance(last, Text):
        joined = f"{last.text}\n\n{order}" if last.text else order
        parts: tuple[Part, ...] = (*before, replace(last, text=joined))
    else:
        parts = (*first.parts, Text(order))
    return (replace(first, parts=parts), *messages[1:])


# --------------------------------------------------------------------------------------- history


def _in_words(messages: Sequence[Message], warnings: list[str]) -> list[Message]:
    """Write calls as what the model would have said, and results as what the user says.

    Results and the user's next words are one message: many templates refuse two of a kind.
    """
    names = {
        part.id: part.name
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    told: list[Message] = []
    results_before = False
    for message in messages:
        if message.role == "assistant":
            told.append(replace(message, parts=_said(message.parts)))
            results_before = False
            continue
        has_results = any(isinstance(part, ToolResult) for part in message.parts)
        parts = _told(message.parts, names, warnings) if has_results else message.parts
        role = "user" if has_results or message.role == "tool" else message.role
        if results_before and role == "user" and told:
            told[-1] = replace(told[-1], parts=_joined((*told[-1].parts, *parts)))
        else:
            told.append(replace(message, role=role, parts=parts))
        results_before = role == "user" and (has_results or results_before)
    return told


def _said(parts: Sequence[Part]) -> tuple[Part, ...]:
    return _joined([Text(_call(part)) if isinstance(part, ToolCall) else part for part in parts])


def _call(call: ToolCall) -> str:
    written = call.arguments.strip() or "{}"
    arguments = written if is_json(written) else encode_text(call.arguments)
    return _block("tool_call", f'{{"name": {encode_text(call.name)}, "arguments": {arguments}}}')


def _told(parts: Sequence[Part], names: dict[str, str], warnings: list[str]) -> tuple[Part, ...]:
    told: list[Part] = []
    for part in parts:
        if not isinstance(part, ToolResult):
            told.append(part)
            continue
        content = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
        name = part.name or names.get(part.call_id) or part.call_id
        result = {"name": name, "error" if part.is_error else "content": content}
        told.append(Text(_block("tool_response", encode_text(result))))
        for inner in part.parts:
            if isinstance(inner, Media):
                told.append(inner)
            elif not isinstance(inner, Text):
                warnings.append(f"a part of the result of {name} is left out: it is no text")
    return _joined(told)


def _block(tag: str, content: str) -> str:
    """Put JSON between tags; what looks like a tag's end within it is spelled otherwise."""
    safe = content.replace("</", "<\\/")
    return f"<{tag}>\n{safe}\n</{tag}>"


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Join neighbouring texts, so that a message is one text wherever it can be."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text) and last.text:
            joined[-1] = Text(f"{last.text}\n{part.text}", part.meta or last.meta)
        else:
            joined.append(part)
    return tuple(joined)
