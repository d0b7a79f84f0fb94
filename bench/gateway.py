"""The gateway against a plain reverse proxy and its peers, on the same core, in turn.

Needs `wrk`, `nginx` and `haproxy` on the PATH (Debian: `apt install wrk nginx-light haproxy`); a
peer that is not installed is left out, and said to be. The upstream is nginx, with fixed answers.
Everything under test runs on core 0, wrk and the upstream on core 1.
"""

from __future__ import annotations

import base64
import contextlib
import getpass
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.upstream import completion, frames
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, put_allowance
from dragoman.organisations.desk import Desk
from dragoman.organisations.keys import KeyDraft, create_key
from dragoman.organisations.safe import Safe
from dragoman.store.database import database_place
from dragoman.types.exchange import DEFAULT_ORGANISATION

ROUNDS = 5
SECONDS = 3
CONNECTIONS = 32
KEY = "bench-key"
MASTER_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
MANY = Decimal(10**6)
"""A limit that is never reached."""
ISSUED: dict[int, str] = {}
"""The keys that organisations handed out, by the upstream that they lead to."""
PACKAGES = Path(sys.prefix)
PORTKEY = "node_modules/@portkey-ai/gateway/build/start-server.js"
TICKS = os.sysconf("SC_CLK_TCK")
PROMPT = {
    "model": "bench",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Write one sentence about foxes and dogs, and nothing more."},
    ],
    "temperature": 0.7,
    "max_tokens": 100,
}


class Load(NamedTuple):
    """What is asked: a body, and through which path of the upstream it is answered."""

    name: str
    stream: bool
    padding: int = 0


LOADS = (
    Load("request", False),
    Load("200-chunk stream", True),
    Load("300 KB prompt", False, 300_000),
)


class Figures(NamedTuple):
    """What one run of wrk gave."""

    per_second: float
    cpu_ms: float
    p50_ms: float


class Subject(NamedTuple):
    """What is measured: how it is started, at which port it answers, with which path."""

    name: str
    command: Callable[[Path, int, int], list[str]]
    path: str = "/v1/chat/completions"
    model: str = "bench"
    env: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    needs: str = ""
    streams: bool = True


def _haproxy(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "haproxy.cfg").write_text(
        "global\n nbthread 1\n maxconn 8000\n"
        "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
        " http-reuse always\n option http-no-delay\n"
        f"frontend f\n bind 127.0.0.1:{port}\n default_backend u\n"
        f"backend u\n server u 127.0.0.1:{upstream}\n"
    )
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def _dragoman(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "dragoman.toml").write_text(
        f'[providers.bench]\nbase_url = "http://127.0.0.1:{upstream}/v1"\napi_key = "env:UP_KEY"\n'
        "[providers.bench.models.bench]\ncost = { input = 1, output = 2 }\n"
        '[aliases]\nbench = "bench/bench"\n'
        '[[gateway.keys]]\nname = "bench"\nkey = "env:GATEWAY_KEY"\n'
    )
    program = [sys.executable, "-m", "dragoman", "serve", "--quiet", "--port", str(port)]
    return [*program, "--config", str(folder / "dragoman.toml")]


def _bare(folder: Path, port: int, upstream: int) -> list[str]:
    command = _dragoman(folder, port, upstream)
    path = folder / "dragoman.toml"
    text = path.read_text().partition("[[gateway.keys]]")[0]
    path.write_text(f"{text}[server]\nlog = false\n")
    return command


def _everything(folder: Path, port: int, upstream: int) -> list[str]:
    """Let an organisation have a key with a limit and a budget, before the start."""
    command = _bare(folder, port, upstream)
    path = folder / "dragoman.toml"
    path.write_text(path.read_text().replace("log = false", "log = true"))
    place = database_place({"HOME": str(folder)})
    desk = Desk(place)
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": MASTER_KEY})
    made = create_key(desk, safe, SYSTEM, DEFAULT_ORGANISATION, KeyDraft(name="bench"))
    ISSUED[upstream] = made.text.reveal()
    rate = Draft(kind="key", subject="*", measure="requests", period="minute", amount=MANY)
    budget = Draft(kind="organisation", measure="spend", period="month", amount=MANY)
    for name, draft in (("rate", rate), ("budget", budget)):
        put_allowance(desk, SYSTEM, DEFAULT_ORGANISATION, name, draft)
    desk.close()
    return command


def _litellm(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "litellm.yaml").write_text(
        "model_list:\n  - model_name: bench\n    litellm_params:\n"
        f"      model: openai/gpt-4o-mini\n      api_base: http://127.0.0.1:{upstream}/v1\n"
        "      api_key: up\n"
    )
    program = str(Path(sys.executable).with_name("litellm"))
    options = ["--config", str(folder / "litellm.yaml"), "--run_granian", "--num_workers", "1"]
    return [program, *options, "--port", str(port)]


def _portkey(folder: Path, port: int, upstream: int) -> list[str]:
    del folder, upstream  # each request says where it goes
    return ["node", str(PACKAGES / PORTKEY), f"--port={port}", "--headless"]


SUBJECTS = (
    Subject("haproxy", _haproxy, needs="haproxy"),
    Subject(
        "dragoman",
        _dragoman,
        env={"UP_KEY": "up", "GATEWAY_KEY": KEY},
        headers={"authorization": f"Bearer {KEY}"},
    ),
    Subject("dragoman, bare", _bare, env={"UP_KEY": "up"}),
    Subject(
        "dragoman, everything on",
        _everything,
        headers={"authorization": "Bearer {issued}"},
        env={"UP_KEY": "up", "DRAGOMAN_SECRET_KEY": MASTER_KEY},
    ),
    Subject(
        "LiteLLM proxy",
        _litellm,
        env={
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_RUST": "1",
            "LITELLM_MASTER_KEY": "sk-bench",
        },
        headers={"authorization": "Bearer sk-bench"},
        needs="litellm",
    ),
    Subject(
        "Portkey",
        _portkey,
        env={"NODE_ENV": "production"},
        headers={"authorization": "Bearer up", "x-portkey-provider": "openai"},
        needs=PORTKEY,
        streams=False,  # its package answers streams with 500 on current Node
    ),
)


def gateway(only: Sequence[str] = ()) -> str:
    """CPU and rate of one core: everything in turn, medians of rounds, ratios to the first.

    `only`: the subjects that are named.
    """
    lacking = [name for name in ("wrk", "nginx", "taskset") if shutil.which(name) is None]
    if lacking:
        return f"not measured: {', '.join(lacking)} is not installed"
    wanted = [s for s in SUBJECTS if not only or s.name in only]
    subjects = [s for s in wanted if not s.needs or _installed(s.needs)]
    seen: dict[tuple[str, str], list[Figures]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        whole, streamed = stack.enter_context(_nginx(folder))
        running = [
            (
                subject,
                stream,
                upstream,
                stack.enter_context(_started(subject, folder, upstream, stream)),
            )
            for subject in subjects
            for stream, upstream in ((False, whole), (True, streamed))
            if subject.streams or not stream
        ]
        memory = {s.name: _memory_mb(pid) for s, stream, _, (pid, _) in running if not stream}
        for number in range(ROUNDS):
            for load in LOADS:
                for subject, stream, upstream, (pid, port) in running:
                    if stream == load.stream:
                        figures = _measure(subject, load, pid, port, upstream, folder)
                        if number:  # the first round warms everything up
                            seen.setdefault((load.name, subject.name), []).append(figures)
        loaded = {s.name: _memory_mb(pid) for s, stream, _, (pid, _) in running if not stream}
    rows = []
    for load in LOADS:
        limit = _median(seen[load.name, subjects[0].name], "cpu_ms")
        for subject in subjects:
            if (load.name, subject.name) not in seen:
                continue
            found = seen[load.name, subject.name]
            if _median(found, "per_second") * SECONDS < CONNECTIONS:
                rows.append(f"| {load.name} | {subject.name} | hardly any | – | – | – | – |")
                continue
            cpu = _median(found, "cpu_ms")
            rows.append(
                f"| {load.name} | {subject.name} | {_median(found, 'per_second'):.0f} | {cpu:.3f} "
                f"| {min(figures.cpu_ms for figures in found):.3f} "
                f"| {cpu / limit:.1f} × | {_median(found, 'p50_ms'):.2f} |"
            )
    head = (
        f"| load | subject | a second | CPU ms each | least | to {subjects[0].name} | p50 ms |\n"
        + "|---" * 7
        + "|"
    )
    sizes = "\n".join(f"| {name} | {memory[name]:.0f} | {loaded[name]:.0f} |" for name in memory)
    return (
        f"{head}\n"
        + "\n".join(rows)
        + "\n\n| memory, MB | idle | loaded |\n|---|---|---|\n"
        + sizes
    )


def _median(found: Sequence[Figures], name: str) -> float:
    return float(statistics.median(getattr(figures, name) for figures in found))


def _installed(name: str) -> bool:
    here = any((PACKAGES / folder / name).exists() for folder in ("bin", ""))
    found = shutil.which(name) or here
    if not found:
        print(f"{name} is not installed: left out")
    return bool(found)


@contextlib.contextmanager
def _nginx(folder: Path) -> Iterator[tuple[int, int]]:
    """Serve the whole answer at one port and the stream at another."""
    whole, streamed = _free_port(), _free_port()
    body = completion().split(b"\r\n\r\n", 1)[1].decode()
    path = folder / "www/v1/chat"
    path.mkdir(parents=True)
    (path / "completions").write_bytes(b"".join(frames()))
    (folder / "nginx.conf").write_text(
        f"""user {getpass.getuser()}; worker_processes 1; daemon off;
        pid {folder}/nginx.pid; error_log /dev/null;
        events {{ worker_connections 4096; }}
        http {{ access_log off; keepalive_requests 100000000; client_body_buffer_size 1m;
        client_max_body_size 64m; client_body_temp_path {folder}/body;
        server {{ listen 127.0.0.1:{whole} backlog=4096; default_type application/json;
          location / {{ return 200 '{body}'; }} }}
        server {{ listen 127.0.0.1:{streamed} backlog=4096; root {folder}/www;
          location / {{
            error_page 405 =200 $uri; types {{}} default_type text/event-stream; }} }} }}
        """
    )
    process = subprocess.Popen(["taskset", "-c", "1", "nginx", "-c", str(folder / "nginx.conf")])
    try:
        _wait_for(whole)
        yield whole, streamed
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _started(
    subject: Subject, folder: Path, upstream: int, stream: bool
) -> Iterator[tuple[int, int]]:
    """Start what is measured on core 0; give its process and its port."""
    port = _free_port()
    own = folder / f"{subject.name.split()[0]}-{port}"
    own.mkdir()
    command = subject.command(own, port, upstream)
    env = {**os.environ, "HOME": str(own), **subject.env}
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port)
        _wait_for_answer(subject, port, upstream, stream)
        yield process.pid, port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _measure(
    subject: Subject, load: Load, pid: int, port: int, upstream: int, folder: Path
) -> Figures:
    """Run wrk once."""
    body = {**PROMPT, "model": subject.model, **({"stream": True} if load.stream else {})}
    if load.padding:
        body["messages"] = [{"role": "user", "content": "word " * (load.padding // 5)}]
    headers = _headers(subject, upstream)
    lines = [f"wrk.headers[{json.dumps(n)}] = {json.dumps(v)}" for n, v in headers.items()]
    (folder / "body.json").write_text(json.dumps(body, separators=(",", ":")))
    script = folder / "load.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        + "\n".join(lines)
        + f'\nwrk.body = io.open("{folder}/body.json", "rb"):read("*a")\n'
    )
    before = _cpu_s(pid)
    done = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency",
         "-s", str(script), f"http://127.0.0.1:{port}{subject.path}"],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    used = _cpu_s(pid) - before
    if wrong := re.search(r"Non-2xx.*", done.stdout):
        raise SystemExit(f"{subject.name}, {load.name}: {wrong[0]}")
    found = re.search(r"(\d+) requests in", done.stdout)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)\b", done.stdout)
    assert found is not None
    assert middle is not None
    requests = int(found[1])
    p50 = float(middle[1]) * {"us": 0.001, "ms": 1, "s": 1000}[middle[2]]
    return Figures(requests / SECONDS, used * 1000 / max(requests, 1), p50)


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in _tree(int(child)))]


def _cpu_s(pid: int) -> float:
    total = 0
    for one in _tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _memory_mb(pid: int) -> float:
    total = 0
    for one in _tree(pid):
        lines = Path(f"/proc/{one}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return total / 1024


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise SystemExit(f"nothing answers at port {port}") from None
            time.sleep(0.05)


def _headers(subject: Subject, upstream: int) -> dict[str, str]:
    """What a request says besides its body."""
    headers = {"content-type": "application/json", **subject.headers}
    if "{issued}" in headers.get("authorization", ""):
        headers["authorization"] = f"Bearer {ISSUED[upstream]}"
    if "x-portkey-provider" in headers:
        headers["x-portkey-custom-host"] = f"http://127.0.0.1:{upstream}/v1"
    return headers


def _wait_for_answer(subject: Subject, port: int, upstream: int, stream: bool) -> None:
    body = json.dumps({**PROMPT, "model": subject.model, "stream": stream}).encode()
    headers = _headers(subject, upstream)
    url = f"http://127.0.0.1:{port}{subject.path}"
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, body, headers), timeout=30
            ) as a:
                a.read()
                return
        except urllib.error.URLError as error:
            if time.monotonic() > until:
                raise SystemExit(f"{subject.name} does not answer: {error}") from None
            time.sleep(0.2)


def main() -> None:
    """Measure, print, and keep with `--save`; only the subjects that are named, if any are."""
    from bench.__main__ import machine
    from bench.steady import steady

    only = [name for name in sys.argv[1:] if name != "--save"]
    if only:
        print(gateway(only))
        return
    text = f"# The gateway\n\n{machine()}\n"
    for part in (gateway, steady):
        text += f"\n## {part.__name__}\n\n{part.__doc__}\n\n{part()}\n"
    print(text)
    if "--save" in sys.argv[1:]:
        (Path(__file__).parent / "results" / "gateway.md").write_text(text)


if __name__ == "__main__":
    main()
