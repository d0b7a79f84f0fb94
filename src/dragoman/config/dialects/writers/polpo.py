"""Polpo's `polpo.json`, and what it has in common with pi's `models.json`.

Source: https://docs.polpo.sh/models/custom-providers; lumea-labs/polpo, src/core/config.ts
(read 2026-02)
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from dragoman.config.dialects.writers.source import Source, number, price_of, said
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider
from dragoman.types.route import Route

MODEL_SAYS = frozenset(
    {"name", "context_window", "max_tokens", "reasoning", "input", "cost", "free"}
)


def write(source: Source) -> str:
    """Write the file: providers, the default route, and other names as agents."""
    data: dict[str, Any] = {"providers": {p.name: _provider(source, p) for p in source.providers}}
    settings: dict[str, Any] = {}
    if source.config.default_model:
        settings["orchestratorModel"] = _model(source, source.config.default_model)
    if source.config.image_model:
        settings["imageModel"] = _ref(source, source.config.image_model)
    if settings:
        data["settings"] = settings
    agents = [
        {"name": name, "model": _model(source, name)}
        for name in source.config.routes
        if name != source.config.default_model
    ]
    if agents:
        data["agents"] = agents
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _provider(source: Source, provider: Provider) -> Any:
    key = source.variable(source.key(provider), provider)
    reference = f"${{{key}}}" if key else None
    if provider.built_in:
        return reference or {}
    source.lose_the_rest(provider)
    found: dict[str, Any] = {"baseUrl": source.base_url(provider), "api": provider.api}
    if reference:
        found["apiKey"] = reference
    models = [model_entry(source, provider, info) for info in source.models(provider).values()]
    if models:
        found["models"] = models
    return found


def model_entry(source: Source, provider: Provider, info: ModelInfo) -> dict[str, Any]:
    """Write a model: what is stated of it, and its price with all that a price has there."""
    found: dict[str, Any] = {"id": info.id, "name": said(info, "name") or info.id}
    for ours, theirs in (("context_window", "contextWindow"), ("max_tokens", "maxTokens")):
        if said(info, ours) is not None:
            found[theirs] = said(info, ours)
    if said(info, "reasoning") is not None:
        found["reasoning"] = said(info, "reasoning")
    if (kinds := said(info, "input")) is not None:
        known = [kind for kind in ("text", "image") if kind in kinds]
        found["input"] = known
        if len(known) < len(kinds):
            source.lose(f"input of '{provider.name}/{info.id}'", "text and images are known there")
    source.lose_model(provider, info, MODEL_SAYS)
    price = price_of(info)
    if price is not None:
        parts = {
            "input": price.input,
            "output": price.output,
            "cacheRead": price.cache_read,
            "cacheWrite": price.cache_write,
        }
        found["cost"] = {name: number(amount or Decimal(0)) for name, amount in parts.items()}
        if price.tiers or price.request or price.cache_write_1h or price.reasoning:
            source.lose(f"prices of '{provider.name}/{info.id}'", "four are known there")
    return found


def _model(source: Source, name: str) -> Any:
    """Write what a name leads to: one model, or the first and its fallbacks."""
    route: Route | None = source.config.routes.get(name)
    refs = [f"{p.name}:{model}" for _, (p, model) in source.leads_to(name)]
    if route is not None and route.steps != tuple(type(s)(s.ref) for s in route.steps):
        source.lose(f"weights and times of '{name}'", "models are tried in order there")
    if route is not None and (route.body or route.hedge_after or route.first_token):
        source.lose(f"settings of '{name}'", "a route has none there")
    if len(refs) > 1:
        return {"primary": refs[0], "fallbacks": refs[1:]}
    return refs[0] if refs else name


def _ref(source: Source, name: str) -> str:
    return next((f"{p.name}:{model}" for _, (p, model) in source.leads_to(name)), name)
