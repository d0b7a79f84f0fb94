"""How people are told of an allowance: `100 requests a minute`, `$25.00 a month`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from dragoman.types.allowance import Allowance, Period
from dragoman.types.exchange import NANO

_PERIODS: Mapping[Period, str] = {
    "minute": " a minute",
    "hour": " an hour",
    "day": " a day",
    "week": " a week",
    "month": " a month",
    "total": " in all",
    "now": " at a time",
}


def describe(allowance: Allowance) -> str:
    """Say how much it is, and for how long."""
    return amount_of(allowance, allowance.amount) + _PERIODS[allowance.period]


def amount_of(allowance: Allowance, amount: int) -> str:
    """Say an amount of what it measures; money to the last nano-dollar, and at least in cents."""
    if allowance.measure == "spend":
        whole, _, part = f"{Decimal(amount) / NANO:.9f}".partition(".")
        return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
    noun = "requests" if allowance.measure == "concurrency" else allowance.measure
    return f"{amount} {noun if amount != 1 else noun.removesuffix('s')}"
