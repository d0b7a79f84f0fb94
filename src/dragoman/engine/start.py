"""The beginning of an exchange: from a caller's request to a call that a flow can run."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dragoman.auto import rank
from dragoman.engine.call import Call, CallOptions, Surroundings
from dragoman.engine.dialogue import Dialogue
from dragoman.engine.images import route_images
from dragoman.errors import InvalidRequest, UnknownModel
from dragoman.registry import Registry
from dragoman.resolution import Resolution, longest, name_route
from dragoman.routing.conditions import choose, is_conditional
from dragoman.types.exchange import Exchange
from dragoman.types.identifier import new_id
from dragoman.types.provider import ORGANISATION, OnOverflow
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment, Route


class Inquiry:
    """What conditions look at of a request: see `dragoman.routing.conditions.Asked`."""

    def __init__(
        self, dialogue: Dialogue, stream: bool, headers: Mapping[str, str], now: float
    ) -> None:
        self._dialogue = dialogue
        self.stream = stream
        self.headers = headers
        self.now = now

    @property
    def estimate(self) -> int:
        """How many tokens the prompt has, about."""
        return self._dialogue.estimate

    @property
    def has_images(self) -> bool:
        """Whether it holds pictures."""
        return self._dialogue.has_images

    @property
    def request(self) -> ChatRequest | None:
        """The request in our own words; None where the dialogue has none."""
        return getattr(self._dialogue, "request", None)


def begin(
    registry: Registry,
    around: Surroundings,
    dialogue: Dialogue,
    refs: str | tuple[str, ...] | None,
    options: CallOptions,
    *,
    stream: bool = False,
    on_overflow: OnOverflow = "error",
    heard: Mapping[str, str] = {},
) -> Call:
    """Resolve the model and open the record.

    `refs` is what the caller named: one model or route, several in order of fallback, or None for
    the default. `on_overflow` holds where neither call, route, model nor provider says.
    `heard` are the headers that came with the request, if any did.

    Raises: UnknownModel, ConfigError, InvalidRequest, Unsupported.
    """
    resolution = registry.resolve(refs)
    route = resolution.route
    if not resolution.deployments:
        raise UnknownModel(f"{resolution.asked} leads nowhere: every provider of it is disabled")
    started = around.clock()
    deployments, total, named = resolution.deployments, resolution.total_s, resolution.route_name
    image = route.image_model or registry.config.image_model
    if image or not resolution.is_plain:
        deployments = _meant(resolution, Inquiry(dialogue, stream, heard, around.wall()))
        if route.auto == "latency":
            ranked = rank(deployments, "latency", lambda d: around.health.latency(d, started))
            deployments = tuple(found.deployment for found in ranked)
        deployments = route_images(dialogue, deployments, _seeing(registry, route, image))
        total, named = longest(deployments), name_route(route, deployments)
    if options.retries is not None:
        deployments = tuple(replace(d, retries=options.retries) for d in deployments)
    total = options.total or total
    exchange = Exchange(
        id=new_id("req"),
        asked=resolution.asked,
        route=named,
        started_at=around.wall(),
        stream=stream,
    )
    return Call(
        dialogue=dialogue,
        route=route,
        deployments=deployments,
        exchange=exchange,
        options=options,
        around=around,
        started=started,
        deadline=started + total,
        total_s=total,
        on_overflow=registry.config.on_overflow or on_overflow,
    )


def _seeing(registry: Registry, route: Route, ref: str | None) -> tuple[Deployment, ...]:
    """Find what is asked when there are pictures, and a route's own deployments cannot see.

    What an organisation's route names may be gone: then it is as if none were named.
    Raises: UnknownModel.
    """
    if not ref:
        return ()
    try:
        found = registry.permitted(ref)
    except UnknownModel:
        if route.origin != ORGANISATION:
            raise
        return ()
    if route.privacy is None:
        return found
    return tuple(d for d in found if route.privacy in d.provider.privacy)


def _meant(resolution: Resolution, inquiry: Inquiry) -> tuple[Deployment, ...]:
    """Find the deployments that are meant for such a request. Raises: InvalidRequest for none."""
    deployments = resolution.deployments
    if not is_conditional(deployments):
        return deployments
    chosen = choose(deployments, inquiry)
    if not chosen:
        raise InvalidRequest(
            f"{resolution.asked[:200]} is not meant for such a request",
            param="model",
            hint="no entry of the route has conditions (`when`) that all hold of it",
        )
    return chosen
