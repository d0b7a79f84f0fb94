"""Run the measurements and print tables; `--save` keeps them in `bench/results/`.

python -m bench                  everything
python -m bench calls startup    some: calls, startup, parse, languages, memory
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
PEERS = {
    "dragoman": "dragoman",
    "httpx2": "httpx2",
    "openai": "openai",
    "anyllm": "any-llm-sdk",
    "litellm": "litellm",
}
COUNTS = {"sync": 300, "async": 300, "stream": 40}
ROUNDS = 3

IMPORTS = {
    "dragoman": "import dragoman",
    "httpx2": "import httpx2",
    "openai": "import openai",
    "anyllm": "import any_llm",
    "litellm": "import litellm",
}


@contextmanager
def upstream() -> Iterator[str]:
    """Start the upstream in a process of its own; gives its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.upstream"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.communicate()


def run_json(*arguments: str) -> dict[str, float]:
    """Run a module of ours in a fresh process; give the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def installed() -> list[str]:
    """The peers that are installed here."""
    names = []
    for name, package in PEERS.items():
        try:
            version(package)
        except PackageNotFoundError:
            print(f"{package} is not installed: left out")
        else:
            names.append(name)
    return names


def calls() -> str:
    """CPU of one call: all libraries in turn, several rounds, medians."""
    names = installed()
    rows: dict[str, list[str]] = {name: [] for name in names}
    medians: dict[tuple[str, str], float] = {}
    with upstream() as base_url:
        for kind, count in COUNTS.items():
            seen: dict[str, list[float]] = {name: [] for name in names}
            for _ in range(ROUNDS):
                for name in names:
                    result = run_json("bench.clients", name, kind, str(count), base_url)
                    seen[name].append(result["cpu_ms"])
            for name in names:
                medians[name, kind] = statistics.median(seen[name])
    for name in names:
        for kind in COUNTS:
            own, median = medians["dragoman", kind], medians[name, kind]
            rows[name].append(f"{median:.3f} ({median / own:.1f} ×)")
    header = ["CPU ms per", "call, sync", "call, async", "200-chunk stream, sync"]
    return table(header, [[name, *cells] for name, cells in rows.items()])


def startup() -> str:
    """Seconds from nothing: imports, and the command line's help."""
    commands = {
        f"import {name}": [sys.executable, "-c", statement]
        for name, statement in IMPORTS.items()
        if name in installed()
    }
    commands["python -c pass"] = [sys.executable, "-c", "pass"]
    script = str(Path(sys.executable).parent / "dragoman")
    for arguments in (["--help"], ["--version"], ["providers", "list"]):
        commands[f"dragoman {' '.join(arguments)}"] = [script, *arguments]
    seen: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS * 2 + 1):
        for name, command in commands.items():
            before = os.times()
            subprocess.run(command, capture_output=True, check=False)
            seen[name].append((os.times().elapsed - before.elapsed) * 1000)
    bare = statistics.median(seen["python -c pass"][1:])
    rows = [
        [name, f"{statistics.median(times[1:]):.0f}", f"{statistics.median(times[1:]) - bare:.0f}"]
        for name, times in seen.items()
    ]
    return table(["", "wall ms", "above bare Python"], rows)


def parse() -> str:
    """CPU of reading 10 000 stream chunks, no network."""
    result = run_json("bench.parse")
    return table(["", "CPU ms"], [[name, f"{value:.1f}"] for name, value in result.items()])


def languages() -> str:
    """CPU ms of a streamed answer of 200 chunks, from the upstream's language to the client's."""
    result = run_json("bench.languages")
    request = result.pop("request")
    names = sorted({name.split(">")[0] for name in result})
    rows = [[up, *(f"{result[f'{up}>{client}']:.2f}" for client in names)] for up in names]
    text = table(["upstream ↓ client →", *names], rows)
    return f"{text}\n\nOne MiB of request, opened and sealed anew: {request:.2f} ms"


def memory() -> str:
    """Memory over 100 000 calls."""
    with upstream() as base_url:
        result = run_json("bench.memory", base_url)
    return table(["after calls", "MB"], [[name, f"{value:.1f}"] for name, value in result.items()])


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """What this ran on, and against what."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].split(":")[1].strip() if names else model
    peers = ", ".join(f"{PEERS[name]} {version(PEERS[name])}" for name in installed())
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}; {peers}"


PARTS = {
    "startup": startup,
    "calls": calls,
    "parse": parse,
    "languages": languages,
    "memory": memory,
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--save", action="store_true", help="keep the tables in bench/results/")
    arguments = parser.parse_args()
    text = f"# Library and command line\n\n{machine()}\n"
    for name in arguments.parts or PARTS:
        part = PARTS[name]
        result = f"\n## {name}\n\n{part.__doc__}\n\n{part()}\n"
        print(result, flush=True)
        text += result
    if arguments.save:
        (HERE / "results" / "library.md").write_text(text)


if __name__ == "__main__":
    main()
