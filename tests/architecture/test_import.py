"""Importing the package is cheap: what is heavy loads when it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "asyncio",
    "click",
    "dragoman.cli",
    "dragoman.client",
    "dragoman.config",
    "dragoman.engine",
    "dragoman.transport",
    "email",
    "http",
    "httptools",
    "rich",
    "socket",
    "ssl",
    "tomlkit",
    "yaml",
)


def load(statement: str) -> set[str]:
    """Run a statement in a new interpreter; return the modules that it loaded."""
    script = f"import sys; {statement}; import json; print(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(run.stdout)
    return set(loaded)


@pytest.mark.parametrize("module", ["dragoman", "dragoman.types", "dragoman.errors"])
def test_importing_the_vocabulary_loads_nothing_heavy(module: str) -> None:
    assert load(f"import {module}").intersection(HEAVY) == set()


def test_every_public_name_can_be_had() -> None:
    load("import dragoman; [getattr(dragoman, name) for name in dragoman.__all__]")


def test_the_client_loads_no_framework_and_no_command_line() -> None:
    loaded = load("from dragoman import Client")
    assert loaded.intersection({"click", "rich", "yaml", "tomlkit", "dragoman.cli"}) == set()
