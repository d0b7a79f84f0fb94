"""What tests with clients share: gateways, and a machine to run clients on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.gateway import Gateway
from tests.clients.installed import Machine
from tests.clients.upstreams import three_languages


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start gateways: `serve(config)`."""
    with contextlib.ExitStack() as stack:
        yield lambda config="", **env: stack.enter_context(
            Gateway(tmp_path / "gateway", config, **env)
        )


@pytest.fixture(scope="session")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve a provider of each of the three languages."""
    with three_languages(tmp_path_factory.mktemp("languages")) as gateway:
        yield gateway


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Run clients where they reach nothing but loopback."""
    with Machine(tmp_path / "machine") as machine:
        yield machine
