"""Cost, against cases that people can check and an oracle of its own arithmetic."""

from __future__ import annotations

import decimal
import random
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.catalog.pricing import compute_cost
from dragoman.types import Price, Tier, Usage

CASES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "cases" / "pricing.toml").read_text("utf-8")
)["case"]
RECORDS = 25_000
PRICES = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["says"]))
def test_a_completion_costs_what_its_buckets_cost(case: dict[str, Any]) -> None:
    price = msgspec.convert(case["price"], Price) if "price" in case else None
    usage = msgspec.convert(case["usage"], Usage) if "usage" in case else None
    assert compute_cost(usage, price) == (case.get("nano"), case["source"])


def test_nobodys_decimal_context_changes_a_bill() -> None:
    price = Price(input=Decimal("1.23456789"), output=Decimal("9.87654321"))
    usage = Usage(prompt_tokens=123_456_789, completion_tokens=987_654_321)
    expected = compute_cost(usage, price)
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
        assert compute_cost(usage, price) == expected


def _amount(rng: random.Random) -> Decimal | None:
    """Make a price as price lists have them, and some as they do not."""
    if rng.random() < 0.15:
        return None
    digits = rng.randrange(0, 13)
    return Decimal(rng.randrange(0, 10 ** rng.randrange(1, 6))).scaleb(-digits)


def _price(rng: random.Random) -> Price:
    tiers = tuple(
        Tier(above=rng.randrange(0, 300_000), **{name: _amount(rng) for name in PRICES})
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))
    )
    return Price(
        **{name: _amount(rng) for name in PRICES},
        reasoning=_amount(rng) if rng.random() < 0.3 else None,
        request=_amount(rng) if rng.random() < 0.3 else None,
        tiers=tiers,
    )


def _usage(rng: random.Random) -> Usage:
    prompt = rng.choice((0, rng.randrange(1, 50), rng.randrange(1, 500_000)))
    completion = rng.choice((0, rng.randrange(1, 50), rng.randrange(1, 100_000)))
    reads = rng.choice((None, 0, rng.randrange(0, prompt + 1)))
    writes = rng.choice((None, 0, rng.randrange(0, prompt - (reads or 0) + 1)))
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        cache_write_1h_tokens=rng.choice((None, 0, rng.randrange(0, (writes or 0) + 1))),
        reasoning_tokens=rng.choice((None, 0, rng.randrange(0, completion + 1))),
    )


def _oracle(usage: Usage, price: Price) -> int | None:
    """Work it out again in fractions of a dollar, from the price list as a person reads it."""
    sheet = {name: getattr(price, name) for name in PRICES}
    for tier in sorted(price.tiers, key=lambda tier: -tier.above):
        if usage.prompt_tokens > tier.above:  # type: ignore[operator]
            own = {name: getattr(tier, name) for name in PRICES}
            sheet = {name: sheet[name] if own[name] is None else own[name] for name in PRICES}
            break
    counts = {
        "cache_read": usage.cache_read_tokens or 0,
        "cache_write_1h": usage.cache_write_1h_tokens or 0,
    }
    counts["cache_write"] = (usage.cache_write_tokens or 0) - counts["cache_write_1h"]
    counts["input"] = usage.prompt_tokens - sum(counts.values())  # type: ignore[operator]
    counts["output"] = usage.completion_tokens or 0
    if sheet["cache_read"] is None:
        sheet["cache_read"] = sheet["input"]
    if sheet["cache_write_1h"] is None:
        sheet["cache_write_1h"] = sheet["cache_write"]
    if price.reasoning is not None:
        sheet["reasoning"] = price.reasoning
        counts["reasoning"] = usage.reasoning_tokens or 0
        counts["output"] -= counts["reasoning"]
    dollars = Fraction(price.request or 0)
    only_fee = price.request is not None and price.input is None and price.output is None
    for name, count in counts.items():
        if count and sheet[name] is None and not only_fee:
            return None
        dollars += Fraction(sheet[name] or 0) * Fraction(count, 1_000_000)
    return round(dollars * 10**9)  # round() of a Fraction is half to even


def _dearest_tie(price: Price) -> bool:
    """Two tiers with one threshold have no order that either side could be held to."""
    above = [tier.above for tier in price.tiers]
    return len(above) != len(set(above))


def test_no_record_differs_from_the_oracle_by_a_nano_dollar() -> None:
    rng = random.Random(20261121)
    checked = unknown = 0
    while checked < RECORDS:
        price, usage = _price(rng), _usage(rng)
        if _dearest_tie(price):
            continue
        expected = _oracle(usage, price)
        cost, source = compute_cost(usage, price)
        assert cost == expected, (usage, price)
        assert source == ("unknown" if expected is None else "config")
        checked += 1
        unknown += expected is None
    assert RECORDS // 10 < unknown < RECORDS * 9 // 10, "both kinds must have been tried"
