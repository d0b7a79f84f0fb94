"""What is published carries the web console: installing it needs no Node and no download."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.deploy.tools import BIN, IMAGE, ROOT, TIMEOUT_S

BUILD = ROOT / "src/dragoman/console/build"


@pytest.fixture(scope="module")
def built() -> set[str]:
    """The files of the console, as `make console` made them."""
    found = {path.relative_to(BUILD).as_posix() for path in BUILD.rglob("*") if path.is_file()}
    if "index.html" not in found:
        raise RuntimeError("the console is not built: make console")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and the sdist into a folder, as `make dist` does."""
    if not BIN.exists():
        raise RuntimeError("what builds packages is not installed: make .venv-deploy/stamp")
    into = tmp_path_factory.mktemp("dist")
    command = [IMAGE / "bin/python", "-m", "hatchling", "build", "-d", into]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return into


def _under(names: list[str], folder: str) -> set[str]:
    return {name.partition(folder)[2] for name in names if folder in name and name[-1] != "/"}


def test_the_wheel_has_the_console_and_nothing_that_it_was_made_of(
    folder: Path, built: set[str]
) -> None:
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert _under(names, "dragoman/console/build/") == built
    assert [
        name for name in names if name.endswith((".ts", ".tsx")) or "node_modules" in name
    ] == []


def test_the_sdist_has_the_console_too(folder: Path, built: set[str]) -> None:
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = [one.name for one in packed if one.isfile()]
    assert _under(names, "src/dragoman/console/build/") == built
    assert [name for name in names if "node_modules" in name] == []


def test_the_image_builds_the_console_from_what_it_is_given() -> None:
    """No build of a developer's gets in, and all that the recipe copies is given."""
    given = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    recipe = (ROOT / "deploy/Dockerfile").read_text()
    assert "src/dragoman/console/build" in given
    assert "!console" in given
    assert "COPY --from=console /src/src/dragoman/console/build " in recipe
    assert "npm ci" in recipe
