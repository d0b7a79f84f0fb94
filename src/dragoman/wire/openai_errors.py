"""Errors as both of OpenAI's APIs have them, read and written."""

from __future__ import annotations

from typing import Any

from dragoman.errors import (
    BadRequest,
    BudgetExceeded,
    DragomanError,
    InvalidRequest,
    LimitExceeded,
    RateLimited,
    RequestError,
    UnknownModel,
    UpstreamError,
)
from dragoman.types.http import Headers
from dragoman.wire.classification import classify
from dragoman.wire.error_body import in_full, own_details, read_details
from dragoman.wire.json_text import encode


def parse_error(status: int, headers: Headers, body: bytes) -> UpstreamError:
    """Classify a non-2xx answer of an OpenAI-style API. Never raises.

    By status, then the error's code or type, then known phrases; unknown ones by status alone.
    `retry_after` is in seconds, from `retry-after-ms`, then `retry-after` (number or HTTP date),
    then what the body asks for, else None. `raw` is the body, bounded to 4 KiB, keys hidden.

    Source: https://platform.openai.com/docs/guides/error-codes (read 2026-11)
    """
    return classify(status, read_details(body), headers, body)


def render_error(error: DragomanError) -> tuple[int, bytes]:
    """Write an error as OpenAI does: status and body. What upstreams said is kept in their words.

    Source: https://platform.openai.com/docs/api-reference/errors (read 2026-11)
    """
    return error.status, encode({"error": error_object(error)})


def error_object(error: DragomanError) -> dict[str, Any]:
    """Make the `error` of a body or of a frame. Our own details are under one key."""
    kind, code, param = _words(error)
    rendered: dict[str, Any] = {
        "message": in_full(error),
        "type": kind,
        "param": param,
        "code": code,
    }
    own = own_details(error)
    if own.get("upstream_code") == code:
        del own["upstream_code"]  # it is said already
    if own:
        rendered["dragoman"] = own
    return rendered


def _words(error: DragomanError) -> tuple[str, str, str | None]:
    """Find type, code and param."""
    if isinstance(error, UnknownModel):
        return "invalid_request_error", error.code, "model"
    if isinstance(error, BudgetExceeded):
        return "insufficient_quota", error.code, None
    if isinstance(error, LimitExceeded | RateLimited):
        return "rate_limit_error", error.code, None
    if isinstance(error, InvalidRequest):
        return "invalid_request_error", error.code, error.param
    if isinstance(error, RequestError):
        return "invalid_request_error", error.code, None
    if isinstance(error, BadRequest):
        if error.code != BadRequest.code:
            return "invalid_request_error", error.code, error.param
        kind = error.upstream_type or "invalid_request_error"
        return kind, error.upstream_code or error.code, error.param
    return "server_error", error.code, None
