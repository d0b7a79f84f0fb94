"""What people are shown of a configuration: every value with its origin, secrets masked.

Values are shown as they were written, so a reference stays a reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from dragoman.config import fields
from dragoman.config.config import Config
from dragoman.config.fields import Field
from dragoman.config.merge import merge_tables
from dragoman.config.secrets import Secrets, key_variable, parse_source
from dragoman.config.server import read_gateway_keys
from dragoman.config.walk import Table, Value
from dragoman.document.parse import Place
from dragoman.errors import ConfigError
from dragoman.types.provider import Provider
from dragoman.types.server import GatewayKey

MASK = "(configured directly)"

_SECRET_NAME = re.compile(r"(?i)key|token|secret|passw|credential|signature|authorization|\bsig\b")
_PARAMETER = re.compile(r"([?&])([^=&]+)=([^&]*)")


class Setting(Struct, frozen=True):
    """One value in force. `name` is dotted, `value` masked text, `origin` the layer."""

    name: str
    value: str
    origin: str
    place: str


def list_settings(config: Config) -> list[Setting]:
    """List what files, variables and calls set, as it is in force after merging."""
    found = list(_of_table(config.settings.get("top", {}), fields.TOP, ""))
    for name, tables in config.settings.get("providers", {}).items():
        merged = merge_tables(table.values for table in tables)
        merged.pop("name", None)
        found += _of_table(merged, fields.PROVIDER, f"providers.{name}")
    for name, route in config.settings.get("routes", {}).items():
        values = dict(route.values)
        steps = values.pop("models")
        refs = ", ".join(step["model"].value for step in steps.value)
        found.append(_setting(f"routes.{name}.models", refs, steps.place))
        found += _of_table(values, fields.ROUTE, f"routes.{name}")
    return found


def key_source(provider: Provider, env: Mapping[str, str] | None = None) -> str | None:
    """Say where a provider's key comes from, in one phrase; None when it takes none.

    `$ACME_API_KEY (default)` by convention, `$CORP_KEY` from api_key_env, a reference as it was
    written, `(configured directly)` for a literal.
    """
    sources = provider.credentials
    if not sources:
        return None
    if len(sources) == 1:
        return str(sources[0])
    if provider.rotate:
        return f"{len(sources)} keys"
    named = [source for source in sources if source.kind == "env"]
    chosen = next((source for source in named if source.value in (env or {})), named[0])
    by_convention = chosen.value == key_variable(provider.name) and chosen.place is None
    return f"${chosen.value}" + (" (default)" if by_convention and not provider.built_in else "")


def check(config: Config, env: Mapping[str, str]) -> list[ConfigError]:
    """List all errors: of the files, and those that would come when something of it is used.

    Nothing is run, and of what belongs to providers nothing is opened: variables are looked at.
    """
    found = [*config.problems, *check_gateway_keys(config, env)]
    for provider in config.providers.values():
        if not provider.enabled or provider.name not in config.settings.get("providers", {}):
            continue
        found += [error for error in provider.problems if error not in found]
        found += _unset_variables(provider, env)
    return found


def check_gateway_keys(config: Config, env: Mapping[str, str]) -> list[ConfigError]:
    """List why a gateway would not start with its keys. No command is run, no keyring opened."""
    looked_at = (key for key in config.gateway_keys if _is_at_hand(key))
    read = read_gateway_keys(looked_at, Secrets(env))
    return [found for _, found in read if isinstance(found, ConfigError)]


def _is_at_hand(key: GatewayKey) -> bool:
    return key.source is not None and key.source.kind not in ("cmd", "keyring")


def _unset_variables(provider: Provider, env: Mapping[str, str]) -> Iterator[ConfigError]:
    from dragoman.config.interpolate import MissingVariable, interpolate

    keys = provider.credentials
    if any(source.kind == "env" and source.value in env for source in keys) and not provider.rotate:
        keys = ()
    # A variable that no file names is a default, and so is the store of keys that comes after it.
    keys = tuple(source for source in keys if source.place is not None)
    extra = [*provider.headers.values(), *provider.query.values()]
    if provider.proxy:
        extra.append(provider.proxy)
    for source in (*keys, *extra):
        variable = None
        if source.kind == "env" and not source.optional and source.value not in env:
            variable = source.value
        elif source.kind == "template":
            try:
                interpolate(source.value.reveal(), env)
            except MissingVariable as error:
                variable = error.variable
        if variable is not None:
            message = f"refers to the variable {variable}, which is not set"
            yield ConfigError(message, place=source.place, hint=f"Set {variable}.")


def _of_table(table: Table, known: tuple[Field, ...], prefix: str) -> Iterator[Setting]:
    spellings = fields.table(known)
    for name, value in table.items():
        field = spellings.get(name)
        dotted = f"{prefix}.{name}" if prefix else name
        if field is None:
            continue
        if field.kind == "table":
            yield from _of_table(value.value, field.fields, dotted)
        elif field.kind == "models":
            for model_id, model in value.value.items():
                inner = {key: item for key, item in model.items() if key != "id"}
                if inner.keys() <= {"described"}:
                    yield _setting(f"{dotted}.{model_id}", "", value.place)
                yield from _of_table(inner, field.fields, f"{dotted}.{model_id}")
        elif field.kind == "secret_map":
            for key, text in value.value.items():
                yield _setting(f"{dotted}.{key}", _masked(text), value.place)
        else:
            yield _setting(dotted, _shown(field, value), value.place)


def _setting(name: str, value: str, place: Place) -> Setting:
    layer = place.document.layer
    return Setting(name, value, "project" if layer == "untrusted" else layer, str(place))


def _shown(field: Field, value: Value) -> str:
    if field.kind == "secret":
        return _masked(value.value)
    if field.kind == "secrets":
        return ", ".join(_masked(text) for text in value.value)
    text = written(field, value)
    if isinstance(text, str):
        return _PARAMETER.sub(_without_secret, text) if field.kind == "url" else text
    return json.dumps(_without_secrets(text), ensure_ascii=False, default=str)


def written(field: Field, value: Value) -> Any:
    """The value as it stands in its document, with its references."""
    path = value.place.path
    if not path or path[-1] not in (field.name, field.alias, *field.also):
        return value.value  # it follows from something else that stands there
    found: Any = value.place.document.data
    for key in path:
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):  # it stands there in another shape
            return value.value
    return found


def _masked(text: str) -> str:
    return str(parse_source(text)) if text else '""'


def _without_secret(match: re.Match[str]) -> str:
    start, name, value = match.groups()
    hidden = _SECRET_NAME.search(name) and "${" not in value
    return f"{start}{name}={MASK if hidden else value}"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: MASK
            if isinstance(item, str) and _SECRET_NAME.search(name)
            else _without_secrets(item)
            for name, item in value.items()
        }
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value
