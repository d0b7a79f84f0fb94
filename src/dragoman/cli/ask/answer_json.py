"""An answer as one JSON object, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.cli.terminal.json_output import plain_number
from dragoman.types.exchange import NANO

if TYPE_CHECKING:
    from dragoman.types.completion import Completion
    from dragoman.types.exchange import Attempt, Exchange
    from dragoman.types.usage import Usage

_USAGE = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "estimated",
)


def answer_object(
    exchange: Exchange | None, completion: Completion | None, failure: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Describe an answer, whole or broken off. `error` is there only when something failed.

    `cost` is in USD. `request_id` is ours; the providers' own are in `attempts`.
    """
    finish_reason = completion.finish_reason if completion and failure is None else None
    found: dict[str, Any] = {
        "text": completion.text if completion else "",
        "reasoning": (completion.reasoning or None) if completion else None,
        "refusal": completion.refusal if completion else None,
        "tool_calls": _tool_calls(completion),
        "finish_reason": finish_reason,
        "model": exchange.model if exchange else None,
        "provider": exchange.provider if exchange else None,
        "usage": _usage(exchange.usage) if exchange else None,
        "cost": plain_number(exchange.cost) if exchange else None,
        "cost_source": exchange.cost_source if exchange else "unknown",
        "first_token_s": exchange.first_token_s if exchange else None,
        "duration_s": exchange.duration_s if exchange else None,
        "attempts": [_attempt(attempt) for attempt in exchange.attempts] if exchange else [],
        "warnings": list(exchange.warnings) if exchange else [],
        "request_id": exchange.id if exchange else None,
    }
    if failure is not None:
        found["error"] = dict(failure)
    return found


def _tool_calls(completion: Completion | None) -> list[dict[str, Any]]:
    calls = completion.tool_calls if completion else ()
    return [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls]


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {name: getattr(usage, name) for name in _USAGE}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(attempt, builtin_types=(Decimal,))
    nano = found.pop("cost_nanousd", None)
    found["cost"] = None if nano is None else plain_number(Decimal(nano) / NANO)
    found["cost_source"] = attempt.cost_source
    found["outcome"] = attempt.outcome
    found["duration_s"] = attempt.duration_s
    if attempt.usage is not None:
        found["usage"] = _usage(attempt.usage)
    return found
