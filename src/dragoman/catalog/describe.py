"""What is known of one model at one provider, from everybody who has said something."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import structs

from dragoman.catalog import find_model
from dragoman.types.model import MetadataSource, ModelInfo, Price
from dragoman.types.provider import Provider

_FIELDS = (
    "name",
    "context_window",
    "max_tokens",
    "input",
    "reasoning",
    "tools",
    "json_schema",
    "price",
)
_TOLD_BY_USERS = (
    "on_overflow",
    "emulate",
    "repair_arguments",
    "stream",
    "repetition_guard",
    "quality",
    "body",
)
_ZERO = Decimal(0)


def describe_model(
    provider: Provider,
    model: str,
    discovered: ModelInfo | None = None,
    *,
    at: datetime | None = None,
) -> ModelInfo:
    """Put together what is known of a model, field by field, and who said it.

    The user's word comes first, then what the provider's own list said (`discovered`), then the
    catalog where the provider has one, then the documented defaults of a model that was described
    without that field. A provider that is free is so for all models without a price of the user's.
    What nobody said is None. `at` is the time whose prices hold (default: now).
    """
    said = provider.models.get(model)
    catalog = find_model(provider.catalog, model, at=at) if provider.catalog else None
    known: dict[str, Any] = {}
    sources: dict[str, MetadataSource] = {}

    def add(info: ModelInfo | None, default: MetadataSource, *, only_defaults: bool) -> None:
        for name in _FIELDS:
            value = getattr(info, name, None)
            source = info.sources.get(name, default) if info is not None else default
            if name not in known and value is not None and (source == "default") is only_defaults:
                known[name], sources[name] = value, source

    add(said, "config", only_defaults=False)
    _price_by_time(provider, known, sources)
    if provider.free and "price" not in known:
        sources["price"] = "catalog" if provider.built_in else "config"
        known["price"] = Price(input=_ZERO, output=_ZERO, free=True, source=sources["price"])
    add(discovered, "discovered", only_defaults=False)
    add(catalog, "catalog", only_defaults=False)
    add(said, "config", only_defaults=True)
    if provider.base_url.startswith("demo:"):
        _mark_as_demo(known, sources)
    return ModelInfo(
        id=model,
        **known,
        **({name: getattr(said, name) for name in _TOLD_BY_USERS} if said else {}),
        sources=sources,
    )


def _price_by_time(
    provider: Provider, known: dict[str, Any], sources: dict[str, MetadataSource]
) -> None:
    """Put in what an hour of the machine costs, where that is how it is paid for."""
    if "price" not in known and provider.cost_per_hour is not None:
        known["price"] = Price(per_hour=provider.cost_per_hour)
        sources["price"] = "config"
    if "price" in known and known["price"].per_hour is not None:
        shared_by = provider.limits.concurrency or 1
        known["price"] = structs.replace(known["price"], shared_by=shared_by)


def _mark_as_demo(known: dict[str, Any], sources: dict[str, MetadataSource]) -> None:
    """Say of invented figures that they are."""
    for name in sources:
        sources[name] = "demo"
    if "price" in known:
        known["price"] = structs.replace(known["price"], source="demo")
