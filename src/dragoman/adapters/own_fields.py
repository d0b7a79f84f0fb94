"""Fields of an API's own that callers may name, whatever language they speak.

An SDK's `extra_body`, a keyword argument: what the API at the other end knows goes there, and the
rest is reported as everywhere.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from dragoman.adapters.ask import Ask
from dragoman.types.request import ChatRequest
from dragoman.wire.extra import render_extra


def add_own_fields(ask: Ask, body: dict[str, Any], known: Set[str]) -> None:
    """Add the request's fields that this API knows; of objects, the members that are not set yet.

    What the provider's and the model's settings add (`body`) comes after what the caller says.

    Raises: Unsupported for a field of another language that can't be left out.
    """
    request = ask.request
    given = {name: value for name, value in request.extra.items() if name in known}
    for fields in (given, ask.added):
        for name, value in fields.items():
            kept = body.get(name)
            if isinstance(kept, dict) and isinstance(value, dict):
                body[name] = {**value, **kept}
            elif name in known:
                body.setdefault(name, value)
    rest = {name: value for name, value in request.extra.items() if name not in known}
    if rest:
        bare = ChatRequest(model=ask.model, messages=(), format=request.format, extra=rest)
        render_extra(bare, f"the adapter of {ask.provider.name}", body, ask.warn)
    ask.extra_sent = True
