"""Prices per token, made USD per million tokens, exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dragoman.config.dialects.translated import Translated

if TYPE_CHECKING:
    from dragoman.document.locate import Key

_MILLION = Decimal(1_000_000)
_ABOVE = re.compile(r"(?P<name>\w+)_above_(?P<thousands>\d{1,5})k_tokens")


class PerToken:
    """Reads one tool's prices. `names` are ours, by its own; `once` are prices of one request."""

    def __init__(
        self, document: Translated, names: Mapping[str, str], once: frozenset[str] = frozenset()
    ) -> None:
        self.document = document
        self.names = names
        self.once = once

    def cost(self, entry: Mapping[str, Any], path: Key, model: str) -> dict[str, Any]:
        """Read the prices of a model: our `cost`, empty when none is stated."""
        found: dict[str, Any] = {}
        tiers: dict[int, dict[str, Any]] = {}
        for name, value in entry.items():
            if value is None or not isinstance(name, str):
                continue
            above = _ABOVE.fullmatch(name)
            ours = self.names.get(above["name"] if above else name)
            if ours is None:
                continue
            amount = self._amount(value, (*path, name), f"{name} of '{model}'", name in self.once)
            if amount is None:
                continue
            if above:
                tiers.setdefault(int(above["thousands"]) * 1000, {})[ours] = amount
            else:
                found.setdefault(ours, amount)
        if tiers:
            found["tiers"] = [{"above": above, **tiers[above]} for above in sorted(tiers)]
        return found

    def reads(self, name: str) -> bool:
        """Tell whether a key is a price that is read here."""
        above = _ABOVE.fullmatch(name)
        return (above["name"] if above else name) in self.names

    def _amount(self, value: Any, path: Key, what: str, once: bool) -> int | float | str | None:
        amount = to_decimal(value)
        if amount is None:
            self.document.remark(path, f"{what} is no price: it is left out")
            return None
        amount = amount if once else amount * _MILLION
        return to_number(amount)


def to_decimal(value: Any) -> Decimal | None:
    """Read an amount as it is written; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if len(str(value)) > 40:
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    small = amount.is_finite() and -30 < amount.adjusted() < 12
    return amount if small and amount >= 0 else None


def to_number(amount: Decimal) -> int | float | str:
    """Turn an amount into a number that is written without noise: 2.5, not 2.4999999999999996."""
    if amount == amount.to_integral_value():
        return int(amount)
    number = float(amount)
    return number if Decimal(repr(number)) == amount else plain(amount)


def plain(amount: Decimal) -> str:
    """Write an amount without an exponent and without zeros at its end."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def per_token(amount: Decimal) -> Decimal:
    """Turn USD per million tokens into USD per token."""
    return (amount / _MILLION).normalize()
