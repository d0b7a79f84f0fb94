"""All that is set up in organisations and matters to requests, as of one revision.

It is read whole at first; later only what is not as it was. The rows stay rows: what they mean is
worked out when an organisation first asks (`tenants.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.server.admission.access import Principal
from dragoman.store.json_column import read_json
from dragoman.store.spent import read_earlier
from dragoman.types.allowance import Allowance, Bucket
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.gateway_key import ANYTHING, KeyRules
from dragoman.types.guardrail import GuardrailMode
from dragoman.types.organisation import (
    UNREAD_QUOTAS,
    UNREAD_SETTINGS,
    OrganisationSettings,
    Quotas,
)

if TYPE_CHECKING:
    from dragoman.store.database import Connection

log = logging.getLogger("dragoman.server")


class KnownKey(Struct, frozen=True):
    """A text that opens, or used to. `until`: when it ceases to; `stamp` changes with its row."""

    principal: Principal
    revoked: bool
    until: float | None
    stamp: tuple[int, float]


class ProviderRow(Struct, frozen=True):
    """A row of `provider`: see `store/tables/organisations.py`."""

    name: str
    definition: str | None
    token: str | None
    origin: str | None
    egress: str
    enabled: bool


class RouteRow(Struct, frozen=True):
    """A row of `route`."""

    name: str
    definition: str


class GuardrailRow(Struct, frozen=True):
    """A row of `guardrail` that is switched on."""

    name: str
    definition: str
    mode: GuardrailMode


class Tenant(Struct, frozen=True):
    """An organisation's rows. `stamp` changes with any of them."""

    id: str
    name: str
    quotas: Quotas = Quotas()
    settings: OrganisationSettings = OrganisationSettings()
    providers: tuple[ProviderRow, ...] = ()
    routes: tuple[RouteRow, ...] = ()
    guardrails: tuple[GuardrailRow, ...] = ()
    stamp: tuple[Any, ...] = ()


class Census(Struct, frozen=True):
    """What was there at `revision`. `guarded`: somebody has to say who they are.

    Whoever knows a key knows every limit that was set before it was made. `earlier` is what was
    used before a limit was set.
    """

    revision: int = -1
    guarded: bool = False
    keys: Mapping[str, KnownKey] = {}
    keys_stamp: tuple[Any, ...] = ()
    tenants: Mapping[str, Tenant] = {}
    allowances: tuple[Allowance, ...] = ()
    earlier: Mapping[Bucket, int] = {}

    @property
    def open_keys(self) -> bool:
        """Whether there is a key that opens something, or will again."""
        return any(not known.revoked for known in self.keys.values())

    def changed(self, before: Census | None) -> frozenset[str]:
        """Name the organisations that are not as they were before."""
        if before is None:
            return frozenset(self.tenants)
        names = {*self.tenants, *before.tenants}
        return frozenset(n for n in names if self.tenants.get(n) != before.tenants.get(n))


_PROVIDER = "name, definition, token, origin, egress, enabled"
_STAMPED = {"provider": ", token", "route": "", "guardrail": ""}
"""The tables of an organisation's rows, with what shows that a row is another beside its version: a
new master key seals tokens anew, and changes nothing else."""


def read_census(connection: Connection, before: Census | None) -> Census:
    """Read what is there; what has not changed since `before` is taken from it.

    Raises: StoreError.
    """
    from dragoman.organisations.allowances import all_allowances

    with connection.transaction(snapshot=True):
        (row,) = connection.rows("SELECT number FROM revision WHERE id = 1")
        revision = int(row["number"])
        (row,) = connection.rows(
            "SELECT count(*) AS operators FROM account WHERE operator = 1 AND enabled = 1"
        )
        operators = int(row["operators"])
        stamp = _stamp_keys(connection)
        if before is not None and before.keys_stamp == stamp:
            keys = before.keys
        else:
            keys = _read_keys(connection, before.keys if before is not None else {})
        tenants = _read_tenants(connection, before.tenants if before is not None else {})
        allowances = tuple(all_allowances(connection))
        earlier = read_earlier(connection)
    if before is not None and before.allowances == allowances:
        allowances = before.allowances
    guarded = operators > 0 or any(tenant != DEFAULT_ORGANISATION for tenant in tenants)
    return Census(revision, guarded, keys, stamp, tenants, allowances, earlier)


def _stamp_keys(connection: Connection) -> tuple[Any, ...]:
    """Sum the keys up: most changes are of something else, and there may be ten thousand."""
    (row,) = connection.rows(
        "SELECT count(*) AS number, sum(version) AS versions, sum(updated_at) AS times,"
        " max(updated_at) AS latest FROM gateway_key"
    )
    return (row["number"], row["versions"], row["times"], row["latest"])


def _read_keys(connection: Connection, before: Mapping[str, KnownKey]) -> dict[str, KnownKey]:
    found: dict[str, KnownKey] = {}
    for row in connection.rows(
        "SELECT id, digest, previous_digest, previous_until, version, updated_at, organisation_id,"
        " project_id, account_id, name, rules, expires_at, revoked_at FROM gateway_key"
    ):
        stamp = (row["version"], row["updated_at"])
        known = before.get(row["digest"])
        if known is None or known.stamp != stamp or known.principal.key_id != row["id"]:
            principal = _principal(row)
            if principal is None:
                continue
            revoked = row["revoked_at"] is not None
            known = KnownKey(principal, revoked, row["expires_at"], stamp)
        found[row["digest"]] = known
        if row["previous_digest"] is not None and row["previous_until"] is not None:
            ends = [t for t in (row["previous_until"], row["expires_at"]) if t is not None]
            found[row["previous_digest"]] = KnownKey(
                known.principal, known.revoked, min(ends), stamp
            )
    return found


def _principal(row: Mapping[str, Any]) -> Principal | None:
    """Read whose a key is; None where its rules cannot be read: then it opens nothing."""
    rules, unread = read_json(row["rules"], KeyRules, ANYTHING)
    if unread is not None:
        log.warning("the key %s opens nothing: its rules cannot be read: %s", row["id"], unread)
        return None
    return Principal(
        key=row["name"],
        organisation_id=row["organisation_id"],
        project_id=row["project_id"],
        account_id=row["account_id"],
        key_id=row["id"],
        rules=ANYTHING if rules == ANYTHING else rules,
    )


def _read_tenants(connection: Connection, before: Mapping[str, Tenant]) -> dict[str, Tenant]:
    stamps: dict[str, list[Any]] = {}
    organisations = {}
    for row in connection.rows(
        "SELECT id, name, quotas, settings, version, updated_at FROM organisation"
    ):
        organisations[row["id"]] = row
        stamps[row["id"]] = [row["version"], row["updated_at"]]
    for table, more in _STAMPED.items():
        for row in connection.rows(
            f"SELECT organisation_id, name, version, updated_at{more} FROM {table} ORDER BY 1, 2"  # noqa: S608
        ):
            fields = dict(row)
            stamps[fields.pop("organisation_id")].append((table, *fields.values()))
    found = {}
    for tenant_id, row in organisations.items():
        stamp = tuple(stamps[tenant_id])
        known = before.get(tenant_id)
        if known is None or known.stamp != stamp:
            known = _read_tenant(connection, row, stamp)
        found[tenant_id] = known
    return found


def _read_tenant(connection: Connection, row: Mapping[str, Any], stamp: tuple[Any, ...]) -> Tenant:
    tables = {entry[0] for entry in stamp[2:]}

    def rows(table: str, columns: str, more: str) -> list[Any]:
        if table not in tables:
            return []
        statement = f"SELECT {columns} FROM {table} WHERE organisation_id = :id {more}"  # noqa: S608
        return connection.rows(statement, {"id": row["id"]})

    providers = rows("provider", _PROVIDER, "ORDER BY name")
    routes = rows("route", "name, definition", "ORDER BY name")
    order = "AND enabled = 1 ORDER BY position, name"
    guardrails = rows("guardrail", "name, definition, mode", order)
    settings, unread = read_json(row["settings"], OrganisationSettings, UNREAD_SETTINGS)
    quotas, uncounted = read_json(row["quotas"], Quotas, UNREAD_QUOTAS)
    for what, why in (("settings", unread), ("quotas", uncounted)):
        if why is not None:
            name = row["name"]
            log.warning("%s of the organisation '%s' cannot be read: %s", what, name, why)
    return Tenant(
        id=row["id"],
        name=row["name"],
        quotas=quotas,
        settings=settings,
        providers=tuple(
            ProviderRow(**{**dict(one), "enabled": bool(one["enabled"])}) for one in providers
        ),
        routes=tuple(RouteRow(**dict(one)) for one in routes),
        guardrails=tuple(GuardrailRow(**dict(one)) for one in guardrails),
        stamp=stamp,
    )
