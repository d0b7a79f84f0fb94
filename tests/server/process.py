"""The gateway as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.server.serving import ask
from tests.upstream.ports import free_port

PROMPT = [{"role": "user", "content": "hi"}]
LONG_S = 60.0


class Process:
    """`dragoman serve` on a free port, with a home of its own.

    It may be handed a socket that listens already: then it has started when it says so, not when
    somebody answers there.
    """

    def __init__(
        self,
        home: Path,
        config: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        handed: socket.socket | None = None,
    ) -> None:
        self.home = home
        self.file = home / "config.toml"
        if not self.file.exists() or self.file.read_text() != config:
            self.file.write_text(config)
        own = {"HOME": str(home), "PATH": os.environ["PATH"], "TEAM_KEY": "team-secret"}
        given = ["--config", str(self.file), *arguments]
        if handed is None:
            self.port = free_port()
            program = [sys.executable, "-m", "dragoman", "serve"]
            given += ["--port", str(self.port)]
            descriptors = []
        else:
            self.port = handed.getsockname()[1]
            program = [sys.executable, "-m", "tests.server.handed", str(handed.fileno())]
            descriptors = [handed.fileno()]
            told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            told.settimeout(LONG_S)
            told.bind(str(home / f"{time.monotonic_ns()}.sock"))
            own["NOTIFY_SOCKET"] = told.getsockname()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [*program, *given],
            env={**own, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=descriptors,
        )
        self._err: list[str] = []
        self._reading = threading.Thread(target=self._read_err)
        self._reading.start()
        if handed is None:
            self._wait_for_answers()
        else:
            with told:
                assert told.recv(100) == b"READY=1"

    @property
    def reported(self) -> int:
        """How many configurations it has said that it did not take."""
        return self.said("was not reloaded")

    def said(self, words: str) -> int:
        """How often it has said this, in lines of its log."""
        return sum(words in line for line in self._err)

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._err.append(line)

    def _wait_for_answers(self) -> None:
        until = time.monotonic() + LONG_S
        while True:
            try:
                ask(f"{self.url}/healthz", method="GET")
                return
            except urllib.error.URLError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise AssertionError("".join(self._err)) from None
                time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, unless it was stopped before."""
        assert self.process.stdout is not None
        if not self.process.stdout.closed:
            self.process.kill()
            self.stop()

    def chat(self, model: str, **more: Any) -> tuple[int, Any]:
        body = json.dumps({"model": model, "messages": PROMPT, **more}).encode()
        status, _, answer = ask(f"{self.url}/v1/chat/completions", body)
        return status, json.loads(answer)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        out = self.process.stdout.read()
        code = self.process.wait(LONG_S)
        self._reading.join()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        return code, out, "".join(self._err)

    def rows(self, query: str) -> list[Any]:
        path = self.home / ".local/share/dragoman/dragoman.db"
        connection = sqlite3.connect(path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
