"""How long a command takes to begin: `python -m bench.startup` prints JSON, in milliseconds.

Each in a home of its own, with nothing on the network but one server here. Wall time counts what
else the machine does; CPU time, of the process and its threads, hardly does.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROUNDS = 15
SCRIPT = str(Path(sys.executable).parent / "dragoman")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "dragoman --help": ("--help",),
    "dragoman --version": ("--version",),
    "dragoman providers list": ("providers", "list"),
    "dragoman models list, from the cache": ("models", "list"),
    "dragoman setup, nothing listening": ("setup",),
    "a press of Tab": ("__complete", "fish", "-m", "up/"),
}
LIMITS = {
    "dragoman --help": 120,
    "dragoman models list, from the cache": 200,
    "dragoman setup, nothing listening": 2000,
    "a prompt, until its request leaves": 150,
}
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'

HEAD = (
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
    f"content-length: {len(ANSWER)}\r\n\r\n"
).encode()


class Upstream:
    """Answers anything; notes when a request came, and what the asking process had used by then."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.asking: subprocess.Popen[bytes] | None = None
        self.came: tuple[float, float] = (0.0, 0.0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(65536)
                self.came = (time.perf_counter(), self._cpu_ms())
                connection.sendall(HEAD + ANSWER)

    def _cpu_ms(self) -> float:
        """CPU time of the asking process so far, all threads; 0 where that cannot be read."""
        process = self.asking
        if process is None or not Path(f"/proc/{process.pid}/schedstat").exists():
            return 0.0
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def run(arguments: Sequence[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Run a program to its end. Returns: wall and CPU, ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        list(arguments), env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


def first_request(upstream: Upstream, env: Mapping[str, str]) -> tuple[float, float]:
    """Ask something. Returns: wall and CPU until the request has come, ms."""
    began = time.perf_counter()
    with subprocess.Popen(
        [SCRIPT, "--no-stream", "Hello"],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        upstream.asking = process
        process.communicate()
    return (upstream.came[0] - began) * 1000, upstream.came[1]


def measure(home: Path) -> dict[str, dict[str, float]]:
    """Run everything in turn, several rounds. Returns: median and least wall, median CPU, limit."""
    upstream = Upstream()
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    file = home / ".config/dragoman/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'default_model = "up/m"\n[providers.up]\nbase_url = "{upstream.url}"\n')
    commands = {"python -c pass": [sys.executable, "-c", "pass"]}
    commands |= {name: [SCRIPT, *arguments] for name, arguments in COMMANDS.items()}
    asked = "a prompt, until its request leaves"
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in (*commands, asked)}
    for number in range(ROUNDS + 1):
        for name, command in commands.items():
            seen[name].append(run(command, env))
        seen[asked].append(first_request(upstream, env))
        if number == 0:
            seen = {name: [] for name in seen}  # the first writes the interpreter's own caches
    return {
        name: {
            "wall": statistics.median(wall for wall, _ in times),
            "least": min(wall for wall, _ in times),
            "cpu": statistics.median(cpu for _, cpu in times),
            "limit": LIMITS.get(name, 0),
        }
        for name, times in seen.items()
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder))))
