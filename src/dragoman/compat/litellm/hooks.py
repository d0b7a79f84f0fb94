"""Calls somebody's hooks, and makes typed errors of what they raise."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from dragoman.adapters.format import wrong_type
from dragoman.adapters.guard import explain
from dragoman.errors import AdapterError, DragomanError
from dragoman.types.http import HttpAnswer
from dragoman.wire import get_format
from dragoman.wire.json_text import encode

ERRORS = get_format("openai-completions")
NO_STATUS = 500


def call_hook(whose: str, hook: Callable[..., Any], **fields: Any) -> Any:
    """Call a hook by keyword, with the arguments that it takes. Raises: DragomanError."""
    try:
        return hook(**taken(hook, fields))
    except DragomanError:
        raise
    except (Exception, SystemExit) as error:
        raise typed(whose, hook, error) from error


def taken(hook: Callable[..., Any], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what a hook does not take: releases of LiteLLM differ in that."""
    names = _parameters(getattr(hook, "__func__", hook))
    return fields if names is None else {n: v for n, v in fields.items() if n in names}


@lru_cache(maxsize=1024)
def _parameters(hook: Callable[..., Any]) -> frozenset[str] | None:
    """Name the parameters of a function; None when it takes any."""
    found = inspect.signature(hook).parameters
    if any(one.kind is one.VAR_KEYWORD for one in found.values()):
        return None
    return frozenset(found)


def typed(whose: str, hook: Callable[..., Any], error: BaseException) -> DragomanError:
    """Make a typed error of what a hook raised: one with a status is the upstream's word."""
    if isinstance(error, DragomanError):
        return error
    answer = as_answer(error)
    if answer is None:
        return explain(whose, hook, error)
    return ERRORS.parse_error(answer.status, answer.headers, answer.body)


def as_answer(error: BaseException) -> HttpAnswer | None:
    """Take an exception that has a status as the answer that it stands for."""
    response = getattr(error, "response", None)
    own = getattr(error, "status_code", None)
    status = own or getattr(response, "status_code", None)
    if not isinstance(status, int) or isinstance(error, DragomanError):
        return None
    if not 400 <= status < 600:
        status = NO_STATUS
    headers: Any = getattr(error, "headers", None) or getattr(response, "headers", None)
    found = {}
    if callable(getattr(headers, "items", None)):
        found = {str(name).lower(): str(value) for name, value in headers.items()}
    body = None if own else getattr(response, "content", None)
    if not isinstance(body, bytes):
        message = str(getattr(error, "message", None) or error or type(error).__name__)
        body = error_body(message)
    return HttpAnswer(status=status, headers=found, body=body)


def error_body(message: str) -> bytes:
    """Write an error as OpenAI's API does, unless the message is such a body already."""
    if message.lstrip().startswith("{"):
        return message.encode("utf-8", "replace")
    return encode({"error": {"message": message, "type": None, "code": None}})


def expect(whose: str, hook: str, value: Any, kind: Any, wanted: str) -> Any:
    """Check what a hook returned. Raises: AdapterError."""
    if not isinstance(value, kind):
        raise wrong_type(whose, hook, value, wanted)
    return value


def unreadable(whose: str, hook: str, error: DragomanError) -> AdapterError:
    """Say that what a hook made of an answer is none."""
    return AdapterError(
        f"the adapter of {whose} made an answer in {hook} that cannot be read: {error.message}",
        hint="it must be a ModelResponse with choices, each with a message",
    )
