"""Deployments made by hand."""

from __future__ import annotations

from typing import Any

from dragoman.types import Deployment, ModelInfo, Provider


def deployment(ref: str, *, window: int | None = None, **fields: Any) -> Deployment:
    """Make a deployment of `provider/model`."""
    name, model = ref.split("/", 1)
    return Deployment(
        provider=Provider(name=name, base_url=f"http://{name}.test/v1"),
        model=model,
        info=ModelInfo(id=model, context_window=window),
        **fields,
    )
