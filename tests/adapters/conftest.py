"""Drivers, and the configuration of one provider with an adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Config
from dragoman.config import load as load_config
from tests.library.asking import Asker, configure
from tests.upstream.fault import FaultUpstream

KEY = "acme-secret-0815"


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


@pytest.fixture
def asker(kind: str) -> Callable[..., Asker]:
    """Ask a provider `a` at this server, through an adapter: `asker(server, "acme.py:Acme")`."""

    def make(server: FaultUpstream, adapter: str, **table: Any) -> Asker:
        provider = {"base_url": server.url, "adapter": adapter, "api_key": "env:KEY", **table}
        env = {"KEY": KEY}
        return Asker(kind, configure({"a": provider}, env=env), env)

    return make


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Config]:
    """Read the configuration of a user whose home is `tmp_path`."""

    def read(**env: str) -> Config:
        return load_config(env={"HOME": str(tmp_path), **env}, cwd=tmp_path)

    return read
