"""Fitting a prompt into a context window.

The estimate is good to a quarter, so nothing is refused or cut unless it is over by more than that.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.estimate import BYTES_PER_TOKEN, estimate_message, estimate_request
from dragoman.errors import ContextOverflow
from dragoman.types.message import Message, Role
from dragoman.types.model import ModelInfo
from dragoman.types.provider import OnOverflow
from dragoman.types.request import ChatRequest
from dragoman.types.usage import Usage

MARGIN = 1.25
_INSTRUCTIONS: tuple[Role, ...] = ("system", "developer")

SILENT_CUT_SHARE = 0.4
SILENT_CUT_TOKENS = 500
NOTICEABLE_BYTES = SILENT_CUT_TOKENS * BYTES_PER_TOKEN
"""A request smaller than this cannot have been cut by so much."""


class Fitted(Struct, frozen=True):
    """The request that fits, and what was done to it."""

    request: ChatRequest
    warnings: tuple[str, ...] = ()


def fit(request: ChatRequest, info: ModelInfo, policy: OnOverflow, estimate: int) -> Fitted:
    """Make the request fit into the model's window, or refuse.

    The answer's limit is lowered before history is cut: window = prompt + answer.

    Raises: ContextOverflow; under the policy `fallback` a larger window is tried then.
    """
    window = info.context_window
    if window is None:
        return Fitted(request)
    if estimate <= window * MARGIN:
        return _lower_limit(request, window, estimate)
    if policy != "truncate":
        raise _overflow(estimate, window, policy)
    kept, dropped = truncate(request.messages, window - estimate_request(_without_history(request)))
    if not dropped:
        raise _overflow(estimate, window, policy)
    shorter = replace(request, messages=kept)
    count = estimate_request(shorter)
    if count > window * MARGIN:
        raise _overflow(count, window, policy)
    fitted = _lower_limit(shorter, window, count)
    note = f"the oldest {dropped} messages were left out: the context window has {window} tokens"
    return Fitted(fitted.request, (note, *fitted.warnings))


def truncate(messages: tuple[Message, ...], room: int) -> tuple[tuple[Message, ...], int]:
    """Drop the oldest turns until the rest has at most `room` tokens.

    Instructions, the last user message and the latest step stay. A tool call and its results go
    or stay together. What is left starts with a user message.

    Returns: what is kept, and how many messages were dropped.
    """
    units = _units(messages)
    keep = [True] * len(units)
    pinned = {i for i, unit in enumerate(units) if unit[0].role in _INSTRUCTIONS}
    users = [i for i, unit in enumerate(units) if unit[0].role == "user"]
    pinned.update(users[-1:])
    pinned.add(len(units) - 1)
    size = sum(estimate_message(message) for message in messages)
    for index, unit in enumerate(units):
        if size <= room and _starts_with_user(units, keep):
            break
        if index not in pinned:
            keep[index] = False
            size -= sum(estimate_message(message) for message in unit)
    kept = tuple(message for i, unit in enumerate(units) if keep[i] for message in unit)
    return kept, len(messages) - len(kept)


def _units(messages: tuple[Message, ...]) -> list[tuple[Message, ...]]:
    """Group messages so that tool results stand with the call that they answer."""
    units: list[tuple[Message, ...]] = []
    for message in messages:
        if message.role == "tool" and units:
            units[-1] = (*units[-1], message)
        else:
            units.append((message,))
    return units


def _starts_with_user(units: list[tuple[Message, ...]], keep: list[bool]) -> bool:
    for unit, kept in zip(units, keep, strict=True):
        if kept and unit[0].role not in _INSTRUCTIONS:
            return unit[0].role == "user"
    return True


def _without_history(request: ChatRequest) -> ChatRequest:
    return replace(request, messages=())


def _lower_limit(request: ChatRequest, window: int, estimate: int) -> Fitted:
    """Lower `max_tokens` where prompt and answer together are sure not to fit."""
    asked = request.max_tokens
    if asked is None or estimate + asked <= window * MARGIN or estimate >= window:
        return Fitted(request)
    room = window - estimate
    note = f"max_tokens: lowered from {asked} to {room}, the window has {window} tokens"
    return Fitted(replace(request, max_tokens=room), (note,))


def _overflow(estimate: int, window: int, policy: OnOverflow) -> ContextOverflow:
    error = ContextOverflow(
        f"the prompt has about {estimate} tokens, the context window {window}",
        hint='shorten it, choose a larger model, or set on_overflow = "truncate"',
    )
    if policy == "error":
        error.failover = "never"
    return error


def find_silent_cut(usage: Usage, estimate: int) -> tuple[str, ...]:
    """Notice a server that cut the prompt without a word (Ollama does, at its `num_ctx`).

    Returns: the warning, or nothing.
    """
    counted = usage.prompt_tokens
    if counted is None or usage.estimated:
        return ()
    if counted > estimate * SILENT_CUT_SHARE or estimate - counted < SILENT_CUT_TOKENS:
        return ()
    note = (
        f"the server read {counted} tokens where about {estimate} were sent: it may have cut the "
        "prompt. Raise the server's context size (num_ctx, --ctx-size, --max-model-len)"
    )
    return (note,)
