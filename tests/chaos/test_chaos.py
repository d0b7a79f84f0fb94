"""Every harness, reduced. At full size: `python -m tests.chaos NAME --full`."""

from __future__ import annotations

import pytest

from tests.chaos.harnesses import HARNESSES


@pytest.mark.parametrize("name", HARNESSES)
def test_harness_holds(name: str) -> None:
    assert all(value >= 0 for value in HARNESSES[name](full=False).values())
