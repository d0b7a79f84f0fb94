"""What the image's recipe does, without a container: installed, started, asked, stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.deploy.test_files import _instructions
from tests.deploy.tools import BIN, IMAGE, ROOT, TIMEOUT_S
from tests.upstream.ports import free_port

UV = ROOT / ".venv-clients/bin/uv"
LONG_S = 120.0


@pytest.fixture(scope="module")
def program() -> Path:
    """Install dragoman as the image has it, not in a way that follows the sources."""
    if not BIN.exists():
        raise RuntimeError("the image's parts are not installed: make .venv-deploy/stamp")
    python = IMAGE / "bin/python"
    how = ("--no-deps", "--no-build-isolation", "--offline", "--reinstall", "--quiet")
    command = [UV, "pip", "install", *how, "--python", python, f"{ROOT}[server]"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return IMAGE / "bin/dragoman"


def _variables(folder: Path) -> Iterator[tuple[str, str]]:
    """Read the image's variables; what is kept stands in a folder."""
    for line in _instructions()["ENV"]:
        for name, value in re.findall(r"(\S+?)=(\S+)", line):
            if name != "PATH":
                yield (
                    name,
                    value.replace("/var/lib", str(folder / "lib")).replace(
                        "/etc", str(folder / "etc")
                    ),
                )


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    for name, text in (("secret-key", "A" * 43 + "="), ("admin-password", "correct horse staple")):
        (tmp_path / name).write_text(text)
    (tmp_path / "etc/dragoman").mkdir(parents=True)
    (tmp_path / "lib/dragoman").mkdir(parents=True)
    return {
        "PATH": os.environ["PATH"],
        **dict(_variables(tmp_path)),
        "DRAGOMAN_SERVER__PORT": str(free_port()),
        "DRAGOMAN_SECRET_KEY_FILE": str(tmp_path / "secret-key"),
        "DRAGOMAN_ADMIN_PASSWORD_FILE": str(tmp_path / "admin-password"),
    }


def _check(program: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [program, "serve", "--check"]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=LONG_S, check=False
    )


def test_the_image_serves_says_that_it_is_healthy_and_stops(
    program: Path, env: Mapping[str, str], tmp_path: Path
) -> None:
    before = _check(program, env)
    assert (before.returncode, before.stdout) == (1, "")
    assert "no gateway answers at http://127.0.0.1:" in before.stderr
    command = [program, "serve", "--workers", "2"]
    gateway = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        until = time.monotonic() + LONG_S
        while (healthy := _check(program, env)).returncode:
            assert time.monotonic() < until, healthy.stderr
            assert gateway.poll() is None, gateway.communicate()
        assert '"status":"ok"' in healthy.stdout
        gateway.send_signal(signal.SIGTERM)
        _, said = gateway.communicate(timeout=LONG_S)
        assert (gateway.returncode, said) == (0, b"")
    finally:
        gateway.kill()
        gateway.wait()
    # All that was written stands in the volume, and what is a cache says so.
    written = {path.relative_to(tmp_path).parts[:2] for path in (tmp_path / "lib").rglob("*")}
    assert written <= {("lib", "dragoman")}
    assert not list((tmp_path / "etc/dragoman").iterdir())


def test_a_server_with_sqlite_needs_nothing_of_postgresqls(program: Path) -> None:
    command = [program.with_name("python"), "-c", "import psycopg, sqlalchemy, alembic, redis"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No module named 'psycopg'" in done.stderr
