"""Turn another tool's configuration into text for our own file.

The text has everything that the tool's file says about providers, models and routes, references and
keys as they were written there. What has no place here is listed, without its values.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from dragoman.config import dialects, fields
from dragoman.config.dialects import ConfigDialect
from dragoman.config.fields import Field
from dragoman.config.interpolate import VARIABLE
from dragoman.config.models import price_notes
from dragoman.config.shapes import DEFAULT_ROUTE, Reader
from dragoman.config.show import written
from dragoman.config.walk import Layer, ProviderTable, Report, RouteTable, Table
from dragoman.document.parse import Document, parse_document, read_file
from dragoman.errors import ConfigError


class Imported(Struct, frozen=True):
    """Text for our configuration file, and what of the other one is not in it."""

    toml_text: str
    unmapped: list[str]
    kind: str


def import_file(path: Path, kind: str | None = None) -> Imported:
    """Read another tool's file; `kind` names the tool where the file does not show it.

    Raises: ConfigError when there is no such file or tool, or when it cannot be read.
    """
    try:
        document = parse_document(read_file(path), path, "file", lists=True)
    except FileNotFoundError:
        raise ConfigError("does not exist", place=str(path)) from None
    dialect = _find_dialect(document, kind)
    document = dialect.translate(document)
    report = Report()
    reader = Reader(document, {}, report, quiet=dialect.quiet(document.data))
    reader.verbatim = True
    reader.top()
    dialect.walk(reader)
    unmapped = [*dialect.unmapped(document)]
    for table in reader.layer.providers.values():
        report.notes += price_notes(table)
    for error in (*report.problems, *report.notes):
        unmapped.append(str(error).removeprefix(f"{path}:"))
    return Imported("\n".join(_lines(reader.layer, dialect.name)) + "\n", unmapped, dialect.name)


def _find_dialect(document: Document, kind: str | None) -> ConfigDialect:
    if kind is None:
        found = dialects.find_dialect(document)
        if found is not None:
            return found
        raise ConfigError(
            "is not recognised as another tool's file",
            place=str(document.path),
            hint=f"Say whose it is: {', '.join(d.name for d in dialects.all_dialects())}.",
        )
    for dialect in dialects.all_dialects():
        if dialect.name == kind:
            return dialect
    names = ", ".join(d.name for d in dialects.all_dialects())
    raise ConfigError(f"nothing is known of files of '{kind}'", hint=f"Known are: {names}.")


# ------------------------------------------------------------------------------------------ text


def _lines(layer: Layer, tool: str) -> Iterator[str]:
    yield f"# From {tool}'s {layer.document.path}"
    routes = {name: route for name, route in layer.routes.items() if route.values["models"].value}
    default = routes.get(DEFAULT_ROUTE)
    top = dict(layer.top)
    if default is not None and _is_alias(default):
        del routes[DEFAULT_ROUTE]
        top["default_model"] = default.values["models"].value[0]["model"]
        yield f"\ndefault_model = {toml_value(top.pop('default_model').value)}"
    gateway = top.pop("gateway", None)
    for name, value in top.items():
        yield f"\n{name} = {toml_value(value.value)}"
    for table in layer.providers.values():
        yield from _provider(table)
    aliases = {name: route for name, route in routes.items() if _is_alias(route)}
    if aliases:
        yield "\n[aliases]"
        for name, route in aliases.items():
            yield f"{toml_key(name)} = {toml_value(route.values['models'].value[0]['model'].value)}"
    for name, route in routes.items():
        if name not in aliases:
            yield from _route(name, route)
    if gateway is not None and "keys" in gateway.value:
        for key in gateway.value["keys"].value:
            yield "\n[[gateway.keys]]"
            yield from _settings(fields.GATEWAY_KEY, key)


def _is_alias(route: RouteTable) -> bool:
    (first, *others) = route.values["models"].value
    return not others and first.keys() == {"model"} and route.values.keys() <= _ALIAS


_ALIAS = frozenset({"models", "on_overflow"})


def _provider(table: ProviderTable) -> Iterator[str]:
    yield "\n[[providers]]"
    yield f"name = {toml_value(table.name)}"
    kept = {name: v for name, v in table.values.items() if name not in ("name", "models")}
    yield from _settings(fields.PROVIDER, kept)
    models = table.values["models"].value.values() if "models" in table.values else ()
    if all("described" in model for model in models):
        for model in models:
            yield "\n  [[providers.models]]"
            for line in _settings(fields.MODEL, model):
                yield f"  {line}"
        return
    # One that is only listed is no table: it would be one that costs nothing.
    yield "models = ["
    for model in models:
        described = {
            field.name: _plain(field, model[field.name])
            for field in fields.MODEL
            if field.name in model
        }
        yield f"  {toml_value(described if 'described' in model else described['id'])},"
    yield "]"


def _settings(known: tuple[Field, ...], table: Table) -> Iterator[str]:
    """Write the settings of a table, in their order."""
    for field in known:
        value = table.get(field.name)
        if value is None:
            continue
        if field.kind == "secret" and _is_literal(value.value):
            yield f'# The key itself: better {field.name} = "env:…", or in config.local.toml.'
        yield f"{field.name} = {toml_value(_plain(field, value))}"


def _route(name: str, route: RouteTable) -> Iterator[str]:
    yield f"\n[routes.{toml_key(name)}]"
    steps = [
        step["model"].value
        if step.keys() == {"model"}
        else {key: _tidy(value.value) for key, value in step.items()}
        for step in route.values["models"].value
    ]
    yield f"models = {toml_value(steps)}"
    for field in fields.ROUTE:
        if field.name in route.values and field.name not in ("models", "name"):
            yield f"{field.name} = {toml_value(_plain(field, route.values[field.name]))}"


def _plain(field: Field, value: Any) -> Any:
    """A setting as plain data, as it was written; tables with our names."""
    if field.kind == "table":
        inner = fields.table(field.fields)
        return {name: _plain(inner[name], item) for name, item in value.value.items()}
    if field.kind == "tables":
        inner = fields.table(field.fields)
        return [
            {name: _plain(inner[name], item) for name, item in table.items()}
            for table in value.value
        ]
    if field.kind == "choice":
        return value.value
    return written(field, value)


def _tidy(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_literal(text: str) -> bool:
    return bool(text) and "${" not in text and text.partition(":")[0] not in _REFERENCES


_REFERENCES = ("env", "file", "keyring", "cmd")


def toml_key(name: str) -> str:
    """Write a key, in quotes where it needs them."""
    bare = name.replace("-", "_").replace("_", "a")
    return name if VARIABLE.fullmatch(bare) and name.isascii() else toml_value(name)


def toml_value(value: Any) -> str:
    """Write plain data as a TOML value on one line."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        items = (f"{toml_key(str(key))} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(items)} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)
