"""Errors that come with status 200, where chat completions have them."""

from __future__ import annotations

from typing import Any

from dragoman.errors import UpstreamError
from dragoman.wire.classification import classify
from dragoman.wire.error_body import find_details
from dragoman.wire.json_text import decode


def find_error(data: bytes, *, is_error: bool = False) -> UpstreamError | None:
    """Find the error in JSON that came with status 200; None when it holds none.

    `is_error` says that it is known to be one (`event: error`).
    """
    try:
        value = decode(data)
    except ValueError:
        value = data.decode("utf-8", "replace") if is_error else None
    details = find_details(value, is_error=is_error)
    if details is None and isinstance(value, dict):
        details = _in_choice(value.get("choices"))
    return None if details is None else classify(None, details, {}, data)


def _in_choice(choices: Any) -> Any:
    """Find the error that OpenRouter puts into a choice."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return find_details({"error": choice["error"]})
    return None
