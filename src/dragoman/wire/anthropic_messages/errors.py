"""Errors of Anthropic's API, read and written.

Source: https://platform.claude.com/docs/en/api/errors (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.errors import (
    AllAttemptsFailed,
    BadRequest,
    BudgetExceeded,
    DragomanError,
    Forbidden,
    LimitExceeded,
    Overloaded,
    RateLimited,
    RequestError,
    Timeout,
    Unauthorized,
    UpstreamError,
)
from dragoman.types.http import Headers
from dragoman.wire.classification import classify
from dragoman.wire.error_body import find_details, in_full, own_details, read_details
from dragoman.wire.json_text import decode, encode

_TYPES: tuple[tuple[type[DragomanError], int | None, str], ...] = (
    (Unauthorized, 401, "authentication_error"),
    (Forbidden, 403, "permission_error"),
    (BudgetExceeded, 402, "billing_error"),
    (LimitExceeded, 429, "rate_limit_error"),
    (RequestError, None, "invalid_request_error"),
    (RateLimited, 429, "rate_limit_error"),
    (Overloaded, 529, "overloaded_error"),
    (Timeout, 504, "timeout_error"),
    (AllAttemptsFailed, None, "overloaded_error"),
    (BadRequest, None, "invalid_request_error"),
    (DragomanError, None, "api_error"),
)
"""What each error is called, the first that fits; None leaves its own status."""


def parse_error(status: int, headers: Headers, body: bytes) -> UpstreamError:
    """Classify a non-2xx answer. Never raises.

    By status, then the error's type, then known phrases (a prompt that is too long and a credit
    balance that is too low both come as `invalid_request_error`).
    """
    return classify(status, read_details(body), headers, body)


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


def render_error(error: DragomanError) -> tuple[int, bytes]:
    """Write an error for a client: HTTP status and body."""
    status, value = error_value(error)
    return status, encode(value)


def error_value(error: DragomanError) -> tuple[int, dict[str, Any]]:
    """Make the status and the body, which is also what `event: error` says in a stream."""
    status, kind = _words(error)
    inner: dict[str, Any] = {
        "type": kind,
        "message": in_full(error),
    }
    if code := _code(error):
        inner["details"] = {"error_code": code}
    if details := own_details(error):
        inner["dragoman"] = details
    return status, {"type": "error", "error": inner, "request_id": error.request_id}


def _code(error: DragomanError) -> str | None:
    """Find the word for programs: the provider's own, where it failed and gave one."""
    return error.upstream_code if isinstance(error, UpstreamError) else error.code


def _words(error: DragomanError) -> tuple[int, str]:
    if error.status == 413:
        return 413, "request_too_large"
    if error.status == 404 and isinstance(error, RequestError):
        return 404, "not_found_error"
    if isinstance(error, AllAttemptsFailed):
        return _all_failed(error)
    for kind, status, word in _TYPES:
        if isinstance(error, kind):
            return status or error.status, word
    return error.status, "api_error"


def _all_failed(error: AllAttemptsFailed) -> tuple[int, str]:
    """Say 529 when the last provider had too much to do, as it would have said itself."""
    last = error.errors[-1] if error.errors else None
    return (529 if isinstance(last, Overloaded) else error.status), "overloaded_error"
