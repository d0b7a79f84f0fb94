"""Usage above what the request allowed: nobody pays for tokens that cannot have been made."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.engine.dialogue import Whole
from dragoman.engine.estimate import count_prompts, estimate_answer
from dragoman.errors import DragomanError
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.base import WireFormat
from dragoman.wire.envelope import LENGTHS


class _Sent(msgspec.Struct):
    """What of a request's body says how long its answers may be, and how many there are."""

    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    n: Any = None
    best_of: Any = None
    prompt: Any = None


_LONG_BYTES = 32 * 1024
_FEW_TOKENS = 1024
"""For fewer a long request is not read again: that takes a tenth of all the work with it."""

_read = msgspec.json.Decoder(_Sent).decode


def hold_to_limit(
    usage: Usage, request: bytes, said_tokens: Callable[[], int], lengths: Collection[str]
) -> Usage:
    """Clamp a completion that is over a tenth longer than the request's own limit, as suspect.

    `request` is the body that the provider was sent; a limit in another shape is none here.
    `said_tokens` is asked only then: whoever really said more does not heed the limit, and is paid.
    `lengths` are the fields that the provider heeds: what it ignores makes nothing cheaper.
    """
    completion = usage.completion_tokens
    if completion is None or (completion < _FEW_TOKENS and len(request) > _LONG_BYTES):
        return usage
    try:
        sent = _read(request)
    except (ValueError, RecursionError):
        return usage
    for name in LENGTHS:
        if name not in lengths:
            setattr(sent, name, None)
    limit = _limit(sent)
    if limit is None:
        return usage
    # Of `max_tokens` alone some servers do not count reasoning (DeepSeek's, xAI's); the others'
    # limits are those of reasoning, too.
    plain = sent.max_completion_tokens is None and sent.max_output_tokens is None
    apart = usage.reasoning_tokens or 0 if plain else 0
    if not _exceeds(completion - apart, limit) or _exceeds(said_tokens(), limit):
        return usage
    held = limit + apart
    reasoning = usage.reasoning_tokens
    return replace(
        usage,
        completion_tokens=held,
        reasoning_tokens=None if reasoning is None else min(reasoning, held),
        suspect=True,
    )


def said_tokens(whole: Whole, upstream: WireFormat, dialect: Dialect) -> int:
    """How many tokens an answer in one piece has, about; none when it cannot be read.

    One that was relayed has been measured alone, and is read here.
    """
    completion = whole.completion
    if completion is None:
        try:
            completion = upstream.parse_response(whole.out, dialect)
        except DragomanError:
            return 0
    return estimate_answer(completion.message)


def _limit(sent: _Sent) -> int | None:
    """Find the most tokens that all answers may have together; None where nobody said."""
    lengths = sent.max_tokens, sent.max_completion_tokens, sent.max_output_tokens
    said = [length for length in lengths if _is_count(length)]
    if not said:
        return None
    answers = max([count for count in (sent.n, sent.best_of) if _is_count(count)], default=1)
    return int(max(said) * answers * count_prompts(sent.prompt))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _exceeds(tokens: int, limit: int) -> bool:
    return tokens * 10 > limit * 11
