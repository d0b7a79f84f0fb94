"""A request for a completion, in no API's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from dragoman.types.message import Message, Meta

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Tool(Struct, frozen=True, omit_defaults=True):
    """A function that the model may ask for; `parameters` is a JSON Schema of an object.

    `strict` None means that the caller did not say, and nothing is sent.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    meta: Meta | None = None


class ForeignTool(Struct, frozen=True, omit_defaults=True):
    """A tool of a kind that only `format` knows (web search, computer use): JSON text, verbatim."""

    format: str
    raw: str


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """Whether the model must call a tool; `name` goes with `mode="tool"` only.

    A choice that only one format knows (a list of allowed tools, a hosted tool) is in `meta`, and
    `mode` is the nearest that all know.
    """

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None
    meta: Meta | None = None


class JsonObject(Struct, frozen=True, tag="json_object"):
    """The answer must be a JSON object, of whatever shape."""


class JsonSchema(Struct, frozen=True, tag="json_schema", omit_defaults=True):
    """The answer must be JSON that the schema admits."""

    schema: Mapping[str, Any]
    name: str = "answer"
    description: str | None = None
    strict: bool | None = None


class ReasoningOptions(Struct, frozen=True, omit_defaults=True):
    """How much to think: an effort, or a budget in tokens; `summary` asks to see it."""

    effort: Effort | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    meta: Meta | None = None


class ChatRequest(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request. None and empty mean that the caller did not say: then nothing is sent.

    `model` is the caller's model ref; a deployment has its own upstream model.
    `extra` holds the top-level fields that we do not model, and of an object that we model in part
    what is left of it. They belong to `format`, go unchanged to a provider that speaks it, and are
    reported as a warning elsewhere; with `format` None (they came as keyword arguments) they go to
    any provider. `stream_usage`: the caller asked for usage in its stream (or not to have it).
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool | ForeignTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: JsonObject | JsonSchema | None = None
    reasoning: ReasoningOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    user: str | None = None
    metadata: Mapping[str, Any] | None = None
    stream: bool = False
    stream_usage: bool | None = None
    format: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
