"""The clients that are installed: Python's in .venv-clients, Node's beside this file.

They see a home of their own, and nobody but this machine: what would go elsewhere goes to a proxy
that the tests look at.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.upstream.aimock import install, node
from tests.upstream.fault import FaultUpstream, error

__all__ = ["NODE_FOLDER", "PYTHON", "Machine", "install", "node"]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients/bin/python"
PROGRAMS = ROOT / ".venv-clients/programs/bin"
SCRIPTS = Path(__file__).parent / "python"
NODE_FOLDER = Path(__file__).parent / "node"
TIMEOUT_S = 120.0


class Machine:
    """Where clients run, as a context: `home`, a folder to `work` in, and nobody else to reach.

    `does_without` names what they may ask of the proxy, in vain.
    """

    def __init__(self, home: Path) -> None:
        if not PROGRAMS.exists():
            raise RuntimeError("the clients are not installed: make .venv-clients/stamp")
        install(NODE_FOLDER)
        self.home = home
        self.work = home / "work"
        self.work.mkdir(parents=True)
        self.does_without: set[str] = set()
        self._outside = FaultUpstream(lambda _: error(502))

    def __enter__(self) -> Machine:
        self._outside.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._outside.__exit__(*what)
        asked = {f"{request.method} {request.target}" for request in self._outside.requests}
        assert asked <= self.does_without, f"they wanted to go out: {asked}"

    @property
    def env(self) -> dict[str, str]:
        """What programs here see of variables."""
        ways = (PROGRAMS, NODE_FOLDER / "node_modules/.bin", node().parent)
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")
        return {
            "PATH": ":".join(map(str, (*ways, os.environ["PATH"]))),
            "HOME": str(self.home),
            "TERM": "dumb",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **dict.fromkeys(proxies, self._outside.url),
        }

    def run(self, command: Sequence[str | Path], **env: str) -> str:
        """Run a program to its good end. Returns: what it printed."""
        with subprocess.Popen(
            command,
            cwd=self.work,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        assert process.returncode == 0, f"{process.returncode}\n{out}\n{err}"
        return out

    def ask_in_python(self, script: str, *arguments: str, given: Mapping[str, Any]) -> Any:
        """Let a script of python/ ask. Returns: what was said, by model."""
        command = [PYTHON, SCRIPTS / f"{script}.py", json.dumps(given), *arguments]
        return json.loads(self.run(command).splitlines()[-1])

    def ask_in_node(self, *arguments: str, given: Mapping[str, Any]) -> Any:
        """Let node/ask.mjs ask. Returns: what was said, by model."""
        command = [node(), NODE_FOLDER / "ask.mjs", json.dumps(given), *arguments]
        return json.loads(self.run(command))
