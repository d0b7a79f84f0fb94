"""A desk over a new database of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from dragoman.organisations.desk import Desk
from dragoman.store import Place


@pytest.fixture
def desk(place: Place) -> Iterator[Desk]:
    """Open a desk; once over SQLite, once over PostgreSQL."""
    with closing(Desk(place)) as opened:
        yield opened
