"""Everything that can go wrong, by who is to blame.

    DragomanError
    ├─ ConfigError                ours: a file, a variable, a flag; names the place and the fix
    ├─ RequestError               the caller's: never retried, never falls back
    │   ├─ InvalidRequest         400
    │   │   └─ Unsupported        400: this provider or model cannot do that
    │   ├─ Unauthorized           401
    │   ├─ Forbidden              403
    │   ├─ UnknownModel           404, with suggestions
    │   ├─ GuardrailBlocked       400: a guardrail of ours refuses it
    │   └─ LimitExceeded          429
    │       └─ BudgetExceeded     429, of no use to retry
    ├─ UpstreamError              the provider's: it answered, and said no
    │   ├─ BadRequest             400, 413, 422
    │   │   ├─ ContextOverflow    the prompt does not fit: a larger window may do
    │   │   └─ ContentFiltered    its filter refused
    │   ├─ AuthFailed             401
    │   ├─ BillingError           402
    │   ├─ PermissionDenied       403
    │   ├─ NotFound               404
    │   ├─ RateLimited            429
    │   ├─ Overloaded             503 with load, 529
    │   └─ ServerError            408, 425, 5xx, and what nobody has classified
    ├─ ProtocolError              the upstream spoke nonsense
    │   ├─ StreamTruncated        it stopped in the middle of the answer
    │   ├─ RepeatedItself         it said the same over and over: we stopped it
    │   └─ SchemaMismatch         the answer is not what the schema asks for
    ├─ AdapterError               an adapter failed: raised, returned nonsense, never came back
    ├─ TransportError             the network's: no answer
    │   ├─ ConnectFailed          refused, DNS, TLS, unreachable
    │   ├─ DestinationDenied      our own egress policy says no
    │   ├─ Timeout                `phase`: connect, first_token, idle, total
    │   └─ ConnectionLost         the connection broke
    └─ AllAttemptsFailed          every deployment of the route failed; `attempts` tells each

Retry and fallback read `retryable`, `failover`, `next_first` and `retry_after`, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dragoman.types.completion import Completion
    from dragoman.types.exchange import Attempt, Exchange
    from dragoman.types.usage import Usage

Failover: TypeAlias = Literal["never", "next", "larger_window"]
Phase: TypeAlias = Literal["connect", "first_token", "idle", "total"]


class DragomanError(Exception):
    """The root. `str(error)` is one line that says what happened; `hint` is one that says the fix.

    `status` is what a client of ours should be told, `code` a stable word for programs.
    `retryable`: the same deployment may answer if asked again. `failover`: whether another one
    should be asked. `next_first`: another deployment, where there is one, comes before the same
    again. `loud`: moving on hides a fault that somebody must mend, so say it. `paid`: what was made
    until then costs what it costs.
    `retry_after` is in seconds. `raw` is what the upstream sent, bounded and redacted.
    `partial` is what had arrived of a stream when it broke, `exchange` the record of what was
    tried. `own_words` stands for `message` where that repeats what the other side said, and nothing
    shows that the other side is an LLM's API. `usage` is what the provider says that it charges,
    though it gave no answer.
    """

    status: int = 500
    code: str = "internal_error"
    retryable: bool = False
    failover: Failover = "never"
    next_first: bool = False
    loud: bool = False
    paid: bool = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        status: int | None = None,
        provider: str | None = None,
        model: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        raw: bytes | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        self.provider = provider
        self.model = model
        self.retry_after = retry_after
        self.request_id = request_id
        self.raw = raw
        self.own_words: str | None = None
        self.exchange: Exchange | None = None
        self.partial: Completion | None = None
        self.usage: Usage | None = None

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Every try of the exchange that failed, in order."""
        return self.exchange.attempts if self.exchange else ()


class ConfigError(DragomanError):
    """A setting is wrong. `place` is the file, with line and column, or the variable.

    A provider that cannot be used for it is passed over where there is another, aloud.
    """

    status = 500
    code = "config_error"
    failover: Failover = "next"
    loud = True

    def __init__(self, message: str, *, place: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.place = place


class RequestError(DragomanError):
    """The caller asked for something that cannot be."""

    status = 400
    code = "invalid_request"


class InvalidRequest(RequestError):
    """The request is malformed; `param` names the field."""

    def __init__(self, message: str, *, param: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.param = param


class Unsupported(InvalidRequest):
    """The request is sound, and this provider, model or format cannot do it."""

    code = "unsupported"


class Unauthorized(RequestError):
    """No key, or a wrong one."""

    status = 401
    code = "invalid_api_key"


class Forbidden(RequestError):
    """The key does not open this."""

    status = 403
    code = "forbidden"


class UnknownModel(RequestError):
    """Nothing answers to this name; `suggestions` are the nearest that do.

    `by_setting`: the configuration says so, and the hint where: it is for operators.
    """

    status = 404
    code = "model_not_found"

    def __init__(
        self,
        message: str,
        *,
        suggestions: Iterable[str] = (),
        hint: str | None = None,
        by_setting: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.suggestions = tuple(suggestions)
        self.by_setting = by_setting


class GuardrailBlocked(RequestError):
    """A guardrail of the gateway refuses what is asked, or what was answered."""

    code = "guardrail_blocked"
    paid = True


class LimitExceeded(RequestError):
    """A limit of ours is reached."""

    status = 429
    code = "rate_limit_exceeded"


class BudgetExceeded(LimitExceeded):
    """The money is spent."""

    code = "insufficient_quota"


class UpstreamError(DragomanError):
    """The provider answered, and said no. `upstream_status` is its HTTP status, or None when the
    error came inside a stream; `upstream_code` and `upstream_type` are its own words."""

    status = 502
    code = "upstream_error"
    failover: Failover = "next"

    upstream_status: int | None = None
    upstream_code: str | None = None
    upstream_type: str | None = None
    param: str | None = None


class BadRequest(UpstreamError):
    """The provider finds the request wrong: another one would too."""

    status = 400
    code = "bad_request"
    failover: Failover = "never"


class ContextOverflow(BadRequest):
    """The prompt does not fit into the model's context window."""

    code = "context_length_exceeded"
    failover: Failover = "larger_window"


class ContentFiltered(BadRequest):
    """The provider's filter refused the request."""

    code = "content_filter"


class AuthFailed(UpstreamError):
    """The provider does not accept our credential: the operator's fault, not the client's."""

    code = "upstream_auth_failed"
    loud = True


class BillingError(UpstreamError):
    """The account at the provider has run dry."""

    code = "upstream_billing"
    loud = True


class PermissionDenied(UpstreamError):
    """The credential is good and not allowed this."""

    code = "upstream_permission_denied"
    loud = True


class NotFound(UpstreamError):
    """The provider knows no such model, or no such path."""

    code = "upstream_not_found"
    loud = True


class RateLimited(UpstreamError):
    """Too many requests or tokens for this credential."""

    status = 429
    code = "rate_limit_exceeded"
    retryable = True


class Overloaded(UpstreamError):
    """The provider has too much to do."""

    status = 503
    code = "upstream_overloaded"
    retryable = True


class ServerError(UpstreamError):
    """The provider failed."""

    code = "upstream_error"
    retryable = True


class ProtocolError(DragomanError):
    """The upstream spoke nonsense: bad SSE, bad JSON, HTML with status 200."""

    status = 502
    code = "upstream_protocol_error"
    retryable = True
    failover: Failover = "next"


class StreamTruncated(ProtocolError):
    """The upstream stopped in the middle of the answer; `partial` is what had come."""

    code = "stream_truncated"


class RepeatedItself(ProtocolError):
    """The model said the same over and over, and was stopped; `partial` is what had come."""

    code = "repetition"
    retryable = False
    failover = "never"


class SchemaMismatch(ProtocolError):
    """The model would not give data of the shape asked for; `partial` is what it said last."""

    code = "schema_mismatch"


class AdapterError(DragomanError):
    """An adapter failed: it raised, returned what is nothing of the kind, or did not come back.

    `reason` is what was raised, `place` the file and line that did.
    """

    status = 502
    code = "adapter_error"
    failover = "next"
    loud = True
    reason: str = ""
    place: str | None = None


class TransportError(DragomanError):
    """No answer. `sent` is False when the upstream cannot have seen the request."""

    status = 502
    code = "upstream_unreachable"
    failover = "next"
    sent: bool = True


class ConnectFailed(TransportError):
    """No connection: refused, DNS, TLS, unreachable."""

    code = "connect_failed"
    retryable = True
    next_first = True
    sent = False


class DestinationDenied(TransportError):
    """The egress policy does not let us go there."""

    status = 400
    code = "destination_not_allowed"
    sent = False


class Timeout(TransportError):
    """Nothing came in time; `phase` says which timer ran out, `timeout_s` how long it was."""

    status = 504
    code = "upstream_timeout"
    retryable = True
    next_first = True

    _MESSAGES: ClassVar[dict[str, str]] = {
        "connect": "no connection within {s:g} s",
        "first_token": "no first token within {s:g} s",
        "idle": "the stream was silent for {s:g} s",
        "total": "not finished within {s:g} s",
    }

    def __init__(self, phase: Phase, timeout_s: float, *, hint: str | None = None) -> None:
        super().__init__(
            self._MESSAGES[phase].format(s=timeout_s), hint=hint, code=f"{phase}_timeout"
        )
        self.phase: Phase = phase
        self.timeout_s = timeout_s
        self.sent = phase != "connect"
        self.retryable = phase in ("connect", "first_token")


class ConnectionLost(TransportError):
    """The connection broke. Retried only when nothing had been answered."""

    code = "connection_lost"
    retryable = True


class AllAttemptsFailed(DragomanError):
    """Every deployment of the route failed; `errors` has one error for each attempt."""

    status = 503
    code = "upstream_unavailable"

    def __init__(
        self, message: str, errors: Sequence[DragomanError], *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.errors = tuple(errors)
