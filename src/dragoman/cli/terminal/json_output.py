"""JSON for programs: exact numbers, one document, on stdout."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from dragoman.cli.terminal.streams import Console
from dragoman.types.exchange import NANO

ENCODER = msgspec.json.Encoder(decimal_format="number")


def print_json(console: Console, value: Any) -> None:
    """Print a value: indented for a person at a terminal and for diffs, keys in their order."""
    console.line(encode(value))


def plain_number(amount: Decimal | None) -> msgspec.Raw | None:
    """Make a number that is written without an exponent, which not every reader of JSON likes."""
    return None if amount is None else msgspec.Raw(f"{amount:f}".encode())


def usd(nano: int | None) -> msgspec.Raw | None:
    """Make a number of USD of nano-dollars, exact."""
    return plain_number(None if nano is None else Decimal(nano) / NANO)


def encode(value: Any) -> str:
    """Write a value as indented JSON; Decimals are numbers, exact."""
    return msgspec.json.format(ENCODER.encode(value), indent=2).decode()
