"""The OpenAPI document of the control plane: Litestar's, with what handlers say of themselves.

Source: https://spec.openapis.org/oas/v3.1.1 (read 2026-11)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.routes import HTTPRoute

from dragoman import __version__
from dragoman.control.authentication import Rule, read_rule

_WHO: Mapping[str, str] = {
    "operator": "Operators only.",
    "signed_in": "For everybody who has signed in.",
    "open": "For everybody.",
}
SCHEMES: Mapping[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of `/api/v1/tokens`"},
    "session": {"type": "apiKey", "in": "cookie", "name": "dragoman_session"},
}
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
    document = app.openapi_schema.to_schema()
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
    """Find the function: Litestar wraps those that run in a thread."""
    function: Callable[..., Any] = getattr(handler.fn, "func", handler.fn)
    return function
