"""The usual chat completion, measured and not read: a relay hands on bytes.

What does not look exactly like this is left to the reader that takes everything.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.base import Measured
from dragoman.wire.openai_completions.schema import finish_reason
from dragoman.wire.openai_completions.usage import parse_usage
from dragoman.wire.tokens import MAX_TOKENS


class _PromptDetails(Struct, gc=False, forbid_unknown_fields=True):
    cached_tokens: int | None = None
    audio_tokens: int | None = None


class _CompletionDetails(Struct, gc=False, forbid_unknown_fields=True):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class _Usage(Struct, gc=False, forbid_unknown_fields=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Message(Struct, gc=False):
    role: str
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw | UnsetType = UNSET


class _Choice(Struct, gc=False):
    message: _Message
    finish_reason: str
    index: int = 0
    error: None = None


class _Answer(Struct, gc=False):
    choices: tuple[_Choice]
    usage: msgspec.Raw
    model: str | None = None
    error: None = None


_decode = msgspec.json.Decoder(_Answer).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode


def measure_response(body: bytes, dialect: Dialect) -> Measured | None:
    """Find how a whole answer ended and what it used; None where that takes a closer look."""
    try:
        answer = _decode(body)
        usage = _read_usage(answer.usage, dialect)
    except (ValueError, RecursionError):
        return None
    choice = answer.choices[0]
    message = choice.message
    if usage is None or choice.index or message.function_call is not UNSET:
        return None
    reason = finish_reason(choice.finish_reason, bool(message.tool_calls))
    return Measured(reason, usage, answer.model)


def _read_usage(raw: msgspec.Raw, dialect: Dialect) -> Usage | None:
    """Read the usual report quickly, any other as ever; None where a total is missing."""
    try:
        usual = _decode_usage(raw)
    except ValueError:
        value: Any = msgspec.json.decode(raw)
        found = parse_usage(value, None, dialect)
        whole = found is not None and None not in (found.prompt_tokens, found.completion_tokens)
        return found if whole else None
    prompt, completion = usual.prompt_tokens, usual.completion_tokens
    details, more = usual.prompt_tokens_details, usual.completion_tokens_details
    cached = details.cached_tokens if details is not None else None
    reasoning = more.reasoning_tokens if more is not None else None
    plain = (
        usual.total_tokens == prompt + completion
        and 0 <= (cached or 0) <= prompt <= MAX_TOKENS
        and 0 <= (reasoning or 0) <= completion <= MAX_TOKENS
    )
    if not plain:
        return parse_usage(msgspec.json.decode(raw), None, dialect)
    return Usage(prompt, completion, cached, None, None, reasoning)
