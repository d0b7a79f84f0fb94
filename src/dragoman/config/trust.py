"""Which project files the user trusts, and what an untrusted one may say.

A `dragoman.toml` comes with a cloned repository. Until the user has agreed to exactly this content,
it may name models, routes and new providers without keys: nothing that reads a secret, runs code,
or changes where an existing provider's key goes. Not even the key variable of a new provider's
name is read, since the file could choose the name for the variable's sake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from dragoman.config import fields, files
from dragoman.config.fields import Field
from dragoman.config.interpolate import has_reference
from dragoman.config.walk import Layer, ProviderTable, Table, Value
from dragoman.document.locate import Key
from dragoman.errors import ConfigError

TRUST_FILE = "trusted.json"
HINT = "Trust this file with: dragoman config trust"


def is_trusted(path: Path, content: bytes, env: Mapping[str, str]) -> bool:
    """Tell whether the user has agreed to this file with this content."""
    return _read(env).get(str(path.resolve())) == _digest(content)


def trust(path: Path, env: Mapping[str, str]) -> None:
    """Agree to a file as it is now. Raises: OSError."""
    _write({**_read(env), str(path.resolve()): _digest(path.read_bytes())}, env)


def distrust(path: Path, env: Mapping[str, str]) -> bool:
    """Take the agreement back; False when there was none. Raises: OSError."""
    known = _read(env)
    if known.pop(str(path.resolve()), None) is None:
        return False
    _write(known, env)
    return True


def restrict(layer: Layer, existing: Container[str]) -> tuple[Layer, list[ConfigError]]:
    """Leave of an untrusted layer what it may say; and tell what was ignored."""
    notes: list[ConfigError] = []

    def ignored(what: str, place: object) -> None:
        notes.append(
            ConfigError(
                f"{what} is ignored: this project is not trusted", place=str(place), hint=HINT
            )
        )

    providers: dict[str, ProviderTable] = {}
    for name, table in layer.providers.items():
        if name in existing:
            ignored(f"the change to provider '{name}'", table.place)
        elif has_reference(_raw(layer, table.place.path)):
            ignored(f"provider '{name}', which refers to variables,", table.place)
        else:
            values = _allowed(table.values, fields.PROVIDER)
            for setting in table.values.keys() - values.keys():
                value = table.values[setting]
                ignored(f"{setting} of provider '{name}'", value.place)
            providers[name] = table._replace(values=values)
    routes = {}
    for name, route in layer.routes.items():
        if re.split("[/:]", name, maxsplit=1)[0].lower() in existing:
            ignored(f"route '{name}', which would take the place of a provider,", route.place)
        elif has_reference(_raw(layer, route.place.path)):
            ignored(f"route '{name}', which refers to variables,", route.place)
        else:
            routes[name] = route._replace(values=_without_bodies(route.values))
    top = {}
    for name, value in layer.top.items():
        if has_reference(_raw(layer, value.place.path)):
            ignored(f"{name}, which refers to variables,", value.place)
        elif not fields.table(fields.TOP)[name].open:
            ignored(name, value.place)
        else:
            top[name] = value
    return Layer(layer.document, top, providers, routes, {}), notes


def _allowed(values: Table, known: tuple[Field, ...]) -> Table:
    table = fields.table(known)
    return {
        name: value
        for name, value in _without_bodies(values).items()
        if table[name].open and _harmless(name, value.value)
    }


def _harmless(name: str, value: Any) -> bool:
    return name != "base_url" or value.startswith(("http://", "https://"))


def _without_bodies(values: Any) -> Any:
    """Copy tables without `body`, at any depth."""
    if isinstance(values, dict):
        return {k: _without_bodies(v) for k, v in values.items() if k != "body"}
    if isinstance(values, Value):
        return Value(_without_bodies(values.value), values.place)
    if isinstance(values, list):
        return [_without_bodies(item) for item in values]
    return values


def _raw(layer: Layer, path: Key) -> Any:
    """What stands at a path of the document, as it was written."""
    value: Any = layer.document.data
    for key in path:
        value = value[key]
    return value


def _digest(content: bytes) -> str:
    import hashlib

    return "sha256:" + hashlib.sha256(content).hexdigest()


def _read(env: Mapping[str, str]) -> dict[str, str]:
    import json

    path = files.data_folder(env) / TRUST_FILE
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}  # nothing that can be read is nothing that was agreed to
    return known if isinstance(known, dict) else {}


def _write(known: Mapping[str, str], env: Mapping[str, str]) -> None:
    import json

    folder = files.data_folder(env)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / TRUST_FILE
    draft = path.with_name(f"{TRUST_FILE}.{os.getpid()}")
    draft.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    draft.replace(path)
