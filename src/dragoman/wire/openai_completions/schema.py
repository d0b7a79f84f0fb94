"""The words of chat completions: the shape of a chunk, finish reasons, names of fields."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from dragoman.types.event import FinishReason
from dragoman.wire.json_text import decode_broken, mended, utf8_size

NAME = "openai-completions"

# Law: the fields of these structs are `Any` where servers disagree about them; whoever reads one
# looks at its type first. What is not named here is not looked at in streams.


class Delta(Struct, gc=False):
    """What a chunk adds to the message."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_text: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    images: Any = None
    audio: Any = None
    annotations: Any = None


class Choice(Struct, gc=False):
    """One of the answers that were asked for; only number 0 is modelled."""

    index: Any = None
    delta: Delta | None = None
    message: Any = None
    finish_reason: Any = None
    stop_reason: Any = None
    logprobs: Any = None
    usage: Any = None
    error: Any = None


class Chunk(Struct, gc=False):
    """The data of one frame."""

    id: Any = None
    model: Any = None
    created: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    timings: Any = None
    x_groq: Any = None
    system_fingerprint: Any = None
    service_tier: Any = None
    provider: Any = None
    citations: Any = None
    search_results: Any = None
    prompt_filter_results: Any = None


ANSWER_FIELDS = (
    "system_fingerprint",
    "service_tier",
    "provider",
    "citations",
    "search_results",
    "prompt_filter_results",
)
"""Top-level fields of an answer that are kept in its `meta`."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")
"""Where servers put reasoning, in order of preference: some send the same text under two names."""

_decode = msgspec.json.Decoder(Chunk).decode


class _DeltaGlance(Struct, gc=False):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    tool_calls: Any = None


class _ChoiceGlance(Struct, gc=False):
    delta: _DeltaGlance | None = None
    finish_reason: Any = None
    usage: Any = None
    error: Any = None


class _Glance(Struct, gc=False):
    choices: list[_ChoiceGlance]
    usage: Any = None
    error: Any = None
    timings: Any = None
    x_groq: Any = None


_glance = msgspec.json.Decoder(_Glance).decode


def glance_at_content(data: bytes) -> int | None:
    """Say how many bytes a chunk adds to the content; None where it says something else as well.

    Costs half of `decode_chunk`.
    """
    try:
        chunk = _glance(data)
    except (ValueError, RecursionError):
        return None
    if chunk.usage or chunk.error or chunk.timings or chunk.x_groq or not chunk.choices:
        return None
    added = 0
    for choice in chunk.choices:
        if choice.finish_reason or choice.usage or choice.error:
            return None
        if (delta := choice.delta) is not None:
            if delta.tool_calls:
                return None
            added += utf8_size(
                delta.content
                or delta.reasoning_content  # the same text may stand under two names
                or delta.reasoning
                or delta.reasoning_text
                or delta.refusal
                or ""
            )
    return added


def decode_chunk(data: bytes) -> Chunk:
    """Read one chunk, taking from it what has the right shape.

    Raises: ValueError when the data is not a JSON object.
    """
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return chunk_from(decode_broken(data))


def read_usual(body: bytes) -> Chunk | None:
    """Read a whole answer of the usual kind: one choice with a message, every type right, no error.

    Returns: None when it is something else, to be looked at closely. Costs a tenth of that.
    """
    try:
        chunk = _decode(body)
    except (ValueError, RecursionError):
        return None
    choices = chunk.choices
    if chunk.error is not None or choices is None or len(choices) != 1:
        return None
    choice = choices[0]
    usual = isinstance(choice.message, dict) and choice.delta is None and choice.error is None
    return chunk if usual and not choice.index else None


def chunk_from(value: Any) -> Chunk:
    """Make a chunk of decoded JSON in which anything may have the wrong type."""
    if value is None:
        return Chunk()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # Gemini's compatible endpoint wraps errors in a list.
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - of a value, not of an argument
    chunk = Chunk(**_known(Chunk, value))
    choices: Any = chunk.choices
    chunk.choices = None
    if isinstance(choices, list):
        chunk.choices = [_choice(choice) for choice in choices if isinstance(choice, dict)]
    return chunk


def _choice(value: dict[str, Any]) -> Choice:
    choice = Choice(**_known(Choice, value))
    delta: Any = choice.delta
    choice.delta = delta_from(delta) if isinstance(delta, dict) else None
    return choice


def delta_from(value: dict[str, Any]) -> Delta:
    """Make a delta of decoded JSON: a delta, or a whole message."""
    return Delta(**_known(Delta, value))


_NESTED = ("choices", "delta", "message")


def _known(struct: type[Struct], value: dict[str, Any]) -> dict[str, Any]:
    """Take the fields that a struct has, mended.

    Not the texts of a delta: the other half of a character may be in the next one.
    """
    found = {name: value[name] for name in struct.__struct_fields__ if name in value}
    for name, item in found.items():
        if name not in _NESTED and not (struct is Delta and isinstance(item, str)):
            found[name] = mended(item)
    return found


_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "complete": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "refusal": "refusal",
    "pause_turn": "pause",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
    "abort": "error",
    "aborted": "error",
}


def finish_reason(raw: str | None, has_tool_calls: bool) -> FinishReason:
    """Find the word for how an answer ended; an unknown one is `other`, never an exception.

    A whole answer without a reason has stopped. Where tools are called that is the reason,
    whatever the server says: Ollama and Gemini's compatible endpoint say "stop".
    """
    reason = _FINISH_REASONS.get(raw.lower(), "other") if raw else "stop"
    return "tool_calls" if has_tool_calls and reason in ("stop", "other") else reason


FINISH_WORDS: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "stop",
    "pause": "stop",
    "error": "error",
    "other": "stop",
}
"""How we say it. `error` is not OpenAI's word but OpenRouter's: no other would be true."""
