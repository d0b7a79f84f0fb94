"""What one deployment is sent for a call, as HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.config.secrets import origin_of
from dragoman.engine.aids import aid
from dragoman.engine.call import Call
from dragoman.engine.dialogue import Letter
from dragoman.engine.target import Target
from dragoman.types.http import HttpRequest
from dragoman.types.model import OnOverflow
from dragoman.types.route import Deployment
from dragoman.wire.base import WireFormat
from dragoman.wire.repair import Repair

if TYPE_CHECKING:
    from dragoman.engine.adapted import AdaptedTarget

_NONE: Mapping[str, str] = {}


class Outgoing(Struct, frozen=True):
    """The request, where it goes, and what could not be said or had to be cut.

    `format` is the target's with the deployment's aids around it, `streamed` what was asked for.
    `place` is the origin under which something may be learned of the server, None where it can't.
    """

    target: Target | AdaptedTarget
    request: HttpRequest
    warnings: tuple[str, ...]
    format: WireFormat
    streamed: bool
    place: str | None = None


def prepare(
    call: Call, deployment: Deployment, *, stream: bool, repairs: Sequence[Repair] = ()
) -> Outgoing:
    """Prepare the request. Sends nothing.

    What provider, model and route add to the body is overridden by what the caller says. `repairs`
    come on top of what was learned of the server before.

    Raises: ConfigError, ContextOverflow, InvalidRequest.
    """
    neighbour = call.dialogue.neighbour
    path = None if neighbour is None else neighbour.path
    streamed = stream and (deployment.aids is None or deployment.aids.stream or path is not None)
    target = call.around.targets.aim(deployment, call.options.api_key, path, stream=streamed)
    upstream = target.format
    if deployment.aids is not None and neighbour is None:
        upstream = aid(upstream, call, deployment, plain=stream and not streamed)
    written, anew, place = deployment, False, None
    if neighbour is None and deployment.provider.learn:
        place = _place(target, deployment)
        learning = call.around.learning
        written, anew = learning.fit(deployment, place, call.around.wall(), repairs)
    added = added_fields(call, deployment)
    if added and written is not deployment:
        dialect = written.provider.dialect
        added = {dialect.rename.get(n, n): v for n, v in added.items() if n not in dialect.drop}
    letter = Letter(
        written,
        streamed,
        added,
        _on_overflow(call, deployment),
        0 if deployment.info.context_window is None else call.dialogue.estimate,
        anew,
    )
    rendered = call.dialogue.write(upstream, letter)
    options = call.options
    headers = options.headers if options.language == target.format.name else _NONE
    if neighbour is None:
        request = target.request(rendered.body, headers)
    else:
        headers = {**headers, "content-type": neighbour.content_type}
        request = target.request(rendered.body, headers, neighbour.method, neighbour.tail)
    return Outgoing(target, request, rendered.warnings, upstream, streamed, place)


def added_fields(call: Call, deployment: Deployment) -> Mapping[str, Any]:
    """Put together what is added to the body, where the caller does not say it; mostly nothing."""
    every = deployment.provider.body, deployment.info.body, call.route.body
    return {name: value for body in every for name, value in body.items()} if any(every) else _NONE


def _place(target: Target | AdaptedTarget, deployment: Deployment) -> str:
    """The origin that is asked; with an adapter that of the base URL, as it is written."""
    if isinstance(target, Target):
        return target.site.origin
    base_url = deployment.provider.base_url
    return origin_of(base_url) or base_url


def _on_overflow(call: Call, deployment: Deployment) -> OnOverflow:
    return (
        call.options.on_overflow
        or call.route.on_overflow
        or deployment.info.on_overflow
        or deployment.provider.on_overflow
        or call.on_overflow
    )
