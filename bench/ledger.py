"""What the ledger costs: a record in the journal, and an exchange on its way into the database.

python -m bench.ledger [URL …]     # postgresql://… or sqlite:///path; a file by default
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dragoman.ledger.drain import Drain
from dragoman.ledger.journal import Journal
from dragoman.store import Place
from dragoman.store.database import open_database, read_place
from dragoman.types.allowance import Charge
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage

COUNT = 30_000
PACED = 5_000
PER_SECOND = 1_000
CHARGES = tuple(
    Charge(allowance_id=name, kind="key", subject="key_bench", measure="spend", since=1_700_000_000)
    for name in ("day", "month")
)


def exchange(run: int, number: int) -> Exchange:
    """Make an exchange as they are: one attempt, a usage, a price, two budgets."""
    name = f"{run:x}{number:08}"
    attempt = Attempt(
        id=f"att_{name}", number=1, kind="first", provider="mycorp", model="gpt-oss-120b",
        credential="$CORP_KEY", started_at=1.7e9 + number / 100, duration_s=0.5,
        first_token_s=0.2, outcome="ok", status=200, request_id=f"their-{name}",
        finish_reason="stop",
        usage=Usage(1800, 130, cache_read_tokens=4, reasoning_tokens=5),
        cost_nanousd=1_234_567, cost_source="config",
    )  # fmt: skip
    return Exchange(
        id=f"req_{name}", asked="coder", route="coder", started_at=1.7e9 + number / 100,
        stream=True, duration_s=0.6, first_token_s=0.3, outcome="ok", attempts=[attempt],
        key="team", key_id="key_bench", project_id="project_bench", charges=CHARGES,
    )  # fmt: skip


def cpu_s() -> float:
    """How much this process has worked, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure_journal(folder: Path) -> None:
    """Measure what a request waits for: an intent and an outcome, at a usual pace."""
    exchanges = [exchange(0, number) for number in range(COUNT)]
    journal = Journal(folder / "journal")
    began, worked = time.perf_counter(), cpu_s()
    for one in exchanges:
        journal.intend(one)
        journal.ended(one)
    took, work = time.perf_counter() - began, cpu_s() - worked
    print(f"journal: {took / COUNT * 1e6:.1f} µs a request, {work / COUNT * 1e6:.1f} µs CPU")
    waits: dict[str, list[float]] = {"intent": [], "outcome": []}
    began = time.perf_counter()
    for number, one in enumerate(exchanges[:PACED]):
        time.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
        waits["intent"].append(timed(journal.intend, one))
        waits["outcome"].append(timed(journal.ended, one))
    for name, found in waits.items():
        found.sort()
        p50, p99, p999 = (found[int(len(found) * part)] * 1e3 for part in (0.5, 0.99, 0.999))
        print(
            f"{name} at {PER_SECOND}/s: p50 {p50:.3f} ms, p99 {p99:.3f} ms, p99.9 {p999:.3f} ms,"
            f" worst {found[-1] * 1e3:.2f} ms"
        )
    journal.close()
    journal.folder.remove()


def timed(write: Callable[[Exchange], None], one: Exchange) -> float:
    """Call, and say how many seconds that took."""
    began = time.perf_counter()
    write(one)
    return time.perf_counter() - began


def measure_drain(place: Place, folder: Path) -> None:
    """Measure how fast what waits comes into the database, with all that is added up."""
    run = time.time_ns()
    journal = Journal(folder / "drained")
    for number in range(COUNT):
        journal.ended(exchange(run, number))
    open_database(place).close()
    began, worked = time.perf_counter(), cpu_s()
    drain = Drain(place, journal, interval_s=0.0)
    while drain.depth:
        time.sleep(0.01)
    took, work = time.perf_counter() - began, cpu_s() - worked
    drain.close()
    print(f"{place}: {COUNT / took:,.0f} exchanges/s, {work / COUNT * 1e6:.1f} µs CPU each")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_journal(folder)
        for place in map(read_place, sys.argv[1:]) if sys.argv[1:] else [folder / "a.db"]:
            measure_drain(place, folder)


if __name__ == "__main__":
    main()
