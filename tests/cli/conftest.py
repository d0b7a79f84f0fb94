"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.greeter import greet
from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    """The command, in a home of its own."""
    return Dragoman(tmp_path)


@pytest.fixture
def up(upstream: Callable[..., FaultUpstream], dragoman: Dragoman) -> FaultUpstream:
    """A server called `up` that answers everything with a greeting: the only provider."""
    server = upstream(greet)
    dragoman.configure(
        f'[[providers]]\nname = "up"\nbase_url = "{server.base_url}"\ndefault_model = "m1"\n'
        "[[providers.models]]\n"
        'id = "m1"\ncost = { input = 10, output = 100 }\ninput = ["text", "image"]\n'
    )
    return server
