"""What a client with a gateway key is not told: files, variables, commands of the configuration,
and what an adapter stumbled over.

Whoever asks a gateway without keys sits at the machine that it runs on, and is told everything; of
all others only the log may know.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from dragoman.errors import (
    AdapterError,
    AllAttemptsFailed,
    ConfigError,
    DragomanError,
    UpstreamError,
)
from dragoman.types.exchange import Attempt, Exchange

TOLD = "it is not set up as it has to be"
_OURS = (ConfigError, AdapterError)
_CODES = {kind.code for kind in _OURS}

HINT = "Whoever runs the gateway finds in its log what is wrong."


def conceal(error: DragomanError, exchange: Exchange | None) -> DragomanError:
    """Say an error without what the configuration holds; an error without any stays the same."""
    attempts = exchange.attempts if exchange is not None else ()
    if isinstance(error, UpstreamError):
        error.hint = None  # where a key was looked for, where a redirect leads: for the operator
    if not isinstance(error, _OURS) and not any(map(_is_ours, attempts)):
        return error
    told: DragomanError
    if isinstance(error, _OURS):
        told = type(error)(f"{error.provider or 'the gateway'}: {TOLD}", hint=HINT)
    elif isinstance(error, AllAttemptsFailed):
        told = AllAttemptsFailed(concealed(error.message, attempts), error.errors, hint=HINT)
    else:
        told = error
    told.provider, told.model, told.retry_after = error.provider, error.model, error.retry_after
    if exchange is not None:
        seen = [replace(one, reason=TOLD) if _is_ours(one) else one for one in attempts]
        told.exchange = replace(exchange, attempts=seen)
    return told


def concealed(text: str, attempts: Iterable[Attempt]) -> str:
    """Take what the configuration holds out of a text that repeats it."""
    for attempt in attempts:
        if _is_ours(attempt) and attempt.reason:
            text = text.replace(attempt.reason, TOLD)
    return text


def _is_ours(attempt: Attempt) -> bool:
    return attempt.error in _CODES
