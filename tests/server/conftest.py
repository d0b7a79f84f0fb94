"""Fixtures of the gateway's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.server.serving import Served


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start gateways that end with the test: `serve({"a": {"base_url": …}})`."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Served(*args, **options))
