"""Run the measurements and print tables; `--save` keeps them in `bench/results/`.

python -m bench                  everything
python -m bench calls startup    some: calls, startup, catalog, adapters, parse, languages,
                                 hot_path, memory
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


def catalog() -> str:
    """What providers and models add to start-up: ms, with one of one's own and with many."""
    result: dict[str, dict[str, float]] = run_json("bench.catalog")  # type: ignore[assignment]
    rows = [
        [name, f"{r['one']:.1f}", f"{r['many']:.1f}", f"{r['added']:.1f}", f"{r['limit']:.0f}"]
        for name, r in result.items()
    ]
    return table(["60 providers, 2 500 models", "one", "many", "added", "limit"], rows)


def adapters() -> str:
    """CPU µs of a call without a network, and what an adapter adds to it."""
    result = run_json("bench.adapters")
    rows = [[name, f"{us:.0f}", f"{us - result['plain']:+.0f}"] for name, us in result.items()]
    return table(["", "CPU µs", "added"], rows)


def startup() -> str:
    """From nothing to the answer, or to the request: wall ms (median, least), CPU ms."""
    result: dict[str, dict[str, float]] = run_json("bench.startup")  # type: ignore[assignment]
    rows = [
        [name, f"{r['wall']:.0f}", f"{r['least']:.0f}", f"{r['cpu']:.0f}", f"{r['limit'] or '-'}"]
        for name, r in result.items()
    ]
    return table(["", "wall ms", "least", "CPU ms", "not more than"], [*rows, *imports()])


def imports() -> list[list[str]]:
    """What importing a library costs, in rows of the same table."""
    rows = []
    for name in installed():
        times = []
        for _ in range(ROUNDS * 2 + 1):
            before = os.times()
            subprocess.run([sys.executable, "-c", IMPORTS[name]], check=False)
            after = os.times()
            used = after.children_user + after.children_system
            used -= before.children_user + before.children_system
            times.append(((after.elapsed - before.elapsed) * 1000, used * 1000))
        wall = [one for one, _ in times[1:]]
        cpu = statistics.median(one for _, one in times[1:])
        rows.append(
            [
                f"import {name}",
                f"{statistics.median(wall):.0f}",
                f"{min(wall):.0f}",
                f"{cpu:.0f}",
                "-",
            ]
        )
    return rows


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


def hot_path() -> str:
    """CPU of a request inside the gateway, without sockets, and what its parts add."""
    result = run_json("bench.hot_path")
    bare = result["bare"]
    rows = [
        [name, f"{us:.0f}", f"{us - bare:+.0f}", f"{us / bare:.2f} ×"]
        for name, us in result.items()
    ]
    return table(["", "CPU µs", "added", "to bare"], rows)


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
    "catalog": catalog,
    "adapters": adapters,
    "calls": calls,
    "parse": parse,
    "languages": languages,
    "hot_path": hot_path,
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
