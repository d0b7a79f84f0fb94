"""What of the configuration operators alone are told: files, variables, commands, addresses, and
what an adapter stumbled over.

Whoever asks a gateway without keys sits at the machine that it runs on, and is told everything; so
are operators. A client with a gateway key and the members of an organisation are not: of what
failed they hear a word of ours. Nothing says whose a provider was that a record names, so it is the
same for an organisation's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from dragoman.errors import (
    AdapterError,
    AllAttemptsFailed,
    ConfigError,
    ConnectFailed,
    DestinationDenied,
    DragomanError,
    ProtocolError,
    TransportError,
    UnknownModel,
    UpstreamError,
)
from dragoman.types.exchange import Attempt, Exchange

TOLD = "it is not set up as it has to be"
_WORDS: Mapping[type[DragomanError], str] = {
    ConfigError: TOLD,
    AdapterError: TOLD,
    ConnectFailed: "it cannot be reached",
    DestinationDenied: "its address is not allowed",
}
"""What is said in place of an error's own words, where these say what the configuration holds."""
_BY_CODE = {kind.code: words for kind, words in _WORDS.items()}
_HINTED = (UpstreamError, TransportError, ProtocolError, AllAttemptsFailed)
"""Their hints say where a key was looked for, who did not answer, where a redirect leads."""

HINT = "Whoever runs the gateway finds in its log what is wrong."
_DISABLED = "whoever runs the gateway can enable it"


def conceal(error: DragomanError, exchange: Exchange | None) -> DragomanError:
    """Say an error without what the configuration holds; an error without any stays the same."""
    attempts = exchange.attempts if exchange is not None else ()
    if isinstance(error, _HINTED):
        error.hint = None
    if isinstance(error, UnknownModel) and error.by_setting:
        return UnknownModel(error.message, suggestions=error.suggestions, hint=_DISABLED)
    words = next((words for kind, words in _WORDS.items() if isinstance(error, kind)), None)
    if words is None and not any(map(_words_for, attempts)):
        return error
    hint = HINT if TOLD in (words, *map(_words_for, attempts)) else None
    told: DragomanError
    if words is not None:
        told = type(error)(f"{error.provider or 'the gateway'}: {words}", hint=hint)
    elif isinstance(error, AllAttemptsFailed):
        told = AllAttemptsFailed(concealed(error.message, attempts), error.errors, hint=hint)
    else:
        told = error
    told.provider, told.model, told.retry_after = error.provider, error.model, error.retry_after
    if exchange is not None:
        told.exchange = replace(exchange, attempts=[*map(conceal_attempt, attempts)])
    return told


def reason_of(error: DragomanError) -> str:
    """Say why something failed, without what the configuration holds."""
    found = (words for kind, words in _WORDS.items() if isinstance(error, kind))
    return next(found, error.message)


def conceal_attempt(attempt: Attempt) -> Attempt:
    """Say of an attempt no more than is told to all: no place, and not which key was sent."""
    reason = _words_for(attempt) or attempt.reason
    return replace(attempt, reason=reason, credential=None)


def concealed(text: str, attempts: Iterable[Attempt]) -> str:
    """Take what the configuration holds out of a text that repeats it."""
    for attempt in attempts:
        words = _words_for(attempt)
        if words is not None and attempt.reason:
            text = text.replace(attempt.reason, words)
    return text


def _words_for(attempt: Attempt) -> str | None:
    """What is said in place of an attempt's reason, if that is not for all."""
    return _BY_CODE.get(attempt.error or "")
