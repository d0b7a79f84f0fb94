"""Fixtures of the control plane's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.control.plane import Plane


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """Serve a control plane that nobody has set up: who sits at the machine is the operator."""
    with Plane(tmp_path / "dragoman.db") as served:
        yield served


@pytest.fixture
def serve_plane(tmp_path: Path) -> Iterator[Callable[..., Plane]]:
    """Serve control planes as wanted: `serve_plane(listening="0.0.0.0")`."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(Plane(tmp_path / "dragoman.db", **options))
