"""What one deployment is sent for a call: fitted to its window, in its format, as HTTP."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.call import Call
from dragoman.engine.context import fit
from dragoman.engine.target import Target
from dragoman.types.http import HttpRequest
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment

DEFAULT_MAX_TOKENS = 8192
"""What an answer may have where the format demands a limit and nobody knows the model's own.
Precedent: the limit that most models of the last years accept (Polpo's and pi's default)."""


class Outgoing(Struct, frozen=True):
    """The request, where it goes, and what could not be said or had to be cut."""

    target: Target
    request: HttpRequest
    warnings: tuple[str, ...]


def prepare(call: Call, deployment: Deployment, *, stream: bool) -> Outgoing:
    """Prepare the request. Sends nothing.

    Raises: ConfigError, ContextOverflow, Unsupported.
    """
    target = call.around.targets.find(deployment, call.options.api_key)
    request, warnings = _fitted(call, deployment, _for_deployment(call, deployment, stream))
    if target.format.needs_max_tokens and request.max_tokens is None:
        request = replace(request, max_tokens=deployment.info.max_tokens or DEFAULT_MAX_TOKENS)
    rendered = target.format.render_request(request, deployment.model, deployment.provider.dialect)
    return Outgoing(target, target.request(rendered.body), (*warnings, *rendered.warnings))


def _for_deployment(call: Call, deployment: Deployment, stream: bool) -> ChatRequest:
    """Add the body fields that provider, model and route ask for; the caller's come before them."""
    request = call.request
    extra = {
        **deployment.provider.body,
        **deployment.info.body,
        **call.route.body,
        **request.extra,
    }
    if stream == request.stream and len(extra) == len(request.extra):
        return request
    return replace(request, stream=stream, extra=extra)


def _fitted(
    call: Call, deployment: Deployment, request: ChatRequest
) -> tuple[ChatRequest, tuple[str, ...]]:
    if deployment.info.context_window is None:
        return request, ()
    policy = (
        call.options.on_overflow
        or call.route.on_overflow
        or deployment.info.on_overflow
        or deployment.provider.on_overflow
        or call.on_overflow
    )
    fitted = fit(request, deployment.info, policy, call.estimate)
    return fitted.request, fitted.warnings
