"""What one organisation sees: the operator's configuration, with the organisation's rows over it.

A broken row concerns nobody but its organisation: it is a problem of its provider, a route that
leads nowhere, or a guardrail that lets nothing pass.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import structs

from dragoman.engine.call import Surroundings
from dragoman.errors import ConfigError
from dragoman.guardrails.rails import Rails
from dragoman.permit import Permit
from dragoman.registry import Registry
from dragoman.server.admission.access import Principal
from dragoman.server.admission.census import ProviderRow, RouteRow, Tenant
from dragoman.server.admission.snapshot import Snapshot
from dragoman.types.gateway_key import ANYTHING, KeyRules
from dragoman.types.provider import Provider
from dragoman.types.route import Route

if TYPE_CHECKING:
    from dragoman.organisations.safe import Safe

log = logging.getLogger("dragoman.server")

RULES_LIMIT = 200
"""So many different rules of keys are remembered, for each organisation."""
KEEP = 64
"""So many resolutions of model refs are remembered by each registry."""


class View:
    """An organisation's snapshot, and those for its keys that have rules of their own.

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
        found = self._narrow.get(rules)
        if found is None:
            if len(self._narrow) >= RULES_LIMIT:
                self._narrow.clear()
            found = self._narrow[rules] = _narrow(self.whole, rules)
        return found


def _narrow(whole: Snapshot, rules: KeyRules) -> Snapshot:
    """Make of an organisation's snapshot what a key with these rules is answered by."""
    seen = whole
    if rules.models or rules.providers or rules.privacy:
        registry = whole.registry.restricted(Permit(rules), KEEP)
        seen = structs.replace(seen, registry=registry)
    if rules.content is not None:
        seen = structs.replace(seen, content=rules.content)
    return seen


def make_view(tenant: Tenant, base: Snapshot, around: Surroundings, safe: Safe) -> View:
    """Make what an organisation sees; `around` is what its exchanges share.

    Raises: ConfigError for a guardrail that is broken.
    """
    registry, own = make_registry(tenant, base, safe)
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


def make_registry(
    tenant: Tenant, base: Snapshot, safe: Safe
) -> tuple[Registry, tuple[Provider, ...]]:
    """Put an organisation's rows over the operator's configuration.

    Returns: where its models lead, and its own providers.
    """
    from dragoman.organisations.opened import Layered, Opened, OpenRoutes

    config = base.config
    opened = Opened(tenant.id, tenant.quotas)
    own = tuple(
        _provider(tenant, row, config.providers, safe)
        for row in tenant.providers
        # A token alone is for one of the operator's: where that is not open, it opens nothing.
        if row.definition is not None or (row.name in config.providers and row.name in opened)
    )
    providers = Layered(config.providers, {provider.name: provider for provider in own}, opened)
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
    tenant: Tenant, row: ProviderRow, operators: Mapping[str, Provider], safe: Safe
) -> Provider:
    from dragoman.organisations.provider_rows import load_provider

    provider = load_provider(safe, tenant.id, row, operators.get(row.name))
    for problem in provider.problems:
        log.warning("%s of the organisation '%s': %s", row.name, tenant.name, problem)
    return structs.replace(provider, enabled=row.enabled and provider.enabled)


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
