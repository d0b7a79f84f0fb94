"""From checked tables to what is known of models: limits, abilities, prices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dragoman.config.walk import ProviderTable, Table
from dragoman.errors import ConfigError
from dragoman.types.model import MetadataSource, ModelInfo, Price, RepetitionGuard, Tier

_DEFAULT_LIMITS: Mapping[str, Any] = {
    "context_window": 200_000,
    "max_tokens": 8_192,
    "input": frozenset({"text"}),
    "reasoning": False,
}
_OURS = ("id", "emulate", "repair_arguments", "stream", "repetition_guard", "quality")
"""What is said of a model and no fact about it that somebody else could tell."""
_LEAST_PRICE, _MOST_PRICE = Decimal("0.001"), Decimal(10_000)


def build_model(values: Table, *, defaults: bool = True) -> ModelInfo:
    """Build what is known of a model.

    A model that is described (not only listed) gets Polpo's documented defaults where nothing is
    said; their source is `default`, so that the registry can put what the catalog knows there.
    Without `defaults`, what is not said is unknown.
    """
    settings = {key: value.value for key, value in values.items()}
    described = settings.pop("described", False) and defaults
    cost, free = settings.pop("cost", None), settings.pop("free", False)
    per_hour = settings.pop("cost_per_hour", None)
    if "input" in settings:
        settings["input"] = frozenset(settings["input"])
    if "emulate" in settings:
        settings["emulate"] = tuple(settings["emulate"])
    if "repetition_guard" in settings:
        settings["repetition_guard"] = build_guard(settings["repetition_guard"])
    if cost is not None or free:
        settings["price"] = build_price(cost or {}, free=free)
    elif per_hour is not None:
        settings["price"] = Price(per_hour=per_hour)
    sources: dict[str, MetadataSource] = {key: "config" for key in settings if key not in _OURS}
    for key, value in _DEFAULT_LIMITS.items() if described else ():
        if key not in settings:
            settings[key], sources[key] = value, "default"
    if described and "price" not in settings:
        zero = Decimal(0)
        settings["price"] = Price(
            input=zero, output=zero, cache_read=zero, cache_write=zero, free=True, source="default"
        )
        sources["price"] = "default"
    return ModelInfo(**settings, sources=sources)


def build_price(cost: Table, *, free: bool = False) -> Price:
    """Build a price; all zero means that it is free."""
    amounts = {key: value.value for key, value in cost.items() if key != "tiers"}
    tiers = tuple(
        Tier(**{key: value.value for key, value in tier.items()})
        for tier in _value(cost, "tiers") or ()
        if "above" in tier
    )
    if free:
        amounts = {"input": Decimal(0), "output": Decimal(0), **amounts}
    is_free = bool(amounts) and not any(amounts.values()) and not tiers
    return Price(**amounts, tiers=tiers, free=is_free)


def build_guard(said: bool | Table) -> RepetitionGuard:
    """Build a guard against repetition; one with 0 characters is off."""
    if said is False:
        return RepetitionGuard(characters=0)
    if said is True:
        return RepetitionGuard()
    return RepetitionGuard(**{key: value.value for key, value in said.items()})


def price_notes(table: ProviderTable) -> list[ConfigError]:
    """Warn of prices that look as if they were meant per token, or per million by mistake."""
    notes: list[ConfigError] = []
    for model_id, model in (_value(table.values, "models") or {}).items():
        for setting, value in (_value(model, "cost") or {}).items():
            amount = value.value
            if setting in ("tiers", "request") or not amount:
                continue
            if not _LEAST_PRICE <= amount <= _MOST_PRICE:
                message = (
                    f"provider '{table.name}': cost.{setting} of '{model_id}' is"
                    f" {amount.normalize():f} USD per million tokens"
                )
                hint = "Prices are per million tokens, not per token."
                notes.append(ConfigError(message, place=str(value.place), hint=hint))
    return notes


def _value(values: Table, name: str) -> Any:
    return values[name].value if name in values else None
