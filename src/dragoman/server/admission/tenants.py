"""The views of the organisations that have asked.

An organisation's view is built when it first asks, and again when its rows or the configuration
have changed. What was learned of providers (health, gates) outlives that.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from dragoman.engine.call import Surroundings
from dragoman.engine.learning import Learning
from dragoman.registry import Registry
from dragoman.routing.health import Health
from dragoman.server.admission.access import Principal
from dragoman.server.admission.census import Tenant
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.snapshot import Snapshot
from dragoman.server.admission.view import View, make_registry, make_view
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.organisation import OrganisationSettings

TENANTS_LIMIT = 1000
"""So many organisations are remembered at a time; one that asks after them is built again."""


class _Building(NamedTuple):
    """A view that is being built, and what it is built from."""

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
            # It was made a moment ago, and is not yet read.
            tenant = Tenant(organisation_id, organisation_id)
        return make_registry(tenant, base, self.directory.safe)[0]

    def forget(self, names: frozenset[str]) -> None:
        """Build the snapshots of these organisations anew when they next ask."""
        for name in names:
            self._views.pop(name, None)
            if self._tenant(name) is None:
                self._memories.pop(name, None)

    def views(self) -> Iterator[View]:
        """Go through the organisations that have asked."""
        yield from self._views.values()

    def sees(self, organisation_id: str) -> bool:
        """Whether an organisation is among `views`: not before it asks, nor after a change."""
        return organisation_id in self._views

    def lacks(self, organisation_id: str, provider: str) -> bool:
        """Whether an organisation is known not to have a provider of its own, switched on."""
        census = self.directory.census
        if census is None:
            return False
        tenant = census.tenants.get(organisation_id)
        rows = tenant.providers if tenant is not None else ()
        return not any(row.name == provider and row.enabled for row in rows)

    async def _build(self, tenant: Tenant, base: Snapshot) -> View:
        around = self._around(tenant.id, base)
        # A thread, because to open a sealed key and to read a table takes long enough to notice.
        view = await asyncio.to_thread(make_view, tenant, base, around, self.directory.safe)
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
