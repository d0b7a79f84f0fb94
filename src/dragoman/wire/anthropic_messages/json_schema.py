"""JSON Schemas fitted to the part that this API enforces; the rest is told to the model.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.wire.anthropic_messages.content import Warn
from dragoman.wire.json_text import encode_text

_KEPT = frozenset(
    {
        "$ref", "$defs", "definitions", "type", "properties", "required", "items", "enum", "const",
        "anyOf", "allOf", "description", "title", "default", "additionalProperties",
    }
)  # fmt: skip
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_SILENT = frozenset({"$schema", "$id", "$comment", "examples"})
"""Keywords that ask for nothing."""


def fit_schema(schema: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    """Write a schema that is taken: objects closed, and what can't be enforced as description."""
    return _Fitter(warn).fit(schema)


class _Fitter:
    def __init__(self, warn: Warn) -> None:
        self._warn = warn

    def fit(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        fitted: dict[str, Any] = {}
        told: dict[str, Any] = {}
        for name, value in schema.items():
            if name in ("oneOf", "anyOf", "allOf") and isinstance(value, list):
                fitted["anyOf" if name == "oneOf" else name] = [self._inner(one) for one in value]
            elif name in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
                fitted[name] = {key: self._inner(one) for key, one in value.items()}
            elif name == "items":
                fitted[name] = self._inner(value)
            elif name in _KEPT or _is_enforced(name, value):
                fitted[name] = value
            elif name not in _SILENT:
                told[name] = value
        if told:
            self._tell(fitted, told)
        if "object" in _types(schema) or "properties" in schema:
            self._close(fitted)
        return fitted

    def _inner(self, schema: Any) -> Any:
        return self.fit(schema) if isinstance(schema, Mapping) else schema

    def _tell(self, fitted: dict[str, Any], told: dict[str, Any]) -> None:
        names = ", ".join(told)
        self._warn(f"the schema's {names} can't be enforced here: the model is told of them")
        said = fitted.get("description")
        fitted["description"] = f"{said}\n\n{encode_text(told)}" if said else encode_text(told)

    def _close(self, fitted: dict[str, Any]) -> None:
        if fitted.get("additionalProperties") is not False:
            self._warn("objects of the schema are closed: no further properties are taken here")
            fitted["additionalProperties"] = False


def _types(schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    return kind if isinstance(kind, list) else (kind,)


def _is_enforced(name: str, value: Any) -> bool:
    if name == "format":
        return value in _FORMATS
    return name == "minItems" and value in (0, 1)
