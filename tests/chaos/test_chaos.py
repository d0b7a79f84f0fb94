"""Every harness, reduced. At full size: `python -m tests.chaos NAME --full`."""

from __future__ import annotations

import pytest

from tests.chaos.harnesses import HARNESSES
from tests.chaos.limits import Lacking


@pytest.mark.parametrize("name", HARNESSES)
def test_harness_holds(name: str) -> None:
    try:
        figures = HARNESSES[name](full=False)
    except Lacking as lacking:
        pytest.skip(str(lacking))
    assert all(value >= 0 for value in figures.values())
