"""Requests for chat completions, read and written.

Source: https://platform.openai.com/docs/api-reference/chat/create (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from msgspec.structs import replace

from dragoman.errors import Unsupported
from dragoman.types.provider import Dialect
from dragoman.types.request import (
    ChatRequest,
    Effort,
    JsonObject,
    JsonSchema,
    ReasoningOptions,
)
from dragoman.wire.base import Rendered
from dragoman.wire.beside import warn_of_marks
from dragoman.wire.effort import nearest_effort
from dragoman.wire.extra import fit_dialect, refuse_foreign_files, render_extra
from dragoman.wire.fields import (
    expect,
    read_bool,
    read_count,
    read_int,
    read_list,
    read_number,
    read_object,
    read_text,
    refuse,
)
from dragoman.wire.json_text import decode_request, encode, encode_text
from dragoman.wire.openai_completions.history import render_messages
from dragoman.wire.openai_completions.messages import parse_messages
from dragoman.wire.openai_completions.schema import NAME
from dragoman.wire.openai_completions.tools import parse_tool_choice, parse_tools, render_tools
from dragoman.wire.openai_fields import FAMILY, take_include, take_shared, without
from dragoman.wire.parts import own_meta

_PLAIN: dict[str, Callable[[Any, str], Any]] = {
    "max_tokens": read_count,
    "temperature": read_number,
    "top_p": read_number,
    "top_k": read_int,
    "seed": read_int,
    "presence_penalty": read_number,
    "frequency_penalty": read_number,
    "n": read_count,
    "logprobs": read_bool,
    "top_logprobs": read_int,
    "parallel_tool_calls": read_bool,
    "user": read_text,
    "metadata": read_object,
}
"""Fields that are called the same in our vocabulary, and how each is read."""

_EFFORTS = frozenset(get_args(Effort))


def parse_request(body: bytes) -> ChatRequest:
    """Read a client's request.

    Unknown fields go to `extra`. Raises: InvalidRequest that names the field.
    """
    return parse_fields(decode_request(body))


def parse_fields(fields: dict[str, Any]) -> ChatRequest:
    """Read a decoded request. Null means that a field is not there."""
    rest = {key: value for key, value in fields.items() if value is not None}
    model = read_text(rest.pop("model", None), "model")
    if not model:
        refuse("model", "is empty")
    messages = read_list(rest.pop("messages", None), "messages")
    if not messages:
        refuse("messages", "is empty: there must be at least one message")
    _check_results(messages)
    if "max_completion_tokens" in rest:
        limit = rest.pop("max_completion_tokens")
        rest["max_tokens"] = read_count(limit, "max_completion_tokens")
    plain = {name: read(rest.pop(name), name) for name, read in _PLAIN.items() if name in rest}
    stream, stream_usage = _stream(rest)
    return ChatRequest(
        model=model,
        messages=parse_messages(messages),
        tools=parse_tools(rest),
        tool_choice=parse_tool_choice(rest),
        output=_output(rest),
        reasoning=_reasoning(rest),
        stop=_stop(rest),
        stream=stream,
        stream_usage=stream_usage,
        **plain,
        format=NAME,
        extra=rest,
    )


def _check_results(messages: list[Any]) -> None:
    """See that every result of a tool has a call before it. Other complaints come later."""
    called: set[Any] = set()
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict) and isinstance(call.get("id"), str):
                called.add(call["id"])
        call_id = message.get("tool_call_id")
        if message.get("role") == "tool" and isinstance(call_id, str) and call_id not in called:
            refuse(
                f"messages[{index}].tool_call_id",
                f"no message before this calls a tool with the id {call_id[:80]!r}",
            )


def _stream(rest: dict[str, Any]) -> tuple[bool, bool | None]:
    stream = read_bool(rest.pop("stream", False), "stream")
    if "stream_options" not in rest:
        return stream, None
    options = dict(read_object(rest.pop("stream_options"), "stream_options"))
    wanted = options.pop("include_usage", None)
    if wanted is not None:
        read_bool(wanted, "stream_options.include_usage")
    if options:
        rest["stream_options"] = options
    return stream, wanted


def _output(rest: dict[str, Any]) -> JsonObject | JsonSchema | None:
    if "response_format" not in rest:
        return None
    wanted = read_object(rest["response_format"], "response_format")
    kind = read_text(wanted.get("type"), "response_format.type")
    if kind not in ("text", "json_object", "json_schema"):
        return None  # a grammar, say: stays in `extra`
    del rest["response_format"]
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonObject()
    path = "response_format.json_schema"
    inner = read_object(wanted.get("json_schema"), path)
    optional: dict[str, Any] = {}
    for field, read in (("name", read_text), ("description", read_text), ("strict", read_bool)):
        if inner.get(field) is not None:
            optional[field] = read(inner[field], f"{path}.{field}")
    schema = inner.get("schema")
    return JsonSchema({} if schema is None else read_object(schema, f"{path}.schema"), **optional)


def _reasoning(rest: dict[str, Any]) -> ReasoningOptions | None:
    """Read OpenAI's `reasoning_effort` and OpenRouter's `reasoning`; others stay in `extra`."""
    effort = rest.get("reasoning_effort")
    if effort is not None:
        read_text(effort, "reasoning_effort")
        if effort not in _EFFORTS:
            return None
        del rest["reasoning_effort"]
        return ReasoningOptions(effort)
    nested = rest.get("reasoning")
    if not isinstance(nested, dict) or nested.get("effort", "low") not in _EFFORTS:
        return None
    del rest["reasoning"]
    budget = nested.get("max_tokens")
    if budget is not None:
        read_count(budget, "reasoning.max_tokens")
    own = {key: value for key, value in nested.items() if key not in ("effort", "max_tokens")}
    return ReasoningOptions(nested.get("effort"), budget, meta=own_meta(NAME, own))


def _stop(rest: dict[str, Any]) -> tuple[str, ...]:
    stop = rest.pop("stop", None)
    if stop is None:
        return ()
    if isinstance(stop, str):
        return (stop,)
    if not isinstance(stop, list):
        expect(stop, "stop", "a string or a list")
    return tuple(read_text(item, f"stop[{index}]") for index, item in enumerate(stop))


def render_request(request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
    """Write a request for the upstream model `model`: what the caller set, and nothing else.

    Raises: Unsupported.
    """
    refuse_foreign_files(request, (NAME, "openai-responses"))
    warnings: dict[str, None] = {}  # in order, none twice

    def warn(sentence: str) -> None:
        warnings[sentence] = None

    warn_of_marks(request, NAME, warn)
    body: dict[str, Any] = {
        "model": model,
        "messages": render_messages(request.messages, dialect, warn),
    }
    if request.stream:
        body["stream"] = True
    for name in _PLAIN:
        if (value := getattr(request, name)) is not None:
            body[dialect.max_tokens_field if name == "max_tokens" else name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    render_tools(request, dialect, body, warn)
    _render_output(request, dialect, body)
    _render_reasoning(request.reasoning, dialect, body, warn)
    render_extra(_render_shared(request, dialect, body, warn), NAME, body, warn)
    _render_stream_options(request, dialect, body)
    fit_dialect(dialect, body, warn)
    return Rendered(encode(body), tuple(warnings))


def _render_shared(
    request: ChatRequest, dialect: Dialect, body: dict[str, Any], warn: Callable[[str], None]
) -> ChatRequest:
    """Write what other formats can say as well and nobody models; return the rest."""
    if request.top_logprobs and not request.logprobs and request.format != NAME:
        del body["top_logprobs"]
        warn("top_logprobs is not sent: log probabilities are not asked for")
    shared, request = take_shared(take_include(request), NAME)
    if shared.get("store") is False:
        del shared["store"]  # nothing is kept here unless one asks for it
    text = request.extra.get("text") if request.format in FAMILY else None
    if isinstance(text, dict) and text.get("verbosity") is not None:
        shared["verbosity"] = text["verbosity"]
        more = {name: value for name, value in text.items() if name != "verbosity"}
        request = without(request, ("text",))
        request = replace(request, extra={**request.extra, "text": more}) if more else request
    if dialect.vendor_fields:
        body.update(shared)
        return request
    for name in shared:
        if name == "store":
            raise Unsupported(
                "store can't be left out, and this provider does not know it", param=name
            )
        warn(f"{name} is not sent: this provider does not know it")
    return request


def _render_output(request: ChatRequest, dialect: Dialect, body: dict[str, Any]) -> None:
    output = request.output
    if output is None:
        return
    if isinstance(output, JsonObject):
        if dialect.json_schema == "none":
            _instruct(body, dialect, "Answer with one JSON object and nothing else.")
        else:
            body["response_format"] = {"type": "json_object"}
        return
    if dialect.json_schema == "native":
        schema: dict[str, Any] = {"name": output.name, "schema": output.schema}
        if output.description is not None:
            schema["description"] = output.description
        if output.strict is not None:
            schema["strict"] = output.strict
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return
    if dialect.json_schema == "object":
        body["response_format"] = {"type": "json_object"}
    text = "Answer with JSON and nothing else. It must be valid against this JSON Schema:\n"
    _instruct(body, dialect, text + encode_text(output.schema))


def _instruct(body: dict[str, Any], dialect: Dialect, text: str) -> None:
    """Add to the instructions, in the first message if that is where they are."""
    first = body["messages"][0] if body["messages"] else {}
    if first.get("role") in ("system", "developer") and isinstance(first["content"], str):
        first["content"] = f"{first['content']}\n\n{text}"
    else:
        body["messages"].insert(0, {"role": dialect.system_role, "content": text})


def _render_reasoning(
    options: ReasoningOptions | None,
    dialect: Dialect,
    body: dict[str, Any],
    warn: Callable[[str], None],
) -> None:
    if options is None:
        return
    if options.summary is not None:
        warn("a summary of the reasoning is not asked for: chat completions have no word for it")
    effort, budget = options.effort, options.budget_tokens
    thinks = effort != "none" and budget != 0
    if dialect.reasoning == "effort":
        if effort is None and budget is not None:
            effort = nearest_effort(budget)
            warn(f"a reasoning budget of {budget} tokens is sent as the effort {effort!r}")
        if effort is not None:
            body["reasoning_effort"] = effort
    elif dialect.reasoning == "nested":
        nested: dict[str, Any] = dict((options.meta or {}).get(NAME, {}))
        if effort is not None:
            nested["effort"] = effort
        if budget is not None:
            nested["max_tokens"] = budget
        body["reasoning"] = nested
    elif dialect.reasoning == "none":
        warn("reasoning options are not sent: this provider does not know them")
    elif effort is not None or budget is not None:
        _render_switch(dialect, thinks, body)
        if budget or effort not in (None, "none"):
            warn("reasoning is only switched on or off here: effort and budget are not sent")


def _render_switch(dialect: Dialect, thinks: bool, body: dict[str, Any]) -> None:
    if dialect.reasoning == "thinking":
        body["thinking"] = {"type": "enabled" if thinks else "disabled"}
    elif dialect.reasoning == "chat_template_kwargs":
        body["chat_template_kwargs"] = {"enable_thinking": thinks}
    else:
        body["enable_thinking"] = thinks


def _render_stream_options(request: ChatRequest, dialect: Dialect, body: dict[str, Any]) -> None:
    """Ask for usage in a stream; options without a stream are an error at OpenAI."""
    options = body.pop("stream_options", None)
    if not request.stream:
        return
    options = dict(options) if isinstance(options, dict) else {}
    if dialect.stream_usage:
        options["include_usage"] = True
    if options:
        body["stream_options"] = options
