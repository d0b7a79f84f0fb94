"""Requests, read and written.

Source: https://platform.openai.com/docs/api-reference/responses/create (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from dragoman.errors import Unsupported
from dragoman.types.message import Message, Text
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
    read_bool,
    read_count,
    read_int,
    read_number,
    read_object,
    read_text,
    refuse,
)
from dragoman.wire.history import mend_calls
from dragoman.wire.ids import safe_id
from dragoman.wire.json_text import decode_request, encode, encode_text
from dragoman.wire.openai_fields import FAMILY, LOGPROBS, take_shared, without
from dragoman.wire.openai_responses.history import render_input
from dragoman.wire.openai_responses.input import check_results, parse_input
from dragoman.wire.openai_responses.schema import NAME, own
from dragoman.wire.openai_responses.tools import (
    Warn,
    parse_tool_choice,
    parse_tools,
    render_tools,
)
from dragoman.wire.parts import own_meta

_PLAIN: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "max_output_tokens": ("max_tokens", read_count),
    "temperature": ("temperature", read_number),
    "top_p": ("top_p", read_number),
    "top_logprobs": ("top_logprobs", read_int),
    "parallel_tool_calls": ("parallel_tool_calls", read_bool),
    "user": ("user", read_text),
    "metadata": ("metadata", read_object),
}
"""Fields, what they are called in our vocabulary, and how each is read."""

_UNKNOWN = ("stop", "top_k", "seed", "presence_penalty", "frequency_penalty")
"""What our vocabulary has and this format has not."""

_CHECKED: dict[str, Callable[[Any, str], Any]] = {
    "previous_response_id": read_text,
    "store": read_bool,
    "background": read_bool,
    "prompt_cache_key": read_text,
    "truncation": read_text,
    "service_tier": read_text,
}
"""Fields that stay in `extra`, and whose type is known."""

_EFFORTS = frozenset(get_args(Effort))
_ENCRYPTED = "reasoning.encrypted_content"


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
    plain = {
        ours: read(rest.pop(name), name) for name, (ours, read) in _PLAIN.items() if name in rest
    }
    for name, check in _CHECKED.items():
        if name in rest:
            check(rest[name], name)
    return ChatRequest(
        model=model,
        messages=_parse_messages(rest),
        tools=parse_tools(rest.pop("tools")) if "tools" in rest else (),
        tool_choice=parse_tool_choice(rest.pop("tool_choice")) if "tool_choice" in rest else None,
        output=_parse_output(rest),
        reasoning=_parse_reasoning(rest),
        logprobs=_parse_include(rest),
        stream=read_bool(rest.pop("stream", False), "stream"),
        **plain,
        format=NAME,
        extra=rest,
    )


def _parse_messages(rest: dict[str, Any]) -> tuple[Message, ...]:
    messages: list[Message] = []
    instructions = rest.pop("instructions", None)
    if instructions is not None:
        text = Text(read_text(instructions, "instructions"))
        messages.append(Message("system", (text,), meta={NAME: {"instructions": True}}))
    if "input" in rest or not _KEEPERS & rest.keys():
        given = rest.pop("input", None)
        said = parse_input(given)
        if not _KEEPERS & rest.keys():
            check_results(given)
        if not said and not _KEEPERS & rest.keys():
            refuse("input", "is empty: there must be at least one item")
        messages += said
    return tuple(messages)


_KEEPERS = frozenset({"previous_response_id", "conversation", "prompt"})
"""With one of these a request needs no input of its own."""


def _parse_output(rest: dict[str, Any]) -> JsonObject | JsonSchema | None:
    if "text" not in rest:
        return None
    text = dict(read_object(rest.pop("text"), "text"))
    form = text.get("format")
    output: JsonObject | JsonSchema | None = None
    if form is not None:
        path = "text.format"
        kind = read_text(read_object(form, path).get("type"), f"{path}.type")
        if kind in ("text", "json_object", "json_schema"):
            del text["format"]
        if kind == "json_object":
            output = JsonObject()
        elif kind == "json_schema":
            output = _parse_schema(form, path)
    if text:
        rest["text"] = text  # verbosity, or a kind of format that we do not know
    return output


def _parse_schema(form: dict[str, Any], path: str) -> JsonSchema:
    optional: dict[str, Any] = {}
    for field, read in (("name", read_text), ("description", read_text), ("strict", read_bool)):
        if form.get(field) is not None:
            optional[field] = read(form[field], f"{path}.{field}")
    return JsonSchema(read_object(form.get("schema"), f"{path}.schema"), **optional)


def _parse_reasoning(rest: dict[str, Any]) -> ReasoningOptions | None:
    if "reasoning" not in rest:
        return None
    fields = dict(read_object(rest["reasoning"], "reasoning"))
    effort = fields.pop("effort", None)
    if effort is not None and read_text(effort, "reasoning.effort") not in _EFFORTS:
        return None  # a new word: stays in `extra`
    del rest["reasoning"]
    summary = fields.pop("summary", None)
    older = fields.pop("generate_summary", None)
    summary = older if summary is None else summary
    if summary is not None:
        read_text(summary, "reasoning.summary")
    more = {name: value for name, value in fields.items() if value is not None}
    if effort is None and summary is None and not more:
        return None
    return ReasoningOptions(effort, summary=summary, meta=own_meta(NAME, more))


def _parse_include(rest: dict[str, Any]) -> bool | None:
    include = rest.get("include")
    if include is None:
        return None
    if not isinstance(include, list) or not all(isinstance(item, str) for item in include):
        refuse("include", "expected a list of strings")
    return True if LOGPROBS in include else None


def render_request(request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
    """Write a request for the upstream model `model`.

    Raises: Unsupported.
    """
    warnings: dict[str, None] = {}  # in order, none twice

    def warn(sentence: str) -> None:
        warnings[sentence] = None

    if (request.n or 1) > 1:
        raise Unsupported("OpenAI Responses give one answer: n can't be more than 1", param="n")
    refuse_foreign_files(request, (NAME, "openai-completions"))
    warn_of_marks(request, NAME, warn)
    body: dict[str, Any] = {"model": model}
    messages = _lift_instructions(request, body)
    if not _manages_state(request):
        messages = mend_calls(messages, warn, make_id=safe_id)
    if messages:
        body["input"] = render_input(request, messages, dialect, warn)
    if request.stream:
        body["stream"] = True
    for name, (ours, _) in _PLAIN.items():
        if name != "parallel_tool_calls" and (value := getattr(request, ours)) is not None:
            body[name] = value
    for name in _UNKNOWN:
        if getattr(request, name) not in (None, ()):
            warn(f"{name} is not sent: OpenAI Responses do not know it")
    render_tools(request, dialect, body, warn)
    _render_output(request, dialect, body)
    _render_reasoning(request.reasoning, dialect, body, warn)
    request = _render_shared(request, body)
    _render_state(request, body)
    render_extra(request, NAME, body, warn)
    if not request.stream:
        body.pop("stream_options", None)
    fit_dialect(dialect, body, warn)
    return Rendered(encode(body), tuple(warnings))


def _lift_instructions(request: ChatRequest, body: dict[str, Any]) -> tuple[Message, ...]:
    """Put the first instructions where this format has them.

    Not those that a client of this format put into its input: there they stay for later turns.
    """
    messages = request.messages
    first = messages[0] if messages else None
    if first is None or first.role not in ("system", "developer"):
        return messages
    if request.format == NAME:
        if "instructions" not in own(first.meta):
            return messages
    elif len(messages) == 1:
        return messages  # something must be in the input
    if not all(isinstance(part, Text) for part in first.parts):
        return messages
    body["instructions"] = "\n\n".join(part.text for part in first.parts if isinstance(part, Text))
    return messages[1:]


def _manages_state(request: ChatRequest) -> bool:
    """Whether the caller says, in this format's own words, what the provider is to keep."""
    return request.format == NAME or (
        request.format is None and bool(_STATE & request.extra.keys())
    )


_STATE = frozenset({"store", "previous_response_id", "conversation", "background"})
"""Fields by which a caller manages what the provider keeps."""


def _render_state(request: ChatRequest, body: dict[str, Any]) -> None:
    """Say what a request of another format means: nothing is kept, thoughts come sealed.

    Here, unlike there, to keep answers is what happens unless one says otherwise.
    """
    own_words = request.format in (None, NAME)
    include = list(request.extra.get("include") or ()) if own_words else []
    if request.logprobs and LOGPROBS not in include:
        include.append(LOGPROBS)
    if not _manages_state(request):
        body.setdefault("store", False)
        thinks = request.reasoning is not None and request.reasoning.effort != "none"
        if thinks and not body["store"] and _ENCRYPTED not in include:
            include.append(_ENCRYPTED)
    if include:
        body["include"] = include


def _render_shared(request: ChatRequest, body: dict[str, Any]) -> ChatRequest:
    """Write what other formats can say as well and nobody models; return the rest."""
    shared, request = take_shared(request, NAME)
    body.update(shared)
    verbosity = request.extra.get("verbosity") if request.format in FAMILY else None
    if request.format == NAME or verbosity is None:
        return request
    body["text"] = {**body.get("text", {}), "verbosity": verbosity}
    return without(request, ("verbosity",))


def _render_output(request: ChatRequest, dialect: Dialect, body: dict[str, Any]) -> None:
    output = request.output
    if output is None:
        return
    if isinstance(output, JsonObject):
        if dialect.json_schema == "none":
            _instruct(body, "Answer with one JSON object and nothing else.")
        else:
            body["text"] = {"format": {"type": "json_object"}}
        return
    if dialect.json_schema == "native":
        body["text"] = {"format": schema_format(output)}
        return
    if dialect.json_schema == "object":
        body["text"] = {"format": {"type": "json_object"}}
    text = "Answer with JSON and nothing else. It must be valid against this JSON Schema:\n"
    _instruct(body, text + encode_text(output.schema))


def schema_format(output: JsonSchema) -> dict[str, Any]:
    """Write what an answer must look like."""
    form: dict[str, Any] = {"type": "json_schema", "name": output.name, "schema": output.schema}
    if output.description is not None:
        form["description"] = output.description
    if output.strict is not None:
        form["strict"] = output.strict
    return form


def _instruct(body: dict[str, Any], text: str) -> None:
    before = body.get("instructions")
    body["instructions"] = f"{before}\n\n{text}" if before else text


def _render_reasoning(
    options: ReasoningOptions | None, dialect: Dialect, body: dict[str, Any], warn: Warn
) -> None:
    if options is None:
        return
    if dialect.reasoning == "none":
        warn("reasoning options are not sent: this provider does not know them")
        return
    effort, budget = options.effort, options.budget_tokens
    if effort is None and budget is not None:
        effort = nearest_effort(budget)
        warn(f"a reasoning budget of {budget} tokens is sent as the effort {effort!r}")
    reasoning = dict(own(options.meta))
    if effort is not None:
        reasoning["effort"] = effort
    if options.summary is not None:
        reasoning["summary"] = options.summary
    if reasoning:
        body["reasoning"] = reasoning
