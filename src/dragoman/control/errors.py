"""How a client of the control plane is told what went wrong: in one shape, whatever it was.

    {"error": {"code": "not_found", "message": "…", "hint": "…", "param": "…"}}

`code` is a stable word for programs; `hint` and `param` are there where they help.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from msgspec import UNSET, Struct, UnsetType

from dragoman.discretion import conceal
from dragoman.errors import ConfigError, DragomanError, InvalidRequest
from dragoman.organisations.failures import Conflict
from dragoman.store.database import StoreError, UnwritableRow

log = logging.getLogger("dragoman.control")

DATABASE_RETRY_S = 5
_FIELD = re.compile(r" field `(.+)`$", re.DOTALL)
_NO_BODY = "Object missing required field `data`"
"""Why a handler cannot be called without a body. Of a field of the body it would say where."""
_LOOK_UP = (
    "GET /openapi.json (with a gateway key, where one is needed) tells paths, fields, and what each"
    " may be"
)
_SIGN_IN = ("/api/v1/oidc/start", "/api/v1/oidc/callback")
"""Where people are led, not programs: the console says to them what went wrong, by its code."""
_HOME = "../../../console/"
"""From there, so that a proxy's prefix stays."""


class Told(Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str
    hint: str | UnsetType = UNSET
    param: str | UnsetType = UNSET


class ErrorBody(Struct, frozen=True):
    """The body of every answer that is none."""

    error: Told


class DatabaseAway(DragomanError):
    """The database does not answer. It says nothing about who may do what."""

    status = 503
    code = "database_unavailable"
    retryable = True


_HTTP: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "nothing is served under this path"),
    405: ("method_not_allowed", "the path does not take this method"),
    413: ("request_too_large", "the body is too large"),
}


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorBody]:
    """Make the answer for whatever was raised."""
    if isinstance(error, HTTPException):
        return _answer(*_of_litestar(error), headers=error.headers or {})
    told = _as_ours(error, _is_operator(request))
    if told is None:
        log.error(
            *("%s %s failed: %s", request.method, request.url.path, type(error).__name__),
            exc_info=error,
        )
        own = Told("internal_error", "the gateway failed", hint="its log says why")
        return _answer(500, own)
    headers = {}
    if told.retry_after is not None:
        headers["retry-after"] = str(max(1, round(told.retry_after)))
    if request.url.path.startswith(_SIGN_IN) and _is_browser(request):
        headers["location"] = f"{_HOME}?refused={told.code}"
        return _answer(302, describe_error(told), headers=headers)
    return _answer(told.status, describe_error(told), headers=headers)


def _is_operator(request: Request[Any, Any, Any]) -> bool:
    """Whether an operator asks, as far as the guard came."""
    identity = request.scope["state"].get("identity")
    return identity is not None and identity.actor.operator


def _is_browser(request: Request[Any, Any, Any]) -> bool:
    return "text/html" in request.headers.get("accept", "")


def describe_error(error: DragomanError) -> Told:
    """Say what a client is told of an error of ours."""
    param = error.param if isinstance(error, InvalidRequest) else None
    return Told(error.code, error.message, error.hint or UNSET, param or UNSET)


def _as_ours(error: Exception, operator: bool) -> DragomanError | None:
    """Say an error in our terms; what the gateway is missing, and where, operators alone are told.

    None for one that nobody expected.
    """
    if isinstance(error, ConfigError):
        log.error("%s; to mend it: %s", error, error.hint or "see its place")
        return error if operator else conceal(error, None)
    if isinstance(error, DragomanError):
        return error
    if isinstance(error, UnwritableRow):
        # Names are looked at before they are written: another request was faster.
        return Conflict("it clashes with what is there by now", hint="look again, and ask again")
    if isinstance(error, StoreError):
        log.error("the database failed: %s", error)
        return DatabaseAway(
            "the database does not answer",
            hint="it is tried anew with every request",
            retry_after=DATABASE_RETRY_S,
        )
    return None


def _of_litestar(error: HTTPException) -> tuple[int, Told]:
    if isinstance(error, ValidationException):
        return 400, _of_validation(error)
    if isinstance(error.__cause__, SerializationException):
        return 400, Told(
            "invalid_request",
            f"the body is no JSON: {error.detail}",
            hint="send a JSON object, with `content-type: application/json`",
        )
    status = error.status_code
    code, message = _HTTP.get(status, ("", ""))
    if not code:
        code = HTTPStatus(status).phrase.lower().replace(" ", "_")
        message = "the request cannot be read" if status < 500 else "the gateway failed"
        if status == 400:
            code, message = "invalid_request", error.detail or message
    return status, Told(code, message, hint=_LOOK_UP if status in (400, 404, 405) else UNSET)


def _of_validation(error: ValidationException) -> Told:
    """Tell the first of what is wrong: its field, and why."""
    if str(error.__cause__) == _NO_BODY:
        return Told(
            "invalid_request",
            "the request has no body, and a JSON object is expected",
            hint="send one, with `content-type: application/json`",
        )
    extra = error.extra
    first = extra[0] if isinstance(extra, list) and extra else {}
    if not isinstance(first, dict):
        first = {}
    message = str(first.get("message") or error.detail or "the request is not valid")
    # Of a field that is unknown or missing the object is named, and of the body its argument here.
    where = [first["key"]] if first.get("key") not in (None, "", "data") else []
    where += _FIELD.findall(message)
    return Told(
        "invalid_request",
        message[:1].lower() + message[1:],
        hint=_LOOK_UP,
        param=".".join(where) or UNSET,
    )


def _answer(
    status: int, told: Told, *, headers: Mapping[str, str] | None = None
) -> Response[ErrorBody]:
    return Response(
        ErrorBody(told), status_code=status, media_type="application/json", headers=headers
    )
