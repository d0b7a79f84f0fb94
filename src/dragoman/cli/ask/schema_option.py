"""`--schema`: a JSON Schema in a file, written out, or in the short form of `llm`.

name, age int, bio: what they are known for
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dragoman.cli.ask.attach import read_text_file
from dragoman.cli.flags import WrongUsage
from dragoman.errors import InvalidRequest

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
_TYPES |= {name: name for name in _TYPES.values()}
_FIELD = re.compile(r"(?P<name>[\w-]+)(?:\s+(?P<type>\w+))?(?:\s*:\s*(?P<about>.+))?", re.DOTALL)


def read_schema(text: str, *, several: bool = False) -> dict[str, Any]:
    """Read a schema; `several`: for a list, as `{"items": […]}`.

    Raises: WrongUsage, InputMissing, InvalidRequest for a file that holds no schema.
    """
    schema = _read(text)
    if not several:
        return schema
    definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
    return {
        "type": "object",
        "properties": {"items": {"type": "array", "items": schema}},
        "required": ["items"],
        **definitions,
    }


def _read(text: str) -> dict[str, Any]:
    stripped = text.strip()
    if stripped.startswith("{"):
        return _parse(stripped, "--schema")
    if _is_path(stripped):
        return _parse(read_text_file(stripped), stripped)
    return short_schema(text)


def _is_path(text: str) -> bool:
    """Tell a file from fields: it has a suffix or a folder, or is there."""
    if "\n" in text or "," in text:
        return False
    return text.endswith(".json") or "/" in text.split(":")[0] or Path(text).is_file()


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "a schema is a JSON object, or in short: 'name, age int'"
        raise InvalidRequest(f"{name} is not JSON: {error}", hint=hint) from None
    if not isinstance(schema, dict):
        hint = 'write {"type": "object", "properties": {…}}, or in short: \'name, age int\''
        raise InvalidRequest(f"{name} holds no JSON Schema: it must be an object", hint=hint)
    return schema


def short_schema(text: str) -> dict[str, Any]:
    """Make a schema of fields: `NAME [int|float|bool|str][: what it is]`, by commas or lines.

    All of them are required. Raises: WrongUsage.
    """
    parts = text.split("\n") if "\n" in text.strip() else text.split(",")
    properties: dict[str, Any] = {}
    for part in filter(None, map(str.strip, parts)):
        field = _FIELD.fullmatch(part)
        kind = _TYPES.get(field["type"] or "str") if field else None
        if field is None or kind is None:
            raise WrongUsage(
                f"{part!r} is no field of a schema",
                hint="write 'name, age int, bio: what it is', or name a file that ends in .json",
            )
        about = {"description": field["about"].strip()} if field["about"] else {}
        properties[field["name"]] = {"type": kind, **about}
    if not properties:
        raise WrongUsage("--schema is empty", hint="write 'name, age int', or name a file")
    return {"type": "object", "properties": properties, "required": list(properties)}
