"""What servers say that was used, where it cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dragoman.wire.tokens import read_cost


@pytest.mark.parametrize("value", ["1e9999999", "-1", "NaN", "sNaN", "inf", "9000001", 1e300, True])
def test_a_cost_that_cannot_be_is_none(value: Any) -> None:
    assert read_cost(value) is None
    assert read_cost("0.00123") == Decimal("0.00123")
