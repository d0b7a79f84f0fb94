"""One reading of a model ref: the rule, and the way from routes to deployments.

One deterministic rule reads a ref:

1. a route or alias that is called so, exactly; then the wildcard route (`mycorp/*`) with the
   longest beginning that fits;
2. `provider/model` or `provider:model`: the first `/` or `:` whose left side is a provider. The
   rest goes to the server as it is, byte for byte;
3. a provider alone: its default model;
4. a name that exactly one provider declares; then the route `*`, if there is one.

Anything else is an error that names these readings and the nearest refs that lead somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from dragoman.aids import add_guard, find_aids
from dragoman.auto import rank
from dragoman.errors import ConfigError, UnknownModel
from dragoman.suggest import cut, explain_unknown, nearest
from dragoman.types.lazy import lazy
from dragoman.types.provider import ORGANISATION, Provider
from dragoman.types.route import Deployment, Route, RouteStep

if TYPE_CHECKING:
    from dragoman.registry import Registry

MAX_DEPLOYMENTS = 64
"""Of one route. More come of routes that name each other, not of anybody's intention."""

_LISTED = 8
_BY_LATENCY = "the quickest of the last minutes first, as whoever asks has measured; before that"


class Resolution(Struct, frozen=True, kw_only=True, dict=True):
    """What a ref leads to. `asked` is what the caller wrote, or the default that stood in for it.

    `trail` are the readings that led here, one line each; `passed_over` says why what of an
    organisation's routes is gone. What every request wants to know of the
    deployments is worked out once.
    """

    asked: str
    route: Route
    deployments: tuple[Deployment, ...]
    trail: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @lazy
    def is_plain(self) -> bool:
        """Whether every request may go to all of them, in this order, pictures or none."""
        return self.route.auto != "latency" and not any(
            one.conditions or one.when == "image" or not one.sees for one in self.deployments
        )

    @lazy
    def total_s(self) -> float:
        """How long an exchange may take in all."""
        return longest(self.deployments)

    @lazy
    def route_name(self) -> str | None:
        """See `name_route`."""
        return name_route(self.route, self.deployments)

    @property
    def steps(self) -> tuple[str, ...]:
        """What `explain` prints: the readings, then each deployment in detail. No secrets."""
        from dragoman.explain import explain_resolution

        return explain_resolution(self)


def longest(deployments: tuple[Deployment, ...]) -> float:
    """How long an exchange with some of these may take, in seconds: as the most patient allows."""
    return max([one.provider.timeouts.total for one in deployments])


def name_route(route: Route, deployments: tuple[Deployment, ...]) -> str | None:
    """The name of the route or alias that was meant; None where a model was."""
    return None if any(one.ref == route.name for one in deployments) else route.name


class Resolving:
    """One resolution on its way."""

    def __init__(self, registry: Registry, now: float) -> None:
        self.registry = registry
        self.config = registry.config
        self.now = now
        self.trail: list[str] = []
        self.skipped: list[Provider] = []
        self.gone: list[UnknownModel] = []
        self.count = 0

    def resolve(self, refs: str | tuple[str, ...] | None) -> Resolution:
        if refs is None:
            refs = self._default()
        if not isinstance(refs, str) and len(refs) == 1:
            refs = refs[0]
        if isinstance(refs, str):
            asked = refs
            route, deployments = self._one(refs)
        else:
            asked = ", ".join(refs)
            route = Route(name=asked, steps=tuple(map(RouteStep, refs)), origin="call")
            deployments = list(self._route(route, ()))
        if not deployments:
            raise self._nowhere(asked)
        return Resolution(
            asked=asked,
            route=route,
            deployments=tuple(deployments),
            trail=tuple(self.trail),
            passed_over=tuple(error.message for error in self.gone),
        )

    def _default(self) -> str:
        ref = self.registry.default_ref()
        if ref is None:
            raise ConfigError(
                "no model is named, and there is no default",
                hint='name one with -m PROVIDER/MODEL, or set default_model = "PROVIDER/MODEL"',
            )
        self.trail.append(f"no model is named: the default is {ref}")
        return ref

    def _one(self, ref: str) -> tuple[Route, list[Deployment]]:
        found = self._read(ref, ())
        if isinstance(found, Route):
            return found, list(self._route(found, ()))
        deployments = list(self._place(*found))
        provider, model = found
        name = f"{provider.name}/{model}"
        return Route(name=name, steps=(RouteStep(name),), origin=provider.origin), deployments

    def _read(self, ref: str, within: tuple[str, ...]) -> Route | tuple[Provider, str]:
        """Apply the rule. Raises: UnknownModel."""
        place = self.registry.split(ref)
        if place is not None and place[0] is self.registry.endpoint:
            return place  # a base URL of the call's own: no name in the configuration is meant
        spellings = [ref]
        if place is not None:
            spellings.append(f"{place[0].name}/{place[1]}")
        for spelling in dict.fromkeys(spellings):
            if route := self.registry.find_route(spelling, within):
                self._note_route(ref, route)
                return route
        if place is not None:
            if not place[1]:
                raise self._no_model(place[0], "is named without a model")
            self.trail.append(f"{ref}: provider {place[0].name}, model {place[1]}")
            return place
        if provider := self.registry.find_provider(ref):
            return provider, self._default_of(provider)
        declaring = self.registry.declaring(ref)
        if len(declaring) == 1:
            self.trail.append(f"{ref}: declared by provider {declaring[0].name} alone")
            return declaring[0], ref
        if not declaring and ref and "*" in self.config.routes and "*" not in within:
            route = self.registry.fill("*", ref)
            self._note_route(ref, route)
            return route
        raise explain_unknown(
            ref,
            self.config,
            self.registry.endpoint,
            declaring=[provider.name for provider in declaring],
            within=within,
        )

    def _note_route(self, ref: str, route: Route) -> None:
        kind = "alias" if len(route.steps) == 1 else "route"
        place = f" ({route.place})" if route.place else ""
        steps = ", then ".join(step.ref for step in route.steps)
        self.trail.append(f"{ref}: {kind} {route.name}{place}: {steps}")

    def _default_of(self, provider: Provider) -> str:
        if provider.default_model:
            self.trail.append(f"{provider.name}: its default model {provider.default_model}")
            return provider.default_model
        if provider.problems:
            raise provider.problems[0]
        raise self._no_model(provider, "has no default model")

    def _no_model(self, provider: Provider, what: str) -> UnknownModel:
        known = [info.id for _, info in self.registry.models(provider.name)]
        listed = f"; it has {', '.join(known[:_LISTED])}" if known else ""
        more = ", …" if len(known) > _LISTED else ""
        return UnknownModel(
            f"provider '{provider.name}' {what}{listed}{more}",
            suggestions=[f"{provider.name}/{model}" for model in known[:_LISTED]],
            hint=f"name a model, as in {provider.name}/{known[0] if known else 'MODEL'},"
            f" or set default_model",
        )

    def _route(self, route: Route, within: tuple[str, ...]) -> Iterator[Deployment]:
        """Yield the deployments of a route's steps, in order, with what steps and route say.

        The order of an `auto` route goes by what is known now. By latency it is the engine that
        knows: here it is as it was written. Raises: ConfigError for one with a mistake in it, which
        may have been what limits it.
        """
        if route.problems:
            raise route.problems[0]
        found = self._steps(route, within)
        if route.privacy is not None:
            found = (d for d in found if route.privacy in d.provider.privacy)
        if route.auto is None or route.auto == "latency":
            if route.auto is not None:
                self.trail.append(f"{route.name}: auto latency: {_BY_LATENCY}")
            yield from found
            return
        for number, ranked in enumerate(rank(found, route.auto), 1):
            deployment = ranked.deployment
            self.trail.append(f"{route.name}: auto {number}. {deployment.ref}: {ranked.why}")
            yield deployment

    def _steps(self, route: Route, within: tuple[str, ...]) -> Iterator[Deployment]:
        for step in self._widened(route):
            try:
                inner = self._behind(step.ref, (*within, route.name))
            except UnknownModel as error:
                self._pass_over(route, step.ref, error)
                continue
            for deployment in inner:
                # Several behind one step share its weight: two keys are one provider's.
                weight = None if step.weight is None else step.weight / len(inner)
                first_token = step.first_token or deployment.first_token or route.first_token
                yield structs.replace(
                    deployment,
                    weight=deployment.weight if weight is None else weight,
                    first_token=first_token,
                    retries=deployment.retries if step.retries is None else step.retries,
                    when=deployment.when if step.when == "always" else step.when,
                    aids=add_guard(deployment.aids, route.repetition_guard),
                    quality=deployment.quality if step.quality is None else step.quality,
                    conditions=deployment.conditions
                    if step.condition is None
                    else (*deployment.conditions, step.condition),
                )

    def _behind(self, ref: str, within: tuple[str, ...]) -> list[Deployment]:
        """Find the deployments of one entry. Raises: UnknownModel."""
        found = self._read(ref, within)
        return list(self._route(found, within) if isinstance(found, Route) else self._place(*found))

    def _pass_over(self, route: Route, ref: str, error: UnknownModel) -> None:
        """Go on without an entry of an organisation's route; in the configuration it is a slip.

        What an organisation's routes name is deleted, closed and changed by others, at any time.
        Raises: UnknownModel.
        """
        if route.origin != ORGANISATION:
            raise error
        self._count()  # to say why takes longer than a deployment does
        self.gone.append(error)
        self.trail.append(f"{ref}: passed over: {error.message}")

    def _count(self) -> None:
        """Count what an entry leads to. Raises: ConfigError for more than anybody means."""
        self.count += 1
        if self.count > MAX_DEPLOYMENTS:
            raise ConfigError(
                f"more than {MAX_DEPLOYMENTS} deployments",
                hint="routes that name routes multiply: name models instead",
            )

    def _widened(self, route: Route) -> Iterator[RouteStep]:
        """Yield a route's steps; in an `auto` route `*` and `provider/*` are all configured models.

        These are the models that a provider's table lists, and its default.
        """
        for step in route.steps:
            if route.auto is None or not step.ref.endswith("*"):
                yield step
                continue
            named = step.ref.removesuffix("*").rstrip("/:")
            every = [self.registry.find_provider(named)] if named else list(self.config.custom)
            if every == [None]:
                unknown = explain_unknown(step.ref, self.config, self.registry.endpoint)
                self._pass_over(route, step.ref, unknown)
                continue
            for provider in every:
                if provider is None or not provider.enabled:
                    continue
                models = dict.fromkeys((*provider.models, provider.default_model))
                for model in models:
                    if model is not None:
                        yield structs.replace(step, ref=f"{provider.name}/{model}")

    def _place(self, provider: Provider, model: str) -> Iterator[Deployment]:
        """Yield the deployments of a model at a provider: one for each key that takes turns."""
        if not provider.enabled:
            self.skipped.append(provider)
            self.trail.append(f"{provider.name}/{model}: passed over, {provider.name} is disabled")
            return
        if provider.models_only and model not in provider.models:
            close = nearest(model, provider.models)
            some = list(islice(provider.models, _LISTED))
            more = ", …" if len(provider.models) > _LISTED else ""
            raise UnknownModel(
                f"provider '{provider.name}' has no model {cut(model)!r}, and takes no others"
                " (models_only)",
                suggestions=[f"{provider.name}/{name}" for name in close or some],
                hint=f"it has {', '.join(some)}{more}",
            )
        info = self.registry.describe(provider, model, at=self.now)
        positions = range(len(provider.credentials)) if provider.rotate else (None,)
        for position in positions:
            self._count()
            yield Deployment(
                provider=provider,
                model=model,
                info=info,
                credential=position,
                retries=provider.retries,
                aids=find_aids(provider, info),
                quality=info.quality,
            )

    def _nowhere(self, asked: str) -> UnknownModel:
        """Say why nothing is left of what a ref leads to."""
        ours = [provider for provider in self.skipped if provider.organisation_id is None]
        places = [provider.place for provider in ours if provider.place]
        why = [error.message for error in self.gone]
        hint = "no provider of it is of the class that its `privacy` asks for"
        if self.gone:
            hint = self.gone[0].hint or ""
        if self.skipped:
            names = dict.fromkeys(provider.name for provider in self.skipped)
            why.append(f"{', '.join(names)} is disabled")
            hint = "enable it among the organisation's providers"
        if ours:
            hint = f"take out enabled = false{f' at {places[0]}' if places else ''}"
        said = f": {'; '.join(why)}" if why else ""
        return UnknownModel(
            f"{asked!r} leads nowhere{said}",
            suggestions=[name for error in self.gone for name in error.suggestions],
            hint=hint,
            by_setting=bool(ours),
        )
