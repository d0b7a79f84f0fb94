"""A gateway starts on a configuration that is sound where it guards something, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import LONG_S, Process
from tests.upstream.ports import free_port

KEY = '[[gateway.keys]]\nname = "a"\nkey = "key-aaaa-1111"\n'

BARRING = {
    "no TOML": (f"[gateway]\nrpm = 1\n{KEY}[oops\n", ":6:", "is not valid TOML"),
    "a key that is none": ('[[gateway.keys]]\nname = "a"\nkey = 7\n', ":3:1:", "gateway.keys[0]"),
    "keys that are no list": ('[gateway]\nkeys = "key-aaaa-1111"\n', ":2:1:", "gateway.keys"),
    "a limit": ('[gateway]\nrpm = "many"\n', ":2:1:", "gateway.rpm"),
    "a guardrail": ('[[guardrails]]\nname = "g"\nkind = "magic"\n', ":3:1:", "guardrails[0].kind"),
    "a pattern": (
        '[[guardrails]]\nname = "g"\nkind = "pattern"\npatterns = ["("]\n',
        ":1:",
        "guardrail 'g'",
    ),
    "workers": ('[server]\nworkers = "four"\n', ":2:1:", "server.workers"),
    "a time": ("[server]\ndrain = -1\n", ":2:1:", "server.drain"),
    "a variable": ('[server]\nhost = "${NOT_SET}"\n', ":2:1:", "${NOT_SET}"),
}


def _serve(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dragoman", "serve", *arguments],
        env={"HOME": str(home), "PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


@pytest.mark.parametrize(("text", "line", "what"), BARRING.values(), ids=BARRING)
def test_a_mistake_in_what_guards_it_keeps_a_gateway_from_starting(
    tmp_path: Path, text: str, line: str, what: str
) -> None:
    file = tmp_path / ".config" / "dragoman" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    done = _serve(tmp_path, "--port", str(free_port()))
    assert done.returncode == 78, done
    assert f"Error: {file}{line}" in done.stderr
    assert what in done.stderr
    assert "Fix: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_that_cannot_be_read_keeps_a_gateway_from_starting(
    tmp_path: Path, workers: str
) -> None:
    file = tmp_path / ".config" / "dragoman" / "config.toml"
    file.mkdir(parents=True)
    done = _serve(tmp_path, "--workers", workers)
    assert done.returncode == 78, done
    assert f"Error: {file}: is a folder, not a file" in done.stderr
    assert "Fix: " in done.stderr


def test_a_variable_that_says_a_wrong_thing_of_the_server_keeps_it_from_starting(
    tmp_path: Path,
) -> None:
    done = _serve(tmp_path, DRAGOMAN_SERVER__PORT="many")
    assert done.returncode == 78, done
    assert "Error: variable DRAGOMAN_SERVER__PORT: server.port" in done.stderr


def test_a_mistake_in_one_provider_is_that_providers_alone(tmp_path: Path) -> None:
    """Others are asked all the same: it opens no door."""
    gateway = Process(tmp_path, '[providers.mine]\nbase_url = "http://a/v1"\nretries = "many"\n')
    try:
        assert gateway.chat("demo/echo")[0] == 200
        assert gateway.chat("mine/m")[0] == 500
    finally:
        gateway.kill()
    assert gateway.said("retries must be a whole number")
