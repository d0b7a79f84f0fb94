"""The command, for what a variable does to it."""

from __future__ import annotations

from tests.cli.conftest import dragoman, up

__all__ = ["dragoman", "up"]
