"""From checked tables to the settings of the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from dragoman.config.secrets import Secrets, parse_source
from dragoman.config.walk import Table, Value
from dragoman.errors import ConfigError
from dragoman.types.content import LedgerSettings
from dragoman.types.credential import CredentialSource
from dragoman.types.exchange import NANO
from dragoman.types.server import CacheSettings, Ceilings, GatewayKey, ServerSettings

_MONEY = ("budget", "assumed_cost")

_TABLES: Mapping[str, type[Any]] = {"cache": CacheSettings, "ledger": LedgerSettings}


def build_server(top: Table) -> ServerSettings:
    """Build the settings of `[server]`."""
    if "server" not in top:
        return ServerSettings()
    given: dict[str, Any] = {}
    for name, value in top["server"].value.items():
        if name in _TABLES:
            kept = {key: setting.value for key, setting in value.value.items()}
            given[name] = _TABLES[name](**kept)
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
            _ceilings(entry),
        )
        for number, entry in enumerate(top["gateway"].value["keys"].value)
    )


def read_gateway_keys(
    keys: Iterable[GatewayKey], secrets: Secrets
) -> Iterator[tuple[str, str | ConfigError]]:
    """Find each key's name and text; or why there is none that could open a gateway."""
    owners: dict[str, str] = {}
    for key in keys:
        if key.source is None:
            continue
        try:
            secret = secrets.resolve(key.source)
        except ConfigError as error:
            yield key.name, error
            continue
        text = secret.reveal() if secret is not None else ""
        owner = owners.setdefault(text, key.name)
        if not text:
            yield (
                key.name,
                ConfigError(
                    f"the gateway key '{key.name}' is empty",
                    place=key.source.place,
                    hint="an empty key would open the gateway to everybody: set it, or remove it",
                ),
            )
        elif owner != key.name:
            yield (
                key.name,
                ConfigError(
                    f"the gateway key '{key.name}' is the same as another's",
                    place=key.source.place,
                    hint="give each its own: logs and usage tell them apart",
                ),
            )
        else:
            yield key.name, text


def build_gateway_ceilings(top: Table) -> Ceilings:
    """Build what `[gateway]` says may be asked of all of it."""
    return _ceilings(top["gateway"].value) if "gateway" in top else Ceilings()


def _ceilings(table: Table) -> Ceilings:
    given: dict[str, Any] = {}
    for name in Ceilings.__struct_fields__:
        if name in table:
            value = table[name].value
            given[name] = int(Decimal(value) * NANO) if name in _MONEY else value
    return Ceilings(**given)


def _source(key: Value) -> CredentialSource:
    place = key.place
    return parse_source(key.value, place=str(place), folder=place.document.folder)
