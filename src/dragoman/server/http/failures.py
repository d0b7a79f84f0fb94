"""What goes wrong at the gateway itself, and how a client is told."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.errors import (
    AllAttemptsFailed,
    DragomanError,
    InvalidRequest,
    RequestError,
    Timeout,
)
from dragoman.server.http.messages import JSON_HEADERS, Reply
from dragoman.types.identifier import new_id
from dragoman.wire.base import WireFormat

RETRY_AFTER_LIMIT_S = 300.0


class NoSuchPath(RequestError):
    """Nothing is served under this path."""

    status = 404
    code = "not_found"


class WrongMethod(RequestError):
    """The path is served, and not with this method."""

    status = 405
    code = "method_not_allowed"


class BodyTooLarge(InvalidRequest):
    """The request's body is over the cap."""

    status = 413
    code = "request_too_large"


class BodyTooSlow(RequestError):
    """The request's body did not come in time."""

    status = 408
    code = "request_timeout"


class WrongMediaType(InvalidRequest):
    """The request's body is not said to be JSON."""

    status = 415
    code = "unsupported_media_type"


class TooBusy(DragomanError):
    """As many requests are in flight as may be, and the queue is full."""

    status = 503
    code = "overloaded"
    retryable = True


class ShuttingDown(DragomanError):
    """The gateway stops, and this request had all the time that there was."""

    status = 503
    code = "shutting_down"
    retryable = True


class InternalError(DragomanError):
    """A bug of ours. What it was is in the server's own log."""

    retryable = True


async def refuse(
    error: DragomanError,
    client: WireFormat,
    reply: Reply,
    headers: Mapping[str, str] = JSON_HEADERS,
) -> None:
    """Send an error in the client's language. See `write_refusal`."""
    await reply.send(*write_refusal(error, client, headers))


def write_refusal(
    error: DragomanError, client: WireFormat, headers: Mapping[str, str] = JSON_HEADERS
) -> tuple[int, Mapping[str, str], bytes]:
    """Write an error in the client's language, and whether asking again is of use.

    It has the name that the client's request has with us, in its body as in its headers; what a
    provider called its own part of it is in the record. One that never became an exchange is given
    its name here.

    Returns: status, headers, body.
    """
    told = {**JSON_HEADERS, **headers}
    if "x-request-id" not in told:
        told["x-request-id"] = told["request-id"] = new_id("req")
    error.request_id = told["x-request-id"]
    status, body = client.render_error(error)
    if error.retry_after is not None:
        wait_s = error.retry_after
        if not isinstance(error, RequestError):  # it is a provider's word, and may be anything
            wait_s = min(wait_s, RETRY_AFTER_LIMIT_S)
        told["retry-after"] = str(max(1, round(wait_s)))
    elif not _may_pass(error):
        told["x-should-retry"] = "false"
    return status, told, body


def _may_pass(error: DragomanError) -> bool:
    """Whether the same request may be answered when it is sent again."""
    if isinstance(error, AllAttemptsFailed):
        return any(map(_may_pass, error.errors))
    return error.retryable or isinstance(error, Timeout)
