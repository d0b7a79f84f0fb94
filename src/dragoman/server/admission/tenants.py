"""What each organisation sees: the operator's configuration, and what is its own.

An organisation's snapshot is built when it first asks, and again when its rows or the configuration
have changed. What was learned of providers (health, gates) outlives that. Nobody's broken row is
anybody else's concern: it is a problem of its provider, or a route that leads nowhere.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

from msgspec import structs

from dragoman.engine.call import Surroundings
from dragoman.engine.learning import Learning
from dragoman.errors import ConfigError
from dragoman.guardrails.rails import Rails
from dragoman.permit import Permit
from dragoman.registry import Registry
from dragoman.routing.health import Health
from dragoman.server.admission.access import Principal
from dragoman.server.admission.census import ProviderRow, RouteRow, Tenant
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.snapshot import Snapshot
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.gateway_key import ANYTHING, KeyRules
from dragoman.types.organisation import OrganisationSettings, Quotas
from dragoman.types.provider import Provider
from dragoman.types.route import Route

log = logging.getLogger("dragoman.server")

TENANTS_LIMIT = 1000
"""So many organisations are remembered at a time; one that asks after them is built again."""
RULES_LIMIT = 200
"""So many different rules of keys, for each organisation."""
KEEP = 64
"""So many resolutions are remembered of each of these."""


class View:
    """An organisation's snapshot, and those for its keys that may not use all of it.

    `base` is the operator's snapshot that it was built on.
    """

    def __init__(self, base: Snapshot, whole: Snapshot, own: tuple[Provider, ...]) -> None:
        self.base = base
        self.whole = whole
        self.own = own
        self._narrow: dict[KeyRules, Snapshot] = {}
        self._of_keys: dict[str, tuple[KeyRules, Snapshot]] = {}

    def find(self, principal: Principal) -> Snapshot:
        """Find the snapshot for a key."""
        rules = principal.rules
        if rules is ANYTHING:
            return self.whole
        # Rules are long to compare: those of a key are the same until its row is read anew.
        known = self._of_keys.get(principal.key_id or "")
        if known is not None and known[0] is rules:
            return known[1]
        found = self._for_rules(rules)
        self._of_keys[principal.key_id or ""] = (rules, found)
        return found

    def _for_rules(self, rules: KeyRules) -> Snapshot:
        if not (rules.models or rules.providers or rules.privacy):
            return self.whole
        found = self._narrow.get(rules)
        if found is None:
            if len(self._narrow) >= RULES_LIMIT:
                self._narrow.clear()
            registry = self.whole.registry.restricted(Permit(rules), KEEP)
            found = self._narrow[rules] = structs.replace(self.whole, registry=registry)
        return found


class _Building(NamedTuple):
    """A view that is being built, and of what."""

    tenant: Tenant
    base: Snapshot
    view: asyncio.Future[View]


class Tenants:
    """Finds the snapshot by which a request is answered. Only the event loop's thread asks."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._views: dict[str, View] = {}
        self._memories: dict[str, Surroundings] = {}
        self._building: dict[str, _Building] = {}
        directory.changed = self.forget

    def find(self, principal: Principal, base: Snapshot) -> Snapshot | None:
        """Find a snapshot that has been built; None where it has to be."""
        name = principal.organisation_id
        view = self._views.get(name)
        if view is None or view.base is not base:
            if name != DEFAULT_ORGANISATION or self._tenant(name) is not None:
                return None
            view = self._views[name] = View(base, base, ())
        return view.find(principal)

    async def build(self, principal: Principal, base: Snapshot) -> Snapshot:
        """Build an organisation's snapshot, once for all who wait.

        Who asks after a change does not wait for a build that was begun before it.
        Raises: DirectoryAway.
        """
        name = principal.organisation_id
        tenant = self._tenant(name)
        if tenant is None:
            raise self.directory.unavailable()
        building = self._building.get(name)
        if building is None or building.tenant is not tenant or building.base is not base:
            view = asyncio.ensure_future(self._build(tenant, base))
            view.add_done_callback(lambda done: self._built(name, done))
            building = self._building[name] = _Building(tenant, base, view)
        return (await asyncio.shield(building.view)).find(principal)

    def registry_of(self, organisation_id: str, base: Snapshot) -> Registry:
        """Say what an organisation's models lead to now, for who looks at it and asks nobody."""
        tenant = self._tenant(organisation_id)
        if tenant is None:
            if organisation_id == DEFAULT_ORGANISATION:
                return base.registry
            tenant = _nothing(organisation_id)  # made a moment ago, and not yet read
        return self._registry(tenant, base)[0]

    def forget(self, names: frozenset[str]) -> None:
        """Build the snapshots of these organisations anew when they next ask."""
        for name in names:
            self._views.pop(name, None)
            if self._tenant(name) is None:
                self._memories.pop(name, None)

    def views(self) -> Iterator[View]:
        """Go through the organisations that have asked."""
        yield from self._views.values()

    async def _build(self, tenant: Tenant, base: Snapshot) -> View:
        around = self._around(tenant.id, base)
        # A thread, because to open a sealed key and to read a table takes long enough to notice.
        view = await asyncio.to_thread(self._assemble, tenant, base, around)
        if self._tenant(tenant.id) is tenant:
            if len(self._views) >= TENANTS_LIMIT and tenant.id not in self._views:
                self._drop(next(iter(self._views)))
            self._views[tenant.id] = view
        return view

    def _built(self, name: str, view: asyncio.Future[View]) -> None:
        if (building := self._building.get(name)) is not None and building.view is view:
            del self._building[name]

    def _drop(self, name: str) -> None:
        self._views.pop(name, None)
        self._memories.pop(name, None)

    def _tenant(self, name: str) -> Tenant | None:
        """Find an organisation's rows; None where there is nothing of its own."""
        census = self.directory.census
        tenant = census.tenants.get(name) if census is not None else None
        if name == DEFAULT_ORGANISATION and tenant is not None:
            plain = not (tenant.providers or tenant.routes or tenant.guardrails)
            plain = plain and tenant.settings == OrganisationSettings()
            return None if plain and tenant.quotas.operator_providers is None else tenant
        return tenant

    def _around(self, name: str, base: Snapshot) -> Surroundings:
        """Make or renew what an organisation's exchanges share."""
        if name == DEFAULT_ORGANISATION:
            return base.around
        known = self._memories.get(name)
        if known is None:
            known = dataclasses.replace(
                base.around,
                health=Health(outages=base.around.health.outages),
                gates={},
                learning=Learning(),
                operator=base.around,
            )
        elif known.operator is not base.around:
            known = dataclasses.replace(known, secrets=base.around.secrets, operator=base.around)
        self._memories[name] = known
        return known

    def _assemble(self, tenant: Tenant, base: Snapshot, around: Surroundings) -> View:
        """Make an organisation's snapshot. Raises: ConfigError for a guardrail that is broken."""
        registry, own = self._registry(tenant, base)
        config = registry.config
        whole = structs.replace(
            base,
            config=config,
            registry=registry,
            around=around,
            rails=_rails(tenant, base),
            cache=tenant.settings.cache.over(config.server.cache),
            content=tenant.settings.content or config.server.ledger.content,
        )
        return View(base, whole, own)

    def _registry(self, tenant: Tenant, base: Snapshot) -> tuple[Registry, tuple[Provider, ...]]:
        """Put an organisation's rows over the operator's configuration; give also its providers."""
        from dragoman.organisations.opened import Opened, OpenRoutes

        config = base.config
        opened = Opened(tenant.id, tenant.quotas)
        own = tuple(
            self._provider(tenant, row, config.providers)
            for row in tenant.providers
            # A token alone is for one of the operator's: where that is not open, it opens nothing.
            if row.definition is not None or (row.name in config.providers and row.name in opened)
        )
        providers: Mapping[str, Provider] = Layered(
            config.providers, {provider.name: provider for provider in own}, opened
        )
        visible = OpenRoutes(base.registry, opened)
        routes = {**visible.all(), **{row.name: _route(tenant, row) for row in tenant.routes}}
        listed = config.settings.get("providers", {})
        settings = {
            **config.settings,
            "providers": {
                **{name: listed[name] for name in listed if name in providers},
                **{provider.name: () for provider in own},
            },
        }
        seen = structs.replace(
            config,
            providers=providers,
            routes=routes,
            settings=settings,
            default_model=visible.ref(config.default_model),
            image_model=visible.ref(config.image_model),
        )
        # What the operator's provider told is nothing about the organisation's of the same name.
        hidden = {row.name for row in tenant.providers if row.definition is not None}
        discovered = {
            name: models
            for name, models in base.registry.discovered.items()
            if name in opened and name not in hidden
        }
        return Registry(seen, discovered=discovered, keep=KEEP), own

    def _provider(
        self, tenant: Tenant, row: ProviderRow, operators: Mapping[str, Provider]
    ) -> Provider:
        from dragoman.organisations.provider_rows import load_provider

        other = operators.get(row.name)
        provider = load_provider(self.directory.safe, tenant.id, row, other)
        for problem in provider.problems:
            log.warning("%s of the organisation '%s': %s", row.name, tenant.name, problem)
        return structs.replace(provider, enabled=row.enabled and provider.enabled)


class Layered(Mapping[str, Provider]):
    """The operator's providers, as far as they are open to an organisation, under its own."""

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


def _nothing(organisation_id: str) -> Tenant:
    return Tenant(
        id=organisation_id,
        name=organisation_id,
        quotas=Quotas(),
        settings=OrganisationSettings(),
        providers=(),
        routes=(),
        guardrails=(),
        stamp=(),
    )


def _rails(tenant: Tenant, base: Snapshot) -> Rails | None:
    """Compile the operator's guardrails, and then the organisation's own.

    One that is broken lets nothing pass: what it is to keep back is not known. One that only tells
    is left out.

    Raises: ConfigError.
    """
    from dragoman.organisations.guardrails import load_guardrail

    if not tenant.guardrails:
        return base.rails
    rules = list(base.config.guardrails)
    taken = {rule.name for rule in rules}
    for row in tenant.guardrails:
        if row.name in taken:  # the operator's has been added since, and holds
            continue
        loaded = load_guardrail(row.name, row.definition, row.mode)
        if loaded.problem is None:
            rules.append(loaded.guardrail)
            continue
        told = f"guardrail '{row.name}' of the organisation '{tenant.name}': {loaded.problem}"
        log.warning("%s", told)
        if row.mode != "shadow":
            raise ConfigError(told, hint="mend it, or switch it off")
    return Rails(rules)


def _route(tenant: Tenant, row: RouteRow) -> Route:
    from dragoman.organisations.routes import load_route

    route, _, problem = load_route(row.name, row.definition)
    if problem is not None:
        log.warning("route '%s' of the organisation '%s': %s", row.name, tenant.name, problem)
    return route
