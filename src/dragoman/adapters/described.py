"""Adapters that are described instead of programmed: a file in TOML or JSON, no code."""

from __future__ import annotations

from pathlib import Path

from dragoman.adapters.adapter import Adapter
from dragoman.errors import ConfigError


def describe_file(path: Path) -> type[Adapter]:
    """Make an adapter of a description. Raises: ConfigError."""
    raise ConfigError(f"{path}: descriptions cannot be read yet")
