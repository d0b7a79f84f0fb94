"""Which of the operator's providers an organisation may use; of the others it sees nothing.

Providers that are built in and those of the configuration are the operator's, who pays for them, or
has them where nobody else gets. An organisation has those that operators enabled for it. The
organisation `default`, which is everybody's who needs no key, has them all until some are named.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dragoman.organisations.quotas import read_quotas
from dragoman.permit import pattern
from dragoman.registry import Registry
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.organisation import Quotas
from dragoman.types.provider import Provider

if TYPE_CHECKING:
    from dragoman.store.database import Connection
    from dragoman.types.route import Route

EVERY = "*"


class Opened:
    """The names of the operator's providers that an organisation may use: `name in opened`."""

    def __init__(self, organisation_id: str, quotas: Quotas) -> None:
        names = quotas.operator_providers
        if names is None:
            names = (EVERY,) if organisation_id == DEFAULT_ORGANISATION else ()
        self.every = EVERY in names
        self._fits = tuple(map(pattern, names))

    def __contains__(self, name: object) -> bool:
        if self.every:
            return True
        return isinstance(name, str) and any(fits(name) for fits in self._fits)


def read_opened(connection: Connection, organisation_id: str) -> Opened:
    """Read which of the operator's providers an organisation may use. Raises: StoreError."""
    return Opened(organisation_id, read_quotas(connection, organisation_id)[0])


class Layered(Mapping[str, Provider]):
    """The operator's providers that are open to an organisation, with its own over them."""

    def __init__(
        self,
        below: Mapping[str, Provider],
        own: Mapping[str, Provider],
        opened: Container[str],
    ) -> None:
        self._below = below
        self._own = own
        self._opened = opened

    def __getitem__(self, name: str) -> Provider:
        found = self._own.get(name)
        if found is None:
            if name not in self._opened:
                raise KeyError(name)
            found = self._below[name]
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._own or (name in self._below and name in self._opened)

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._below if name in self._own or name in self._opened)
        yield from (name for name in self._own if name not in self._below)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class OpenRoutes:
    """The operator's routes as an organisation sees them: without what is not open to it.

    A step that leads to no provider that is open is not there, nor is a route with no other steps.
    `registry` is the operator's.
    """

    def __init__(self, registry: Registry, opened: Opened) -> None:
        self._registry = registry
        self._opened = opened
        self._seen: dict[str, Route | None] = {}

    def all(self) -> Mapping[str, Route]:
        """Find all routes that lead somewhere, by name."""
        routes = self._registry.config.routes
        if self._opened.every:
            return routes
        found = {name: self._route(name) for name in routes}
        return {name: route for name, route in found.items() if route is not None}

    def ref(self, ref: str | None) -> str | None:
        """Give a ref back where it leads somewhere, else None."""
        if ref is None or self._opened.every or self._leads(ref):
            return ref
        return None

    def _route(self, name: str) -> Route | None:
        if name not in self._seen:
            self._seen[name] = None  # one that leads back to itself leads nowhere by that
            self._seen[name] = self._pruned(self._registry.config.routes[name])
        return self._seen[name]

    def _pruned(self, route: Route) -> Route | None:
        steps = tuple(step for step in route.steps if self._leads(step.ref))
        if route.steps and not steps:
            return None
        shadow = route.shadow
        return replace(
            route,
            steps=steps,
            image_model=self.ref(route.image_model),
            shadow=shadow if shadow is not None and self._leads(shadow.ref) else None,
        )

    def _leads(self, ref: str) -> bool:
        """Tell whether a ref leads to what is open; one that leads nowhere at all is told of."""
        place = self._registry.split(ref)
        spellings = [ref] if place is None else [ref, f"{place[0].name}/{place[1]}"]
        for spelling in spellings:
            if route := self._registry.find_route(spelling):
                return self._route(route.name) is not None
        behind = [place[0]] if place is not None else self._named(ref)
        return not behind or any(provider.name in self._opened for provider in behind)

    def _named(self, ref: str) -> list[Provider]:
        """Find whom a name without a separator may mean."""
        provider = self._registry.find_provider(ref.removesuffix("*"))
        return [provider] if provider is not None else self._registry.declaring(ref)
