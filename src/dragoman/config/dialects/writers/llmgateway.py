"""LLMGateway's custom providers and models, as its API for master keys takes them.

Source: https://docs.llmgateway.io/features/master-keys (read 2026-11)
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from dragoman.config.dialects.llmgateway import COSTS, ENDPOINT
from dragoman.config.dialects.per_token import plain
from dragoman.config.dialects.writers.source import Source, price_of, said
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider

_SAYS = frozenset({"models_only"})
_MODEL_SAYS = frozenset(
    {
        "name", "context_window", "max_tokens", "tools", "reasoning", "json_schema", "input",
        "cost", "free", "stream",
    }
)  # fmt: skip
_NAME = re.compile(r"[a-z]+(-[a-z]+)*")
_PRICES = {ours: theirs for theirs, ours in COSTS.items() if theirs != "cachedInputPrice"}


def write(source: Source) -> str:
    """Write the file. Tokens are references to variables, to be filled in before it is sent."""
    providers: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    for provider in source.providers:
        if provider.built_in:
            source.lose(f"provider '{provider.name}'", "it is no custom one: add its key there")
            continue
        if provider.api != "openai-completions":
            source.lose(f"provider '{provider.name}'", f"{provider.api} is not spoken there")
            continue
        source.lose_the_rest(provider, _SAYS)
        name = _name(source, provider, [entry["name"] for entry in providers])
        url = source.endpoint(provider, provider.api)
        entry: dict[str, Any] = {"name": name, "baseUrl": url.removesuffix(ENDPOINT)}
        if not url.startswith("https://"):
            source.lose(f"the base URL of '{provider.name}'", "only https is taken there")
        variable = source.variable(source.key(provider), provider)
        if variable:
            entry["token"] = f"${{{variable}}}"
        else:
            source.lose(f"the token of '{provider.name}'", "there is none, and one is wanted there")
        if provider.models_only:
            entry["customModelsOnly"] = True
        providers.append(entry)
        models += [_model(source, provider, name, info) for info in provider.models.values()]
    for name in source.config.routes:
        source.lose(f"route or alias '{name}'", "LLMGateway has its own routing")
    if source.config.default_model:
        source.lose("default_model", "a request names its model there")
    data = {"customProviders": providers, "customModels": models}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _name(source: Source, provider: Provider, taken: list[str]) -> str:
    name = provider.name
    if not _NAME.fullmatch(name):
        name = re.sub(r"[^a-z]+", "-", name).strip("-") or "provider"
        source.lose(f"the name '{provider.name}'", f"letters alone are taken there: it is '{name}'")
    while name in taken:
        name += "-too"
    return name


def _model(source: Source, provider: Provider, name: str, info: ModelInfo) -> dict[str, Any]:
    source.lose_model(provider, info, _MODEL_SAYS)
    found: dict[str, Any] = {"providerKeyId": name, "modelName": info.id}
    for ours, theirs in (
        ("name", "displayName"), ("context_window", "contextSize"), ("max_tokens", "maxOutput"),
        ("tools", "tools"), ("reasoning", "reasoning"), ("json_schema", "jsonOutput"),
    ):  # fmt: skip
        if said(info, ours) is not None:
            found[theirs] = said(info, ours)
    if (kinds := said(info, "input")) is not None:
        found["vision"], found["audio"] = "image" in kinds, "audio" in kinds
    if info.stream is False:
        found["streaming"] = "false"
    price = price_of(info)
    for ours, theirs in _PRICES.items():
        amount: Decimal | None = getattr(price, ours, None)
        if amount is not None:
            found[theirs] = plain(amount) if ours == "request" else f"{plain(amount)}e-6"
    if price is not None and (price.tiers or price.reasoning):
        source.lose(f"tiers of '{provider.name}/{info.id}'", "LLMGateway has one price for a model")
    return found
