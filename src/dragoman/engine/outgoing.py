"""What one deployment is sent for a call, as HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Letter
from dragoman.engine.target import Target
from dragoman.types.http import HttpRequest
from dragoman.types.model import OnOverflow
from dragoman.types.route import Deployment

_NONE: Mapping[str, str] = {}


class Outgoing(Struct, frozen=True):
    """The request, where it goes, and what could not be said or had to be cut."""

    target: Target
    request: HttpRequest
    warnings: tuple[str, ...]


def prepare(call: Call, deployment: Deployment, *, stream: bool) -> Outgoing:
    """Prepare the request. Sends nothing.

    What provider, model and route add to the body is overridden by what the caller says.

    Raises: ConfigError, ContextOverflow, InvalidRequest.
    """
    neighbour = call.dialogue.neighbour
    path = None if neighbour is None else neighbour.path
    target = call.around.targets.find(deployment, call.options.api_key, path)
    letter = Letter(
        deployment,
        stream,
        {**deployment.provider.body, **deployment.info.body, **call.route.body},
        _on_overflow(call, deployment),
        0 if deployment.info.context_window is None else call.dialogue.estimate,
    )
    rendered = call.dialogue.write(target.format, letter)
    options = call.options
    added = options.headers if options.language == target.format.name else _NONE
    if neighbour is None:
        request = target.request(rendered.body, added)
    else:
        added = {**added, "content-type": neighbour.content_type}
        request = target.request(rendered.body, added, neighbour.method, neighbour.tail)
    return Outgoing(target, request, rendered.warnings)


def _on_overflow(call: Call, deployment: Deployment) -> OnOverflow:
    return (
        call.options.on_overflow
        or call.route.on_overflow
        or deployment.info.on_overflow
        or deployment.provider.on_overflow
        or call.on_overflow
    )
