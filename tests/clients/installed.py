"""Where the clients are installed: Python's in .venv-clients, Node's beside this file."""

from __future__ import annotations

from pathlib import Path

from tests.upstream.aimock import install, node

__all__ = ["NODE_FOLDER", "PYTHON", "install", "node"]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients/bin/python"
NODE_FOLDER = Path(__file__).parent / "node"
