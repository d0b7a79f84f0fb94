"""Errors, as both of OpenAI's APIs have them; inside an answer they stand in another place.

Source: https://platform.openai.com/docs/api-reference/responses-streaming/error (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.errors import DragomanError, UpstreamError
from dragoman.wire.classification import classify
from dragoman.wire.error_body import ErrorDetails, find_details
from dragoman.wire.json_text import decode
from dragoman.wire.openai_errors import error_object

_NO_ANSWER = ("failed", "cancelled")


def find_error(data: bytes, *, is_error: bool = False) -> UpstreamError | None:
    """Find the error in JSON that came with status 200; None when it holds none.

    `is_error` says that it is known to be one (`event: error`).
    """
    try:
        value = decode(data)
    except ValueError:
        value = data.decode("utf-8", "replace") if is_error else None
    details = find_details(value, is_error=is_error)
    return None if details is None else classify(None, details, {}, data)


def find_failure(response: dict[str, Any], data: bytes) -> UpstreamError | None:
    """Find why there is no answer in an answer's object; None when there is one.

    `data` is kept as what the provider sent.
    """
    status = response.get("status")
    if not response.get("error") and status not in _NO_ANSWER:
        return None
    details = find_details({"error": response.get("error")})
    if details is None:
        untold = f"the upstream says that its answer is {status}, and not why"
        details = ErrorDetails(untold, is_api=True)
    return classify(None, details, {}, data)


def response_error(error: DragomanError) -> dict[str, Any]:
    """Make the `error` of an answer that failed."""
    found = error_object(error)
    return {**found, "code": found["code"] or "server_error"}


def error_event(error: DragomanError, number: int) -> dict[str, Any]:
    """Make the event that says an error before there is an answer.

    OpenAI documents its fields on the event itself and sends them inside `error`, which is where
    its clients look: so they stand in both places.
    """
    found = error_object(error)
    return {
        "type": "error",
        "sequence_number": number,
        "code": found["code"],
        "message": found["message"],
        "param": found["param"],
        "error": found,
    }
