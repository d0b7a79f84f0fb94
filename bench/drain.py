"""How fast exchanges are drained into the ledger.

python -m bench.drain [URL …]     # postgresql://… or sqlite:///path; a file by default
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from dragoman.ledger.drain import BATCH, SOURCE
from dragoman.store import Ledger, Place
from dragoman.store.database import read_place
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage

COUNT = 30_000


def exchange(run: int, number: int) -> Exchange:
    name = f"{run:x}{number:08}"
    attempt = Attempt(
        id=f"att_{name}", number=1, kind="first", provider="mycorp", model="gpt-oss-120b",
        credential="$CORP_KEY", started_at=1.7e9 + number, duration_s=0.5, first_token_s=0.2,
        outcome="ok", status=200, request_id=f"their-{name}", finish_reason="stop",
        usage=Usage(1800, 130, cache_read_tokens=4, reasoning_tokens=5),
        cost_nanousd=1_234_567, cost_source="config",
    )  # fmt: skip
    return Exchange(
        id=f"req_{name}", asked="coder", route="coder", started_at=1.7e9 + number, stream=True,
        duration_s=0.6, first_token_s=0.3, outcome="ok", attempts=[attempt],
    )  # fmt: skip


def measure(place: Place) -> None:
    run = time.time_ns()
    exchanges = [exchange(run, number) for number in range(COUNT)]
    with Ledger(place) as ledger:
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.perf_counter()
        for at in range(0, COUNT, BATCH):
            ledger.record_all(exchanges[at : at + BATCH], source=SOURCE)
        took = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{place}: {COUNT / took:,.0f} exchanges/s, {cpu / COUNT * 1e6:.1f} µs CPU each")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for place in map(read_place, sys.argv[1:]) if sys.argv[1:] else [Path(folder) / "a.db"]:
            measure(place)


if __name__ == "__main__":
    main()
