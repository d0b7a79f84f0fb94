"""From a model ref to deployments: who is asked, in which order, and why.

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

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, structs

from dragoman.catalog import list_models
from dragoman.catalog.describe import describe_model
from dragoman.errors import ConfigError, UnknownModel
from dragoman.suggest import explain_unknown, nearest
from dragoman.types.http import parse_url
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Api, Provider
from dragoman.types.route import Deployment, Route, RouteStep

if TYPE_CHECKING:
    from dragoman.config.config import Config

MAX_DEPLOYMENTS = 64
"""Of one route. More come of routes that name each other, not of anybody's intention."""

_KEEP_S = 60.0
"""How long a resolution is kept: prices change by the clock, on whole minutes."""

_KEEP = 1024

Refs: TypeAlias = str | Sequence[str] | None
Discovered: TypeAlias = Mapping[str, Mapping[str, ModelInfo]]
"""What providers have told of their models: by provider, then by model."""


class Resolution(Struct, frozen=True, kw_only=True):
    """What a ref leads to. `asked` is what the caller wrote, or the default that stood in for it.

    `trail` are the readings that led here, one line each.
    """

    asked: str
    route: Route
    deployments: tuple[Deployment, ...]
    trail: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """What `explain` prints: the readings, then each deployment in detail. No secrets."""
        from dragoman.explain import explain_resolution

        return explain_resolution(self)


class Registry:
    """An immutable snapshot of providers and routes. Safe to share between threads.

    `discovered` is what providers' own lists of models said. `clock` gives Unix time.

    Example:
        registry = Registry(load())
        for deployment in registry.resolve("groq/openai/gpt-oss-120b").deployments:
            print(deployment.ref, deployment.info.context_window)
    """

    def __init__(
        self,
        config: Config,
        *,
        discovered: Discovered = MappingProxyType({}),
        clock: Callable[[], float] = time.time,
        endpoint: Provider | None = None,
    ) -> None:
        self.config = config
        self._discovered = discovered
        self._clock = clock
        self._endpoint = endpoint
        self._wildcards = sorted(
            (name for name in config.routes if "*" in name),
            key=lambda name: (-name.index("*"), -len(name), name),
        )
        self._kept: dict[Refs, tuple[float, Resolution]] = {}

    def resolve(self, refs: Refs = None) -> Resolution:
        """Find where a request goes: a ref, several in order of fallback, or None for the default.

        A provider with problems is among the deployments: they are raised when it is used.

        Raises: UnknownModel with suggestions; ConfigError when no model is named and there is no
        default, or when a route leads to too many deployments.
        """
        key = refs if refs is None or isinstance(refs, str) else tuple(refs)
        now = self._clock()
        kept = self._kept.get(key)
        if kept is None or not kept[0] <= now < kept[0] + _KEEP_S:
            if len(self._kept) >= _KEEP:
                self._kept.clear()
            kept = self._kept[key] = (now, _Resolving(self, now).resolve(key))
        return kept[1]

    def deployments(self, ref: str) -> tuple[Deployment, ...]:
        """Find the deployments that a ref leads to. Raises: as `resolve`."""
        return self.resolve(ref).deployments

    def default_ref(self) -> str | None:
        """Find what is used when no model is named.

        `default_model` of the configuration (which includes `DRAGOMAN_MODEL`), else the only
        configured provider's.
        """
        if self.config.default_model:
            return self.config.default_model
        custom = self.config.custom
        return custom[0].name if len(custom) == 1 and custom[0].default_model else None

    def find_provider(self, name: str) -> Provider | None:
        """Look a provider up by name, in any case."""
        name = name.lower()
        if self._endpoint is not None and name == self._endpoint.name:
            return self._endpoint
        return self.config.providers.get(name)

    def describe(self, provider: Provider, model: str, *, at: float | None = None) -> ModelInfo:
        """Put together what is known of a model there. `at` is Unix time, by default now."""
        moment = datetime.fromtimestamp(self._clock() if at is None else at, UTC)
        discovered = self._discovered.get(provider.name, {}).get(model)
        return describe_model(provider, model, discovered, at=moment)

    def models(self, provider: str | None = None) -> Iterator[tuple[Provider, ModelInfo]]:
        """Yield the models that are known by name, of one provider or of all that are enabled.

        Declared ones first, in order, then discovered ones, then the catalog's. `PROVIDER/ID` of
        each is a ref that leads to it.

        Raises: UnknownModel when there is no such provider.
        """
        if provider is not None and self.find_provider(provider) is None:
            raise explain_unknown(provider, self.config, self._endpoint)
        names: Iterable[str] = self.config.providers if provider is None else (provider,)
        for name in names:
            found = self.find_provider(name)
            if found is None or not found.enabled:
                continue
            ids = dict.fromkeys([*found.models, *self._discovered.get(found.name, ())])
            if found.catalog and not found.models_only:
                ids.update(dict.fromkeys(info.id for info in list_models(found.catalog)))
            for model in ids:
                yield found, self.describe(found, model)

    def with_endpoint(
        self, base_url: str, api: Api = "openai-completions", refs: Refs = None
    ) -> tuple[Registry, Refs]:
        """Add a provider for one call: a base URL that no configuration knows.

        `refs` are the server's own names of models; what comes back leads to them there. No key of
        any other provider is sent there.

        Raises: ConfigError for a wrong base URL, and when no model is named.
        """
        try:
            host = parse_url(base_url).host
        except ValueError as error:
            raise ConfigError(
                f"the base URL is wrong: {error}", hint="write it like https://host/v1"
            ) from None
        if not refs:
            raise ConfigError(
                "a base URL needs the name of a model", hint="name the server's own: -m MODEL"
            )
        name = "".join(c if c.isascii() and c.isalnum() else "-" for c in host.lower())
        provider = Provider(
            name=name.strip("-") or "call", base_url=base_url, api=api, origin="call"
        )
        registry = Registry(
            self.config, discovered=self._discovered, clock=self._clock, endpoint=provider
        )
        every = (refs,) if isinstance(refs, str) else refs
        found = tuple(f"{provider.name}/{ref}" for ref in every)
        return registry, found[0] if isinstance(refs, str) else found

    def find_route(self, ref: str, within: Sequence[str] = ()) -> Route | None:
        """Find the route that a ref names; those of `within` are being read already.

        A wildcard's `*` is put into the refs of its steps.
        """
        route = self.config.routes.get(ref)
        if route is not None and "*" not in ref and ref not in within:
            return route
        for pattern in self._wildcards:
            start, _, end = pattern.partition("*")
            fits = ref.startswith(start) and ref.endswith(end)
            if start and fits and len(ref) > len(start + end) and pattern not in within:
                return self.fill(pattern, ref[len(start) : len(ref) - len(end)])
        return None

    def fill(self, pattern: str, rest: str) -> Route:
        """Put what a wildcard stands for into its steps."""
        route = self.config.routes[pattern]
        steps = tuple(
            structs.replace(step, ref=step.ref.replace("*", rest)) for step in route.steps
        )
        return structs.replace(route, steps=steps)

    def split(self, ref: str) -> tuple[Provider, str] | None:
        """Read a ref as provider and model."""
        ends = sorted(end for end in (ref.find("/"), ref.find(":")) if end > 0)
        for end in ends:
            provider = self.find_provider(ref[:end])
            if provider is not None and "/" not in ref[:end]:
                return provider, ref[end + 1 :]
        return None

    def declaring(self, model: str) -> list[Provider]:
        """List the providers that declare a model; the demo answers only when it is named."""
        return [
            provider
            for provider in self.config.providers.values()
            if model in provider.models
            and provider.enabled
            and not provider.base_url.startswith("demo:")
        ]

    @property
    def endpoint(self) -> Provider | None:
        """The provider that `with_endpoint` added."""
        return self._endpoint


class _Resolving:
    """One resolution on its way."""

    def __init__(self, registry: Registry, now: float) -> None:
        self.registry = registry
        self.config = registry.config
        self.now = now
        self.trail: list[str] = []
        self.skipped: list[Provider] = []
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
            raise self._disabled(asked)
        return Resolution(
            asked=asked, route=route, deployments=tuple(deployments), trail=tuple(self.trail)
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
                raise self._no_model(place[0])
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
        raise self._no_model(provider)

    def _no_model(self, provider: Provider) -> UnknownModel:
        known = [info.id for _, info in self.registry.models(provider.name)][:20]
        listed = f"; it has {', '.join(known)}" if known else ""
        return UnknownModel(
            f"provider '{provider.name}' has no default model{listed}",
            suggestions=[f"{provider.name}/{model}" for model in known],
            hint=f"name a model, as in {provider.name}/{known[0] if known else 'MODEL'},"
            f" or set default_model",
        )

    def _route(self, route: Route, within: tuple[str, ...]) -> Iterator[Deployment]:
        """Yield the deployments of a route's steps, in order, with what steps and route say."""
        for step in route.steps:
            found = self._read(step.ref, (*within, route.name))
            if isinstance(found, Route):
                inner = list(self._route(found, (*within, route.name)))
            else:
                inner = list(self._place(*found))
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
                )

    def _place(self, provider: Provider, model: str) -> Iterator[Deployment]:
        """Yield the deployments of a model at a provider: one for each key that takes turns."""
        if not provider.enabled:
            self.skipped.append(provider)
            self.trail.append(f"{provider.name}/{model}: passed over, {provider.name} is disabled")
            return
        if provider.models_only and model not in provider.models:
            close = nearest(model, provider.models)
            raise UnknownModel(
                f"provider '{provider.name}' has no model {model!r}, and takes no others"
                " (models_only)",
                suggestions=[f"{provider.name}/{name}" for name in close or provider.models],
                hint=f"it has {', '.join(provider.models)}",
            )
        info = self.registry.describe(provider, model, at=self.now)
        positions = range(len(provider.credentials)) if provider.rotate else (None,)
        for position in positions:
            self.count += 1
            if self.count > MAX_DEPLOYMENTS:
                raise ConfigError(
                    f"more than {MAX_DEPLOYMENTS} deployments",
                    hint="routes that name routes multiply: name models instead",
                )
            yield Deployment(
                provider=provider,
                model=model,
                info=info,
                credential=position,
                retries=provider.retries,
            )

    def _disabled(self, asked: str) -> UnknownModel:
        names = dict.fromkeys(provider.name for provider in self.skipped)
        places = [provider.place for provider in self.skipped if provider.place]
        return UnknownModel(
            f"{asked!r} leads nowhere: {', '.join(names)} is disabled",
            hint=f"take out enabled = false{f' at {places[0]}' if places else ''}",
        )
