"""What went wrong at Bedrock: the type of an exception decides, as the HTTP status that it is.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
and the SDK's model of the service, botocore 1.44 (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from dragoman.adapters.frames import Piece
from dragoman.errors import UpstreamError
from dragoman.types.http import HttpAnswer
from dragoman.wire.classification import classify
from dragoman.wire.error_body import ErrorDetails, one_line, read_details
from dragoman.wire.json_text import decode

_STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "ThrottlingException": 429,
        "ServiceQuotaExceededException": 429,  # it comes with 400
        "ModelNotReadyException": 529,  # with 429: it is being loaded
        "ServiceUnavailableException": 529,  # with 503: too much to do
        "InternalServerException": 500,
        "ModelErrorException": 500,
        "ModelStreamErrorException": 500,
        "ModelTimeoutException": 408,
        "ValidationException": 400,
        "ResourceNotFoundException": 404,
        "AccessDeniedException": 403,
        # Who asks is not known: with 403.
        "UnrecognizedClientException": 401,
        "InvalidSignatureException": 401,
        "SignatureDoesNotMatch": 401,
        "IncompleteSignatureException": 401,
        "MissingAuthenticationTokenException": 401,
        "ExpiredTokenException": 401,
        "InvalidClientTokenId": 401,
    }
)

_FIXES: tuple[tuple[str, int | None, str], ...] = (
    (
        r"model identifier is invalid",
        404,
        "Is the id right, and the model in this region? aws bedrock list-foundation-models",
    ),
    (
        r"on-demand throughput isn.t supported",
        None,
        "Name an inference profile: the id with us., eu., apac. or global. before it.",
    ),
    (
        r"access to the model|not authorized to perform: bedrock:|not authorized to invoke",
        None,
        "The account needs access to this model, and the role the action bedrock:InvokeModel.",
    ),
    (
        r"signature expired|signature not yet current",
        None,
        "The clock of this machine is off.",
    ),
    (
        r"security token included in the request is (?:expired|invalid)|token has expired",
        None,
        "Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, all of them.",
    ),
    (
        r"signature we calculated does not match",
        None,
        "Is AWS_SECRET_ACCESS_KEY the one of AWS_ACCESS_KEY_ID?",
    ),
)
"""What messages say, word for word; the status that this is, if it is another; how to mend it."""

_CANONICAL = re.compile(r"\s*The Canonical String for this request.*", re.DOTALL)
"""AWS repeats what should have been signed, a session's token with it."""


def read_error(answer: HttpAnswer) -> UpstreamError:
    """Classify an answer that is not 2xx. Never raises."""
    named = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
    details = read_details(answer.body)
    error = _classified(named or details.code or _type_in(answer.body), details, answer)
    error.upstream_status = answer.status
    return error


def frame_error(frame: Piece) -> UpstreamError:
    """Classify an exception that came inside a stream. Never raises."""
    named = frame.headers.get(":exception-type") or frame.headers.get(":error-code") or ""
    details = read_details(frame.data)
    if not details.message:
        details = ErrorDetails(one_line(frame.headers.get(":error-message", "")))
    error = _classified(named, details, HttpAnswer(status=0, headers={}, body=frame.data))
    error.upstream_status = None
    return error


def _type_in(body: bytes) -> str:
    """Find the exception's type in a body of the older protocol."""
    try:
        value = decode(body)
    except ValueError:
        return ""
    named = value.get("__type") if isinstance(value, dict) else None
    return named if isinstance(named, str) else ""


def _classified(named: str, details: ErrorDetails, answer: HttpAnswer) -> UpstreamError:
    kind = named.rpartition("#")[2]
    kind = kind[:1].upper() + kind[1:]  # in streams they begin with a small letter
    message = _CANONICAL.sub("", details.message)
    body = answer.body if message == details.message else b""
    details = replace(details, message=message, code=kind[:100] or details.code, type=None)
    status = _STATUSES.get(kind, answer.status or None)
    hint = None
    for phrase, other, fix in _FIXES:
        if re.search(phrase, message, re.IGNORECASE):
            status, hint = other or status, fix
            break
    error = classify(status, details, answer.headers, body)
    error.hint = hint or error.hint
    return error
