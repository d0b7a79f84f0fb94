"""The JSON Schema of configuration files, for editors, made from the table of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dragoman.config import fields
from dragoman.config.fields import Field

SCHEMA_ID = "https://github.com/dragoman-llm/dragoman/blob/main/docs/reference/config.schema.json"

_TEXT = {"type": "string", "minLength": 1}
_STRINGS = {"type": "array", "items": {"type": "string"}}
_FLAG = r"^([Tt]rue|[Ff]alse)$|\$\{"
_VARIABLE = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}


def build_schema() -> dict[str, Any]:
    """Build the schema of a configuration file (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Dragoman's configuration",
        **_object(fields.TOP),
        "$defs": {
            "provider": _object(fields.PROVIDER, without=("name",)),
            "named_provider": _object(fields.PROVIDER),
            "model": _object(fields.MODEL),
            "named_model": _object(fields.MODEL, without=("id",)),
            "route": _any(_TEXT, _list("step"), _object(fields.ROUTE)),
            "step": _any(_TEXT, _object(fields.STEP)),
        },
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _any(*schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _map(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema}


def _object(known: tuple[Field, ...], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of settings, in either spelling; unknown ones are told by editors."""
    properties: dict[str, Any] = {}
    for field in known:
        if field.internal and field.name != "$schema":
            continue
        schema = {"description": field.doc, **_KINDS[field.kind](field)}
        for spelling in dict.fromkeys((field.name, field.alias, *field.also)):
            properties[spelling] = schema
    required = [field.name for field in known if field.required and field.name not in without]
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required} if required and known is not fields.STEP else {})


def _choice(field: Field) -> dict[str, Any]:
    return {"enum": list(field.choices)}


def _texts(field: Field) -> dict[str, Any]:
    item = _choice(field) if field.choices else {"type": "string"}
    return _any(item, {"type": "array", "items": item})


def _number(**schema: Any) -> dict[str, Any]:
    """A number; or a string that holds one, or a reference to one."""
    return _any(schema, {"type": "string", "pattern": r"^[0-9][0-9._]*$|\$\{"})


_NUMBER = _number(type="number", minimum=0)
_KINDS: Mapping[str, Callable[[Field], dict[str, Any]]] = {
    "text": lambda _: _TEXT,
    "secret": lambda _: {"type": "string"},
    "secrets": lambda _: _STRINGS | {"minItems": 1},
    "secret_map": lambda _: _map({"type": ["string", "number", "boolean"]}),
    "variables": lambda _: _any(_VARIABLE, {"type": "array", "items": _VARIABLE}),
    "url": lambda _: {"type": "string", "pattern": r"^(https?://|demo:|.*\$\{)"},
    "path": lambda _: _TEXT,
    "choice": _choice,
    "flag": lambda _: _any({"type": "boolean"}, {"type": "string", "pattern": _FLAG}),
    "count": lambda field: _number(
        type="integer",
        minimum=int(field.least),
        **({} if field.most is None else {"maximum": int(field.most)}),
    ),
    "number": lambda field: _number(
        type="number", minimum=0, **({} if field.most is None else {"maximum": field.most})
    ),
    "seconds": lambda _: _number(type="number", exclusiveMinimum=0),
    "money": lambda _: _NUMBER,
    "texts": _texts,
    "grants": _texts,
    "networks": _texts,
    "text_map": lambda _: _map({"type": "string"}),
    "think_tags": lambda _: {"enum": [True, False, "open"]},
    "share": lambda _: _any(
        _NUMBER, {"type": "string", "pattern": r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$"}
    ),
    "hours": lambda _: {"type": "string", "pattern": r"^\d\d:\d\d-\d\d:\d\d$|\$\{"},
    "occasion": lambda field: _any(_choice(field), _object(field.fields)),
    "switch": lambda field: _any({"type": "boolean"}, _object(field.fields)),
    "any_table": lambda _: {"type": "object"},
    "table": lambda field: _object(field.fields),
    "tables": lambda field: {"type": "array", "items": _object(field.fields)},
    "models": lambda _: _any(
        {"type": "array", "items": _any(_TEXT, _ref("model"))}, _map(_ref("named_model"))
    ),
    "providers": lambda _: _any(
        _list("named_provider"), _map(_any({"type": "string"}, _ref("provider")))
    ),
    "routes": lambda _: _map(_ref("route")),
    "aliases": lambda _: _map(_any(_TEXT, _list("step"))),
    "steps": lambda _: _any(_TEXT, _list("step")),
    "model": lambda _: _ref("route"),
}
