"""From checked tables to the settings of the gateway."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dragoman.config.secrets import parse_source
from dragoman.config.walk import Table, Value
from dragoman.types.credential import CredentialSource
from dragoman.types.exchange import NANO
from dragoman.types.server import CacheSettings, GatewayKey, Grant, ServerSettings

_MONEY = ("budget", "assumed_cost")


def build_server(top: Table) -> ServerSettings:
    """Build the settings of `[server]`."""
    if "server" not in top:
        return ServerSettings()
    given: dict[str, Any] = {}
    for name, value in top["server"].value.items():
        if name == "cache":
            kept = {key: setting.value for key, setting in value.value.items()}
            given[name] = CacheSettings(**kept)
            continue
        given[name] = tuple(value.value) if isinstance(value.value, list) else value.value
    return ServerSettings(**given)


def build_gateway_keys(top: Table) -> tuple[GatewayKey, ...]:
    """Build the entries of `[[gateway.keys]]`; what is wrong with one has been reported."""
    if "gateway" not in top or "keys" not in top["gateway"].value:
        return ()
    return tuple(
        GatewayKey(
            entry["name"].value if "name" in entry else f"gateway.keys[{number}]",
            _source(entry["key"]) if "key" in entry else None,
            _grant(entry),
        )
        for number, entry in enumerate(top["gateway"].value["keys"].value)
    )


def build_gateway_grant(top: Table) -> Grant:
    """Build what `[gateway]` says may be asked of all of it."""
    return _grant(top["gateway"].value) if "gateway" in top else Grant()


def _grant(table: Table) -> Grant:
    given: dict[str, Any] = {}
    for name in Grant.__struct_fields__:
        if name in table:
            value = table[name].value
            given[name] = int(Decimal(value) * NANO) if name in _MONEY else value
    return Grant(**given)


def _source(key: Value) -> CredentialSource:
    place = key.place
    return parse_source(key.value, place=str(place), folder=place.document.folder)
