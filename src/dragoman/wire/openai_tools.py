"""What tools have in common in both of OpenAI's APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.types.request import ToolChoice
from dragoman.wire.fields import read_bool, read_object, read_text

CHOICES: Mapping[str, ToolChoice] = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("required"),
}
"""The choices that are a word."""

_OPTIONAL = (
    ("description", read_text),
    ("parameters", read_object),
    ("strict", read_bool),
)


def read_function(function: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Read what a function may say besides its name. Raises: InvalidRequest."""
    return {
        field: read(function[field], f"{path}.{field}")
        for field, read in _OPTIONAL
        if function.get(field) is not None
    }
