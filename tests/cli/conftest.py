"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Dragoman


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    """The command, in a home of its own."""
    return Dragoman(tmp_path)
