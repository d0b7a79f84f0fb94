"""What an organisation has set up, in the shape of a configuration file.

Law: no token is in it. A provider that has one reads it from a variable that is named after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

from dragoman.config.secrets import key_variable
from dragoman.organisations.guardrails import list_guardrails
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.provider_rows import StoredProvider, list_stored
from dragoman.organisations.routes import list_routes
from dragoman.store.database import Connection
from dragoman.types.paging import every


def export_organisation(connection: Connection, organisation: Organisation) -> str:
    """Write the file; of what cannot be read it says so. Raises: StoreError."""
    stored = list_stored(connection, organisation.id)
    routes = list(every(lambda page: list_routes(connection, organisation.id, page)))
    rails = list(every(lambda page: list_guardrails(connection, organisation.id, page)))
    tables: dict[str, Any] = {
        "providers": [_provider(row) for row in stored],
        "routes": {one.name: _plain(one.definition) for one in routes if one.definition},
        "guardrails": [
            {"name": one.name, "mode": one.mode, **_plain(one.definition)}
            for one in sorted(rails, key=lambda one: one.position)
            if one.enabled and one.definition
        ],
    }
    head = f"# What organisation {organisation.name} has set up; tokens come from variables.\n"
    for noun, found in (("route", routes), ("guardrail", rails)):
        for one in found:
            if one.problem is not None:
                head += f"# The {noun} '{one.name}': {' '.join(one.problem.split())}\n"
    return f"{head}\n" + tomlkit.dumps({name: value for name, value in tables.items() if value})


def _provider(row: StoredProvider) -> dict[str, Any]:
    table: dict[str, Any] = {"name": row.name, **_plain(row.said)}
    if row.token is not None:
        table["api_key_env"] = key_variable(row.name)
    if not row.enabled:
        table["enabled"] = False
    return table


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null: TOML has no word for it."""
    return {name: _clean(one) for name, one in value.items() if one is not None}


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value)
    return [_clean(one) for one in value if one is not None] if isinstance(value, list) else value
