"""Fixtures of the transports' tests."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from tests.transport.either import SIDES, Either


@pytest.fixture(params=sorted(SIDES))
def open_transport(request: pytest.FixtureRequest) -> Iterator[Callable[..., Either]]:
    """Open transports of one kind or the other; they end with the test, and nothing may be left."""
    opened: list[Either] = []

    def open_one(**options: object) -> Either:
        opened.append(SIDES[request.param](**options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
    gc.collect()  # what is left unclosed says so now: warnings are errors


@pytest.fixture
def transport(open_transport: Callable[..., Either]) -> Either:
    """A transport as it comes."""
    return open_transport()
