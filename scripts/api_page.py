"""The reference of the control plane's API, out of its OpenAPI document."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, cast

from dragoman.control.app import PREFIX, make_app
from dragoman.control.context import Context
from dragoman.control.description import describe_app

INTRODUCTION = """# API of the control plane

Below `/api/v1`. The same stands in the OpenAPI document, `/openapi.json`, which has the data plane
besides. Who may call an operation: a role in the organisation of the path, and those above it;
operators may call all of them. [Signing in](../gateway/sign-in.md) and
[organisations](../gateway/organisations.md) say more.

"""


def api_page(made: str) -> str:
    """Write the page; `made` is the remark at its top."""
    document = describe_app(make_app(cast(Context, None)))
    lines = [made + INTRODUCTION.rstrip() + "\n"]
    found = sorted(_operations(document), key=lambda one: (_heading(one[1]), one[1]))
    for heading, operations in itertools.groupby(found, key=lambda one: _heading(one[1])):
        lines.append(f"## {heading}\n")
        for method, path, operation in operations:
            lines += _describe(method, path, operation, document)
    return "\n".join(lines).rstrip() + "\n"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.removeprefix(PREFIX), operation


def _heading(path: str) -> str:
    parts = path.strip("/").split("/")
    if parts[0] == "organisations":
        parts = parts[2:] or ["organisations"]
    return parts[0].replace("-", " ").capitalize()


def _describe(
    method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[str]:
    yield f"### `{method} {path}`\n"
    yield f"{operation['summary']}. {' '.join(operation['description'].split())}\n"
    query = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    if query:
        names = ", ".join(f"`{one['name']}`{'' if one.get('required') else '?'}" for one in query)
        yield f"Query: {names}\n"
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        schema = _resolve(schema, document)
        needed = schema.get("required", ())
        fields = [
            f"`{name}`{'' if name in needed else '?'} {_type(field)}"
            for name, field in schema.get("properties", {}).items()
        ]
        if fields:
            yield f"Body: {', '.join(fields)}\n"


def _resolve(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in schema.get("oneOf", ()):
        if option.get("type") != "null":
            return _resolve(option, document)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found: Mapping[str, Any] = document["components"]["schemas"][name]
        return found
    return schema


def _type(field: Mapping[str, Any]) -> str:
    """Say what a field takes, in a word or two; nothing where it takes anything."""
    if "enum" in field:
        said = " or ".join(f"`{one}`" for one in field["enum"] if one is not None)
        return f"({said})"
    if "$ref" in field:
        return f"({field['$ref'].rpartition('/')[2]})"
    if "oneOf" in field:
        said = " or ".join(sorted({_type(one).strip("()") for one in field["oneOf"]} - {""}))
        return f"({said})" if said else ""
    kind = field.get("type", "")
    if isinstance(kind, list):
        kind = " or ".join(kind)
    return f"({kind})" if kind else ""
