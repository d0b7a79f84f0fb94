"""The exceptions that LiteLLM's providers raise and its callers catch: ours, under its names.

    except RateLimitError: …      what `completion` raises
    raise RateLimitError(…)       what an adapter raises

Each is one of Dragoman's own errors as well, so that retries, fallbacks and exit codes are as ever.

Source: https://docs.litellm.ai/docs/exception_mapping (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman import errors
from dragoman.errors import DragomanError


class BaseLLMException(Exception):
    """What a provider's code raises with a status: `get_error_class` returns one."""

    def __init__(
        self,
        status_code: int = 500,
        message: str = "",
        headers: Any = None,
        request: Any = None,
        response: Any = None,
        body: Any = None,
        **fields: Any,
    ) -> None:
        self.status_code = status_code
        self.message = message
        self.headers = headers
        self.request = request
        self.response = response
        self.body = body
        self.__dict__.update(fields)
        super().__init__(message)


class CustomLLMError(Exception):
    """What a custom handler raises with a status."""

    def __init__(self, status_code: int, message: str) -> None:
        self.status_code = status_code
        self.message = message
        super().__init__(message)


class _Named(DragomanError):
    """The arguments that LiteLLM's exceptions take."""

    status_code: int = 500

    def __init__(
        self,
        message: str,
        llm_provider: str | None = None,
        model: str | None = None,
        response: Any = None,
        **fields: Any,
    ) -> None:
        DragomanError.__init__(self, message, model=model)
        self.llm_provider = llm_provider
        self.response = response
        for name, value in fields.items():
            setattr(self, name, value)


class BadRequestError(_Named, errors.BadRequest):
    """400: see `errors.BadRequest`."""

    status_code = 400


class UnprocessableEntityError(BadRequestError):
    """422."""

    status_code = 422


class ContextWindowExceededError(BadRequestError, errors.ContextOverflow):
    """400: see `errors.ContextOverflow`."""


class ContentPolicyViolationError(BadRequestError, errors.ContentFiltered):
    """400: see `errors.ContentFiltered`."""


class UnsupportedParamsError(_Named, errors.Unsupported):
    """400: see `errors.Unsupported`."""

    status_code = 400
    param: str | None = None


class AuthenticationError(_Named, errors.AuthFailed):
    """401: see `errors.AuthFailed`."""

    status_code = 401


class PermissionDeniedError(_Named, errors.PermissionDenied):
    """403: see `errors.PermissionDenied`."""

    status_code = 403


class NotFoundError(_Named, errors.NotFound):
    """404: see `errors.NotFound`."""

    status_code = 404


class RateLimitError(_Named, errors.RateLimited):
    """429: see `errors.RateLimited`."""

    status_code = 429


class InternalServerError(_Named, errors.ServerError):
    """500: see `errors.ServerError`."""


class BadGatewayError(InternalServerError):
    """502."""

    status_code = 502


class ServiceUnavailableError(_Named, errors.Overloaded):
    """503: see `errors.Overloaded`."""

    status_code = 503


class APIConnectionError(_Named, errors.ConnectionLost):
    """No answer: see `errors.ConnectionLost`."""


class Timeout(_Named, errors.TransportError):
    """No answer in time."""

    status_code = 408
    status = 504
    code = "upstream_timeout"
    retryable = True


class JSONSchemaValidationError(_Named, errors.SchemaMismatch):
    """The answer is not of the shape asked for: see `errors.SchemaMismatch`."""


class APIError(_Named, errors.ServerError):
    """Any other: its status comes first."""

    def __init__(
        self,
        status_code: int = 500,
        message: str = "",
        llm_provider: str | None = None,
        model: str | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, llm_provider, model, **fields)
        self.status_code = status_code


_NAMES: tuple[tuple[type[DragomanError], type[_Named]], ...] = (
    (errors.ContextOverflow, ContextWindowExceededError),
    (errors.ContentFiltered, ContentPolicyViolationError),
    (errors.Unsupported, UnsupportedParamsError),
    (errors.BadRequest, BadRequestError),
    (errors.UnknownModel, NotFoundError),
    (errors.LimitExceeded, RateLimitError),
    (errors.RequestError, BadRequestError),
    (errors.AuthFailed, AuthenticationError),
    (errors.PermissionDenied, PermissionDeniedError),
    (errors.NotFound, NotFoundError),
    (errors.RateLimited, RateLimitError),
    (errors.Overloaded, ServiceUnavailableError),
    (errors.ServerError, InternalServerError),
    (errors.Timeout, Timeout),
    (errors.TransportError, APIConnectionError),
    (errors.SchemaMismatch, JSONSchemaValidationError),
    (errors.AllAttemptsFailed, ServiceUnavailableError),
)


def under_their_names(error: DragomanError) -> DragomanError:
    """Say an error as LiteLLM calls it, with all that is known of it."""
    if isinstance(error, _Named):
        return error
    kind = next((name for ours, name in _NAMES if isinstance(error, ours)), APIError)
    named = kind.__new__(kind)
    Exception.__init__(named, error.message)
    known: Mapping[str, Any] = vars(error)
    named.__dict__.update({"llm_provider": error.provider, "response": None, **known})
    if (status := getattr(error, "upstream_status", None)) is not None:
        named.status_code = status
    return named
