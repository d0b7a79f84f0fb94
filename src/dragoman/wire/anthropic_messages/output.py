"""The shape that an answer must have, written."""

from __future__ import annotations

from typing import Any

from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, JsonObject
from dragoman.wire.anthropic_messages.content import Warn
from dragoman.wire.anthropic_messages.json_schema import fit_schema
from dragoman.wire.anthropic_messages.schema import NAME
from dragoman.wire.json_text import encode_text

_ANY_OBJECT = "Answer with one JSON object and nothing else."
_BY_SCHEMA = "Answer with JSON and nothing else. It must be valid against this JSON Schema:\n"


def render_output(
    request: ChatRequest,
    dialect: Dialect,
    system: list[Any],
    body: dict[str, Any],
    warn: Warn,
) -> None:
    """Write the format into the body, or ask for it in the instructions.

    What comes from elsewhere is fitted to the part of JSON Schema that this API takes.
    """
    output = request.output
    if output is None:
        return
    if isinstance(output, JsonObject):
        warn("a JSON object is asked for in the instructions: this API wants a schema")
        system.append({"type": "text", "text": _ANY_OBJECT})
    elif dialect.json_schema != "native":
        system.append({"type": "text", "text": _BY_SCHEMA + encode_text(output.schema)})
    else:
        schema = output.schema
        if request.format != NAME:
            schema = fit_schema(schema, warn)
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
