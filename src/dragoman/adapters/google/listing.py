"""Lists of models, as AI Studio and Google Cloud give them.

Source: https://ai.google.dev/api/models and
https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list
(read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dragoman.types.model import ModelInfo

_LISTS = ("models", "tunedModels", "publisherModels")
_USEFUL = ("generateContent", "embedContent")

_LIMITS = {"context_window": "inputTokenLimit", "max_tokens": "outputTokenLimit"}


def read_models(value: Mapping[str, Any]) -> Iterator[ModelInfo]:
    """Yield the models of a list, by the names that requests have for them."""
    for name in _LISTS:
        rows = value.get(name)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and (info := _model(row)) is not None:
                yield info


def _model(row: Mapping[str, Any]) -> ModelInfo | None:
    name, methods = row.get("name"), row.get("supportedGenerationMethods", _USEFUL)
    if not isinstance(name, str) or not isinstance(methods, list | tuple):
        return None
    if not any(useful in methods for useful in _USEFUL):
        return None
    short = name.removeprefix("models/").removeprefix("publishers/google/models/")
    known: dict[str, Any] = {
        ours: limit
        for ours, theirs in _LIMITS.items()
        if type(limit := row.get(theirs)) is int and limit > 0
    }
    if type(row.get("thinking")) is bool:
        known["reasoning"] = row["thinking"]
    shown = row.get("displayName")
    return ModelInfo(
        id=short,
        name=shown if isinstance(shown, str) else None,
        **known,
        sources=dict.fromkeys(known, "discovered"),
    )
