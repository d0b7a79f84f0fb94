"""Who can be called, under which names: the snapshot that model refs are read against.

The rule by which a ref is read is in `resolution.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from msgspec import structs

from dragoman.catalog import list_models
from dragoman.catalog.describe import describe_model
from dragoman.config.refs import split_ref
from dragoman.errors import ConfigError, Forbidden, UnknownModel
from dragoman.resolution import Resolution, Resolving
from dragoman.suggest import explain_unknown
from dragoman.types.http import parse_url
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Api, Provider
from dragoman.types.route import Deployment, Route

if TYPE_CHECKING:
    from dragoman.config.config import Config
    from dragoman.permit import Permit

_KEEP = 1024
"""Resolutions that are kept, each for the minute it was made in: prices change on whole minutes."""

Refs: TypeAlias = str | Sequence[str] | None
Discovered: TypeAlias = Mapping[str, Mapping[str, ModelInfo]]
"""What providers have told of their models: by provider, then by model."""


class Registry:
    """An immutable snapshot of providers and routes. Safe to share between threads.

    `discovered` is what providers' own lists of models said. `clock` gives Unix time. With a
    `permit` nothing leads anywhere else. `keep` is how many resolutions are remembered.

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
        permit: Permit | None = None,
        keep: int = _KEEP,
    ) -> None:
        self.config = config
        self._discovered = discovered
        self._clock = clock
        self._endpoint = endpoint
        self._permit = permit
        self._keep = keep
        self._wildcards = sorted(
            (name for name in config.routes if "*" in name),
            key=lambda name: (-name.index("*"), -len(name), name),
        )
        self._kept: dict[Refs, tuple[int, Resolution]] = {}

    def resolve(self, refs: Refs = None) -> Resolution:
        """Find where a request goes: a ref, several in order of fallback, or None for the default.

        A provider with problems is among the deployments: they are raised when it is used.

        Raises: UnknownModel with suggestions; ConfigError when no model is named and there is no
        default, or when a route leads to too many deployments; Forbidden without a permit for any
        of them.
        """
        key = refs if refs is None or isinstance(refs, str) else tuple(refs)
        now = self._clock()
        minute = int(now // 60)
        kept = self._kept.get(key)
        if kept is None or kept[0] != minute:
            if len(self._kept) >= self._keep:
                self._kept.clear()
            kept = self._kept[key] = (minute, self._resolve(key, now))
        return kept[1]

    def _resolve(self, refs: str | tuple[str, ...] | None, now: float) -> Resolution:
        if self._permit is None:
            return Resolving(self, now).resolve(refs)
        try:
            found = Resolving(self, now).resolve(refs)
        except UnknownModel as error:
            raise self._permit.hide(error) from None
        return self._permit.narrow(found)

    def permitted(self, ref: str) -> tuple[Deployment, ...]:
        """Find the deployments that a ref leads to; none where there is no permit for any."""
        try:
            return self.resolve(ref).deployments
        except Forbidden:
            return ()

    def restricted(self, permit: Permit, keep: int = _KEEP) -> Registry:
        """Make the same registry for somebody who may not use all of it."""
        return Registry(
            self.config,
            discovered=self._discovered,
            clock=self._clock,
            permit=permit,
            keep=keep,
        )

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

    def models(
        self, provider: str | None = None, *, catalog: bool = True
    ) -> Iterator[tuple[Provider, ModelInfo]]:
        """Yield the models that are known by name, of one provider or of all that are enabled.

        Declared ones first, in order, then discovered ones, then the catalog's; without `catalog`
        the default model instead of these. `PROVIDER/ID` of each is a ref that leads to it.

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
            if not catalog and found.default_model:
                ids[found.default_model] = None
            if catalog and found.catalog and not found.models_only:
                ids.update(dict.fromkeys(info.id for info in list_models(found.catalog)))
            for model in ids:
                if self._permit is None or self._permit.allows(found, model):
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
        name = "".join(
            c if c.isascii() and (c.isalnum() or c == ".") else "-" for c in host.lower()
        )
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
        return split_ref(ref, self.find_provider)

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
    def discovered(self) -> Discovered:
        """What providers have told of their models."""
        return self._discovered

    @property
    def endpoint(self) -> Provider | None:
        """The provider that `with_endpoint` added."""
        return self._endpoint
