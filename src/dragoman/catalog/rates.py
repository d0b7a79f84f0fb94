"""Prices as servers state them, made USD per million tokens.

Zero is a price only where the server says that it means it: many write "0" for what they do not
know. A price whose unit nobody has documented is no price.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from dragoman.catalog.loose_json import Json, as_count, as_table, model_id
from dragoman.types.model import Price, Tier

_MAX_PRICE = Decimal(10_000)
"""USD per million tokens: beyond it, the unit has been mistaken."""

_MILLION = Decimal(1_000_000)


def read_pricing(entry: Json) -> Price | None:
    """Read prices, whose units differ: per token, except Together's, which are per million."""
    told = as_table(entry.get("pricing"))
    if not told:
        return None
    per_million = "hourly" in told  # Together's table, the only one with this row
    if "prompt" in told:
        names = {"input": "prompt", "output": "completion"}
    elif per_million or isinstance(told.get("input"), str):
        names = {"input": "input", "output": "output"}
    else:
        return None  # numbers without a unit that anybody has documented
    names |= {
        "cache_read": "input_cache_read",
        "cache_write": "input_cache_write",
        "cache_write_1h": "input_cache_write_1h",
        "reasoning": "internal_reasoning",
    }
    rates = {ours: _rate(told.get(theirs), per_million) for ours, theirs in names.items()}
    free = entry.get("free") is True or model_id(entry).endswith(":free")
    fee = _rate(told.get("request"), True)
    return _sheet(rates, free=free, request=fee, tiers=_tiers(told))


def read_litellm_costs(info: Json) -> Price | None:
    names = {
        "input": "input_cost_per_token",
        "output": "output_cost_per_token",
        "cache_read": "cache_read_input_token_cost",
        "cache_write": "cache_creation_input_token_cost",
    }
    rates = {ours: _rate(info.get(theirs)) for ours, theirs in names.items()}
    rates["cache_write_1h"] = _rate(info.get("cache_creation_input_token_cost_above_1hr"))
    rates["reasoning"] = _rate(info.get("output_cost_per_reasoning_token"))
    steps: dict[int, dict[str, Decimal]] = {}
    for ours, theirs in names.items():
        for key, value in info.items():
            match = re.fullmatch(rf"{theirs}_above_(\d{{1,5}})k_tokens", key)
            if match and (rate := _rate(value)):
                steps.setdefault(int(match[1]) * 1000, {})[ours] = rate
    return _sheet(rates, tiers=steps)


def _tiers(told: Json) -> dict[int, dict[str, Decimal]]:
    """Read Vercel's tiers: lists of `cost` per token from `min` tokens on."""
    steps: dict[int, dict[str, Decimal]] = {}
    for ours, theirs in (
        ("input", "input_tiers"),
        ("output", "output_tiers"),
        ("cache_read", "input_cache_read_tiers"),
        ("cache_write", "input_cache_write_tiers"),
    ):
        tiers = told.get(theirs)
        for tier in tiers[:16] if isinstance(tiers, list) else ():
            start, rate = as_count(as_table(tier), "min"), _rate(as_table(tier).get("cost"))
            if start and rate is not None:
                steps.setdefault(start - 1, {})[ours] = rate
    return steps


def _sheet(
    rates: Mapping[str, Decimal | None],
    *,
    free: bool = False,
    request: Decimal | None = None,
    tiers: Mapping[int, Mapping[str, Decimal]] | None = None,
) -> Price | None:
    """Make a price of rates per million; None when it says nothing."""
    if free:
        return Price(input=Decimal(0), output=Decimal(0), free=True, source="discovered")
    if not rates["input"] and not rates["output"]:
        return None
    # Zero beside a price is "not stated": a cache or a fee that costs nothing would be news.
    dear = {name: rate or None for name, rate in rates.items()}
    return Price(
        input=rates["input"],
        output=rates["output"],
        cache_read=dear["cache_read"],
        cache_write=dear["cache_write"],
        cache_write_1h=dear["cache_write_1h"],
        reasoning=dear["reasoning"],
        request=request or None,
        tiers=tuple(Tier(above=above, **steps) for above, steps in sorted((tiers or {}).items())),
        source="discovered",
    )


def _rate(value: Any, per_million: bool = False) -> Decimal | None:
    """Read a price; None for one that cannot be, such as -1 for "it depends"."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    if len(str(value)) > 40:
        return None
    try:
        rate = Decimal(value)
    except InvalidOperation:
        return None
    if not rate.is_finite() or rate < 0 or rate > _MAX_PRICE or rate.adjusted() < -30:
        return None
    rate = rate if per_million else (rate * _MILLION).normalize()
    return rate if rate <= _MAX_PRICE else None
