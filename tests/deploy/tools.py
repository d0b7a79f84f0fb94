"""The tools that deployment files are checked with: in .venv-deploy, or the machine's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = ROOT / ".venv-deploy/bin"
IMAGE = ROOT / ".venv-deploy/image"
"""An environment with what the image has, but for dragoman itself."""
TIMEOUT_S = 120.0


def run(program: str, *arguments: str | Path, text: str | None = None) -> str:
    """Run a tool; it must find nothing wrong. Skips where there is no such tool.

    Returns: what it printed, and what it said beside unless it was given a `text`.
    """
    path = BIN / program
    if not BIN.exists():
        raise RuntimeError("the linters are not installed: make .venv-deploy/stamp")
    if not path.exists():
        found = shutil.which(program)
        if found is None:
            pytest.skip(f"there is no {program} for this machine")
        path = Path(found)
    done = subprocess.run(
        [path, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + (done.stderr if text is None else "")
