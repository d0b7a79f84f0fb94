"""Fixtures that every test may use."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.upstream.fault import FaultUpstream


@pytest.fixture
def upstream() -> Iterator[Callable[..., FaultUpstream]]:
    """Start scripted upstreams that end with the test: `upstream(chat("Hello"))`."""
    with contextlib.ExitStack() as stack:
        yield lambda *script, **options: stack.enter_context(FaultUpstream(*script, **options))
