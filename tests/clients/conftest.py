"""What tests with clients share: gateways that end with the test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.gateway import Gateway


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start gateways: `serve(config)`."""
    with contextlib.ExitStack() as stack:
        yield lambda config="", **env: stack.enter_context(
            Gateway(tmp_path / "gateway", config, **env)
        )
