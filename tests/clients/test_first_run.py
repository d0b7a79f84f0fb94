"""`make run`: what it prints works as it stands, at a terminal and without one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Dragoman, Running
from tests.curl import needs_curl

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/first_run.py"
URL = re.compile(r"API +(http://127\.0\.0\.1:\d+)/v1")
BLOCK = re.compile(r"^  from (?:.|\n)*?print\(.*\)$", re.MULTILINE)


class FirstRun(Dragoman):
    """The script in place of the command."""

    @staticmethod
    def command(arguments: Any) -> list[str]:
        return [sys.executable, str(SCRIPT), *arguments]


@pytest.fixture
def first_run(tmp_path: Path) -> FirstRun:
    run = FirstRun(tmp_path)
    run.env["PATH"] = os.environ["PATH"]
    return run


@pytest.fixture
def usual_port_taken() -> Iterator[None]:
    try:
        sock = socket.create_server(("127.0.0.1", 4400))
    except OSError:  # by somebody else
        yield
        return
    with sock:
        yield


def test_without_a_terminal_it_asks_once_and_stops(first_run: FirstRun) -> None:
    result = first_run()
    assert result.code == 0, result.err
    assert "In the old harbour towns" in result.out
    answer = json.loads(result.out.strip().splitlines()[-1])
    assert answer["choices"][0]["message"]["content"] == "Hello, gateway"
    assert first_run.database.is_file()
    url = URL.search(result.out)
    assert url is not None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url[1])


@pytest.mark.usefixtures("usual_port_taken")
def test_a_variable_asks_for_one_run_and_any_port_will_do(first_run: FirstRun) -> None:
    running = first_run.at_terminal(env={"DRAGOMAN_RUN_ONCE": "1"})
    result = running.result()
    assert result.code == 0, result.err
    assert "Hello, gateway" in result.out.splitlines()[-2]
    assert "Port 4400 is taken" in result.out
    assert ":4400" not in result.out.split("API")[1].replace("--port", "")


@pytest.fixture
def at_terminal(first_run: FirstRun) -> Iterator[Running]:
    """Start it where somebody sits; it ends with the test, whatever becomes of it."""
    running = first_run.at_terminal()
    try:
        running.wait_for("Ctrl-C stops it.")
        yield running
    finally:
        if running.process.poll() is None:
            os.killpg(running.process.pid, signal.SIGKILL)


@needs_curl
def test_what_it_prints_works_as_it_stands_until_ctrl_c(at_terminal: Running) -> None:
    printed = at_terminal.out.decode().replace("\r\n", "\n")
    curl = next(line for line in printed.splitlines() if line.startswith("  curl "))
    said = run("bash", "-c", curl)
    assert json.loads(said)["choices"][0]["message"]["content"] == "Hello, gateway"
    blocks = [textwrap.dedent(block) for block in BLOCK.findall(printed)]
    assert f"in a browser: {console_of(printed)}\n" in printed
    with urllib.request.urlopen(console_of(printed)) as page:
        assert b'<div id="root">' in page.read()
    assert [run(sys.executable, "-c", block) for block in blocks] == ["Hello, gateway\n"] * 2
    os.killpg(at_terminal.process.pid, signal.SIGINT)
    assert at_terminal.result().code == 0


def test_a_gateway_that_cannot_start_is_a_failure(first_run: FirstRun) -> None:
    keys = [{"name": "team", "key": "env:NOT_SET"}]
    result = first_run(env={"DRAGOMAN_GATEWAY__KEYS": json.dumps(keys)})
    assert result.code == 78
    assert "NOT_SET" in result.err
    assert "Ask it" not in result.out


def console_of(printed: str) -> str:
    found = re.search(r"^  Console (\S+)$", printed, re.MULTILINE)
    assert found is not None
    return found[1]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
