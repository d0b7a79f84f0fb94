"""Requests for messages, read and written.

Source: https://platform.claude.com/docs/en/api/messages/create (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dragoman.errors import Unsupported
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, JsonSchema
from dragoman.wire.anthropic_messages.content import Warn
from dragoman.wire.anthropic_messages.history import History, as_content
from dragoman.wire.anthropic_messages.marks import adopt_marks
from dragoman.wire.anthropic_messages.messages import parse_messages, parse_system
from dragoman.wire.anthropic_messages.output import render_output
from dragoman.wire.anthropic_messages.schema import NAME
from dragoman.wire.anthropic_messages.thinking import (
    claude_version,
    is_thinking,
    parse_thinking,
    render_thinking,
    stop_thinking,
)
from dragoman.wire.anthropic_messages.tools import (
    is_forced,
    parse_tool_choice,
    parse_tools,
    render_tools,
)
from dragoman.wire.base import Rendered
from dragoman.wire.beside import warn_of_marks
from dragoman.wire.extra import fit_dialect, refuse_foreign_files, render_extra
from dragoman.wire.fields import (
    expect,
    read_bool,
    read_int,
    read_list,
    read_number,
    read_object,
    read_text,
    refuse,
)
from dragoman.wire.json_text import decode_request, encode
from dragoman.wire.openai_fields import FAMILY, take_tier, without

DEFAULT_MAX_TOKENS = 8192
"""What an answer may have where nobody set a limit: this API wants one in every request.
Precedent: the limit that most models of the last years accept (Polpo's and pi's default)."""

_PLAIN: dict[str, Callable[[Any, str], Any]] = {
    "temperature": read_number,
    "top_p": read_number,
    "top_k": read_int,
    "stream": read_bool,
}
"""Fields that are called the same in our vocabulary, and how each is read."""

_UNKNOWN_HERE = ("seed", "presence_penalty", "frequency_penalty")
"""What this API has not, and an answer can do without."""


def parse_request(body: bytes) -> ChatRequest:
    """Read a client's request.

    Unknown fields go to `extra`. Raises: InvalidRequest that names the field.
    """
    fields = decode_request(body)
    rest = {key: value for key, value in fields.items() if value is not None}
    model = read_text(rest.pop("model", None), "model")
    if not model:
        refuse("model", "is empty")
    messages = read_list(rest.pop("messages", None), "messages")
    if not messages:
        refuse("messages", "is empty: there must be at least one message")
    if "max_tokens" not in rest:
        refuse("max_tokens", "is missing: this API wants a limit for every answer")
    max_tokens = read_int(rest.pop("max_tokens"), "max_tokens")
    if max_tokens < 0:
        refuse("max_tokens", "must not be negative")
    plain = {name: read(rest.pop(name), name) for name, read in _PLAIN.items() if name in rest}
    system = parse_system(rest.pop("system")) if "system" in rest else ()
    tools = parse_tools(rest.pop("tools")) if "tools" in rest else ()
    choice, parallel = (
        parse_tool_choice(rest.pop("tool_choice")) if "tool_choice" in rest else (None, None)
    )
    if "output_config" in rest:
        rest["output_config"] = dict(read_object(rest["output_config"], "output_config"))
    request = ChatRequest(
        model=model,
        messages=(*system, *parse_messages(messages, body, continued=_is_continued(rest))),
        max_tokens=max_tokens,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        reasoning=parse_thinking(rest),
        output=_parse_output(rest),
        stop=_parse_stop(rest),
        user=_parse_user(rest),
        **plain,
        format=NAME,
        extra=rest,
    )
    if rest.get("output_config") == {}:
        del rest["output_config"]
    return request


def _is_continued(fields: Mapping[str, Any]) -> bool:
    """Whether the provider holds the messages that come before those of the request."""
    thread = fields.get("thread")
    return isinstance(thread, dict) and thread.get("type") == "continue"


def _parse_output(rest: dict[str, Any]) -> JsonSchema | None:
    """Read `output_config.format`, and `output_format` as it was called at first."""
    for holder, name in ((rest.get("output_config"), "format"), (rest, "output_format")):
        wanted = holder.get(name) if holder is not None else None
        if holder is None or wanted is None:
            continue
        path = name if holder is rest else f"output_config.{name}"
        wanted = read_object(wanted, path)
        if wanted.get("type") == "json_schema":
            del holder[name]
            return JsonSchema(read_object(wanted.get("schema"), f"{path}.schema"))
    return None


def _parse_stop(rest: dict[str, Any]) -> tuple[str, ...]:
    stop = rest.pop("stop_sequences", ())
    if not isinstance(stop, list | tuple):
        expect(stop, "stop_sequences", "a list")
    return tuple(read_text(item, f"stop_sequences[{index}]") for index, item in enumerate(stop))


def _parse_user(rest: dict[str, Any]) -> str | None:
    """Read `metadata.user_id`; the rest of it stays in `extra`."""
    metadata = dict(read_object(rest.pop("metadata", {}), "metadata"))
    user = metadata.pop("user_id", None)
    if metadata:
        rest["metadata"] = metadata
    return None if user is None else read_text(user, "metadata.user_id")


def render_request(request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
    """Write a request for the upstream model `model`.

    Raises: Unsupported for what can't be left out: several answers, log probabilities, sounds.
    """
    warnings: dict[str, None] = {}  # in order, none twice

    def warn(sentence: str) -> None:
        warnings[sentence] = None

    refuse_foreign_files(request, (NAME,))
    request = adopt_marks(request)
    warn_of_marks(request, NAME, warn)
    history = History(
        request.messages,
        reasoning_as_text=dialect.reasoning_as_text,
        continued=request.format in (None, NAME) and _is_continued(request.extra),
        warn=warn,
    )
    body: dict[str, Any] = {"model": model, "max_tokens": _max_tokens(request)}
    render_output(request, dialect, history.system, body, warn)
    if history.system:
        body["system"] = as_content(history.system)
    body["messages"] = history.render()
    render_tools(request, history.called, dialect, body, warn)
    told: list[str] = []  # of the thinking that is asked for, if it is
    render_thinking(request, model, dialect, body, told.append)
    if request.format == NAME or not _settle_thinking(history, body, warn):
        warnings.update(dict.fromkeys(told))
    _render_sampling(request, model, body, warn)
    request = _render_rest(request, body, warn)
    render_extra(request, NAME, body, warn)
    fit_dialect(dialect, body, warn)
    return Rendered(encode(body), tuple(warnings))


def _max_tokens(request: ChatRequest) -> int:
    if request.max_tokens is not None:
        return request.max_tokens
    budget = request.reasoning.budget_tokens if request.reasoning else None
    return DEFAULT_MAX_TOKENS + (budget or 0)


def _settle_thinking(history: History, body: dict[str, Any], warn: Warn) -> bool:
    """Take thinking out where the rest of the request, which weighs more, rules it out.

    Returns: whether it was taken out.
    """
    if not is_thinking(body):
        return False
    if is_forced(body):
        stop_thinking(body, "a model that thinks can't be made to call a tool", warn)
    elif body["thinking"]["type"] == "enabled" and history.calls_without_thought:
        reason = "the last calls of tools come from a model whose reasoning can't be sent back"
        stop_thinking(body, reason, warn)
    return "thinking" not in body


def _render_sampling(request: ChatRequest, model: str, body: dict[str, Any], warn: Warn) -> None:
    """Write temperature, top_p and top_k within what this API takes."""
    wanted: dict[str, Any] = {
        name: value
        for name in ("temperature", "top_p", "top_k")
        if (value := getattr(request, name)) is not None
    }
    if request.format == NAME:
        body.update(wanted)
        return
    temperature = wanted.get("temperature")
    if temperature is not None and temperature > 1:
        warn(f"temperature {temperature:g} is sent as 1, the highest here")
        wanted["temperature"] = 1
    if is_thinking(body):
        if wanted.get("temperature") == 1:
            del wanted["temperature"]
        if wanted.get("top_p", 1) >= _LEAST_TOP_P:
            body.update({"top_p": wanted.pop("top_p")} if "top_p" in wanted else {})
        for name in wanted:
            warn(f"{name} is not sent: it can't be set while the model thinks")
        return
    version = claude_version(model)
    if version is not None and version > (4, 0) and {"temperature", "top_p"} <= wanted.keys():
        del wanted["top_p"]
        warn("top_p is not sent: it can't be set together with temperature")
    body.update(wanted)


_LEAST_TOP_P = 0.95
"""What top_p must be at least while the model thinks."""


def _render_rest(request: ChatRequest, body: dict[str, Any], warn: Warn) -> ChatRequest:
    """Write what is left; return the request without what has been said by another name."""
    if request.n is not None and request.n > 1:
        raise Unsupported("Anthropic Messages gives one answer to a request", param="n")
    if request.logprobs or request.top_logprobs:
        field = _names_logprobs(request)
        raise Unsupported(f"{field}: Anthropic Messages has no log probabilities", param=field)
    stop = [text for text in request.stop if text.strip()]
    if len(stop) < len(request.stop):
        warn("stop sequences of mere white space are not sent: they are refused")
    if stop:
        body["stop_sequences"] = stop
    request = _render_user(request, body)
    tier, request = take_tier(request)
    if tier is not None:
        body["service_tier"] = tier
    if request.metadata:
        warn("metadata is not sent: this API keeps none but a user's id")
    for name in _UNKNOWN_HERE:
        if getattr(request, name):
            warn(f"{name} is not sent: this API does not know it")
    if request.stream:
        body["stream"] = True
    return request


def _names_logprobs(request: ChatRequest) -> str:
    """Name the field by which the client asked for log probabilities."""
    if request.format == "openai-responses":
        return "include" if request.logprobs else "top_logprobs"
    return "logprobs" if request.logprobs else "top_logprobs"


def _render_user(request: ChatRequest, body: dict[str, Any]) -> ChatRequest:
    """Write who asks: OpenAI's newer field for it means the same where the older one is not set."""
    user = request.user
    if user is None and request.format in FAMILY:
        said = request.extra.get("safety_identifier")
        if isinstance(said, str):
            user, request = said, without(request, ("safety_identifier",))
    if user is not None:
        body["metadata"] = {"user_id": user}
    return request
