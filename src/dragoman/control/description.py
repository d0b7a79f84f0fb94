"""The OpenAPI document of the control plane: Litestar's, with what handlers say of themselves.

Source: https://spec.openapis.org/oas/v3.1.1 (read 2026-11)
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.routes import HTTPRoute

from dragoman import __version__
from dragoman.control.authentication import Rule, read_rule
from dragoman.control.browser import PLAIN_COOKIE

_WHO: Mapping[str, str] = {
    "operator": "Operators only.",
    "signed_in": "For everybody who has signed in.",
    "open": "For everybody.",
}
SCHEMES: Mapping[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of `/api/v1/tokens`"},
    "session": {"type": "apiKey", "in": "cookie", "name": PLAIN_COOKIE},
}
_LISTED = re.compile(r"Listed_(?:\w+\.)*(\w+)_")
_ERROR: Mapping[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                name: {"type": "string"} for name in ("code", "message", "hint", "param")
            },
        }
    },
}


def make_config() -> OpenAPIConfig:
    """Say to Litestar how its document is made."""
    return OpenAPIConfig(
        title="Dragoman",
        version=__version__,
        operation_id_creator=lambda handler, *_: _name(handler),
    )


def describe_app(app: Litestar) -> dict[str, Any]:
    """Write the document. It is a value of JSON, and new each time."""
    document = _plainly_named(app.openapi_schema.to_schema())
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in document["paths"]:
            path = document["paths"][route.path_format]
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    rule = read_rule(handler.opt)
                    if rule is not None:
                        _complete(path[method.lower()], handler, rule)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR
    components["securitySchemes"] = SCHEMES
    return document


def _plainly_named(document: dict[str, Any]) -> dict[str, Any]:
    """Name lists by what is in them: `Listed_dragoman.control.keys.KeyShown_` is `KeyShownList`."""
    text = msgspec.json.encode(document).decode()
    named: dict[str, Any] = msgspec.json.decode(_LISTED.sub(r"\1List", text))
    return named


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler, rule: Rule) -> None:
    text = inspect.getdoc(_function(handler)) or ""
    summary, _, more = text.partition("\n")
    operation["summary"] = summary.rstrip(".")
    who = f"For the role `{rule.least}` and above." if rule.least else _WHO[rule.kind]
    if rule.session:
        who += " Not with a token: somebody has to have signed in."
    operation["description"] = f"{more.strip()}\n\n{who}".strip()
    operation["security"] = [] if rule.kind == "open" else [{}, *({name: []} for name in SCHEMES)]
    responses = operation["responses"]
    responses.pop("400", None)
    schema = {"$ref": "#/components/schemas/Error"}
    responses["default"] = {
        "description": "What went wrong",
        "content": {"application/json": {"schema": schema}},
    }


def _name(handler: HTTPRouteHandler) -> str:
    return _function(handler).__name__


def _function(handler: HTTPRouteHandler) -> Callable[..., Any]:
    """Find the function: Litestar wraps those that run in a thread, and again."""
    function: Any = handler.fn
    while not inspect.isfunction(function):
        function = function.func
    found: Callable[..., Any] = function
    return found
