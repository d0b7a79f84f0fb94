"""A team's day, reduced. At full size: `python -m tests.chaos day --full`."""

from __future__ import annotations

import pytest

from tests.team.day import day
from tests.upstream.postgres import find_binaries
from tests.upstream.redis import find_server


@pytest.mark.skipif(
    find_binaries() is None or find_server() is None,
    reason="there is no PostgreSQL or no Redis here (Debian's: postgresql, redis-server)",
)
def test_a_teams_books_balance_after_a_day_on_which_everything_broke() -> None:
    figures = day(full=False)
    assert figures["recorded"] > 0
    assert figures["nanousd"] > 0
