"""Errors as all of Google's APIs have them: `google.rpc.Status`, with details.

Source: https://cloud.google.com/apis/design/errors and
https://ai.google.dev/gemini-api/docs/troubleshooting (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dragoman.errors import DragomanError, ProtocolError, RateLimited, UpstreamError
from dragoman.types.http import Headers
from dragoman.wire.classification import classify
from dragoman.wire.error_body import bounded, find_details, read_details
from dragoman.wire.json_text import decode, encode

_HINTS = {
    "API_KEY_INVALID": "Is it the key of this API? AI Studio's and Google Cloud's are different.",
    "SERVICE_DISABLED": "Enable the API for the project, in Google Cloud's console.",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "The token needs the scope cloud-platform.",
    "IAM_PERMISSION_DENIED": "Give the account the role Vertex AI User (roles/aiplatform.user).",
}


def parse_error(status: int, headers: Headers, body: bytes) -> UpstreamError:
    """Classify a non-2xx answer. Never raises.

    By the status, then the reason in its `ErrorInfo` (`API_KEY_INVALID`), then known phrases;
    `RetryInfo` says when to ask again.
    """
    reason, quota = _reason(body)
    details = read_details(body)
    if reason is not None:
        details = replace(details, code=reason)
    error = classify(status, details, headers, body)
    error.hint = error.hint or _HINTS.get(reason or "")
    if quota and isinstance(error, RateLimited):
        error.hint = error.hint or f"The limit is {quota}."
    return error


def find_error(value: Any) -> DragomanError:
    """Make the error for what came in the place of an answer."""
    data = encode(value)
    details = find_details(value)
    if details is None:
        return ProtocolError("the upstream's answer is no JSON object", raw=bounded(data))
    reason, _ = _reason(data)
    return classify(None, replace(details, code=reason or details.type), {}, data)


def _reason(body: bytes) -> tuple[str | None, str | None]:
    """Find the reason that `ErrorInfo` names, and the quota that was used up."""
    try:
        value = decode(body)
    except ValueError:
        return None, None
    value = value[0] if isinstance(value, list) and value else value
    error = value.get("error") if isinstance(value, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    reason = quota = None
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        if isinstance(said := detail.get("reason"), str) and reason is None:
            reason = said[:100]
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and isinstance(said := violation.get("quotaId"), str):
                quota = said[:100]
    return reason, quota
