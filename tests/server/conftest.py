"""Fixtures of the gateway's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.making import Maker
from tests.server.process import Process
from tests.server.serving import Served
from tests.upstream.fault import FaultUpstream


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start gateways that end with the test: `serve({"a": {"base_url": …}})`."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Served(*args, **options))


@pytest.fixture
def maker() -> Maker:
    """What makes responses in the background: see `Maker`."""
    return Maker()


@pytest.fixture
def making(upstream: Any, maker: Maker) -> FaultUpstream:
    """Serve `maker`."""
    served: FaultUpstream = upstream(maker)
    return served


@pytest.fixture
def start_making(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start gateways in one home; they end with the test."""
    started: list[Process] = []

    def start(server: FaultUpstream, limits: str, *arguments: str, **env: str) -> Process:
        text = (
            f'[providers.mine]\nbase_url = "{server.base_url}"\napi = "openai-responses"\n'
            "model_defaults = false\n"
            'models = [{ id = "m", max_tokens = 100, cost = { input = 1, output = 1 } }]\n'
            f'[[gateway.keys]]\nname = "a"\nkey = "k-a"\n{limits}\n'
        )
        started.append(Process(tmp_path, text, *arguments, env=env))
        return started[-1]

    yield start
    for process in started:
        process.kill()
