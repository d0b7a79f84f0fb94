"""From checked tables to the settings of the gateway."""

from __future__ import annotations

from typing import Any

from dragoman.config.secrets import parse_source
from dragoman.config.walk import Table, Value
from dragoman.types.credential import CredentialSource
from dragoman.types.server import GatewayKey, ServerSettings


def build_server(top: Table) -> ServerSettings:
    """Build the settings of `[server]`."""
    if "server" not in top:
        return ServerSettings()
    given: dict[str, Any] = {}
    for name, value in top["server"].value.items():
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
        )
        for number, entry in enumerate(top["gateway"].value["keys"].value)
    )


def _source(key: Value) -> CredentialSource:
    place = key.place
    return parse_source(key.value, place=str(place), folder=place.document.folder)
