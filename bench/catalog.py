"""What 60 providers and 2 500 models add to start-up: `python -m bench.catalog` prints JSON, in ms.

Each figure is the least of several rounds, in processes of their own, of what is done beyond doing
the same with one provider and one model; so it is the catalog's share, not the interpreter's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROUNDS = 15
PROVIDERS = 60
MODELS = 2_500
LIMIT = 20.0

PARTS: Mapping[str, str] = {
    "read the built-in providers": (
        "from dragoman.config import load; load(env={'HOME': '/nowhere'})"
    ),
    "find a built-in model": (
        "from dragoman.catalog import find_model; find_model('openrouter', 'openai/gpt-5')"
    ),
    "find one of those a provider told of": (
        "import os\n"
        "from dragoman.config import load\n"
        "from dragoman.cli.providers.model_cache import read_cache\n"
        "from dragoman.registry import Registry\n"
        "config = load(env=os.environ)\n"
        "told = read_cache(os.environ).discovered(config.providers)\n"
        "Registry(config, discovered=told).resolve('p0/m0')"
    ),
}
"""What runs, timed inside its process, after everything it imports was imported."""

TIMED = """
import time, sys
source = sys.stdin.read()
imports = [line for line in source.split(chr(10)) if "import" in line]
exec("; ".join(line.split(";")[0] for line in imports))
began = time.perf_counter()
exec(source)
print((time.perf_counter() - began) * 1000)
"""


def write_home(home: Path, providers: int, models: int) -> dict[str, str]:
    """Write a home with providers of its own, and lists of models that they told of."""
    config = home / ".config/dragoman/config.toml"
    cache = home / ".cache/dragoman/models.json"
    for path in (config, cache):
        path.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        "".join(
            f'[providers.p{n}]\nbase_url = "http://127.0.0.1:{9000 + n}/v1"\n'
            for n in range(providers)
        )
    )
    lists = {
        f"p{n}": {
            "base_url": f"http://127.0.0.1:{9000 + n}/v1",
            "at": time.time(),
            "models": [
                {
                    "id": f"m{m}",
                    "context_window": 131072,
                    "max_tokens": 8192,
                    "tools": True,
                    "sources": {"context_window": "discovered", "tools": "discovered"},
                }
                for m in range(models // providers)
            ],
        }
        for n in range(providers)
    }
    cache.write_text(json.dumps({"version": 1, "providers": lists}))
    return {"HOME": str(home), "PATH": os.environ["PATH"]}


def timed(source: str, env: Mapping[str, str]) -> float:
    """Run a part in a process. Returns: the least time of several, ms."""
    times = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", TIMED],
            input=source, env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        times.append(float(done.stdout))
    return min(times)


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Measure every part with few and with many. Returns: both, and what the many add."""
    few = write_home(folder / "few", 1, 1)
    many = write_home(folder / "many", PROVIDERS, MODELS)
    found = {}
    for name, source in PARTS.items():
        one, all_ = timed(source, few), timed(source, many)
        found[name] = {"one": one, "many": all_, "added": all_ - one, "limit": LIMIT}
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(Path(temporary))))
