"""How fast the overview of an organisation is read, over a million exchanges.

python -m bench.overview [--count N] [URL …]     # postgresql://…; a SQLite file by default
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

from dragoman.ledger.queries.overview import read_overview
from dragoman.ledger.queries.sums import Filters, Period
from dragoman.ledger.queries.usage import read_groups
from dragoman.ledger.rollups import follow
from dragoman.store import Ledger, Place
from dragoman.store.database import open_database, read_place
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage

COUNT = 1_000_000
BATCH = 5000
BEGAN = 1_790_000_000 // 86_400 * 86_400
DAYS = 60
"""Half of them are looked at, the other half is what they are compared with."""
MODELS = tuple((f"provider{number % 6}", f"model-{number}") for number in range(20))
KEYS = 100
ROUNDS = 15


def exchanges(count: int) -> Iterator[Exchange]:
    """Make exchanges of one organisation: few keys and models have most of them."""
    random = Random(7)
    for number in range(count):
        at = BEGAN + DAYS * 86_400 * number / count
        provider, model = MODELS[int(len(MODELS) * random.random() ** 2)]
        key = int(KEYS * random.random() ** 2)
        failed = random.random() < 0.02
        attempt = Attempt(
            id=f"att_{int(at * 1000):012x}{number:020x}", number=1, kind="first",
            provider=provider, model=model, credential="$KEY", started_at=at, duration_s=0.5,
            first_token_s=0.2, outcome="error" if failed else "ok", status=502 if failed else 200,
            error="server_error" if failed else None, finish_reason=None if failed else "stop",
            usage=None if failed else Usage(1800, 130, cache_read_tokens=4, reasoning_tokens=5),
            cost_nanousd=None if failed else random.randrange(10**7), cost_source="catalog",
        )  # fmt: skip
        yield Exchange(
            id=f"req_{int(at * 1000):012x}{number:020x}", asked=model, started_at=at, stream=True,
            duration_s=random.expovariate(0.5), first_token_s=random.expovariate(2.0),
            outcome=attempt.outcome, endpoint="/chat/completions", key=f"key{key}",
            key_id=f"key_{key:03}", project_id=f"prj_{key % 10}", account_id=f"acc_{key % 30}",
            status=attempt.status, attempts=[attempt],
        )  # fmt: skip


def fill(place: Place, count: int) -> None:
    """Write them, with their sums."""
    stream = exchanges(count)
    with Ledger(place) as ledger, closing(open_database(place)) as connection:
        while batch := list(islice(stream, BATCH)):
            ledger.record_all(batch, source="gateway")
            with connection.transaction():
                follow(connection, batch)


def measure(place: Place) -> None:
    """Look, again and again; print the median and the slowest."""
    half = DAYS * 86_400 // 2
    period = Period(BEGAN + half, BEGAN + 2 * half)
    filters = Filters(organisation_id="default")
    with closing(open_database(place)) as connection:
        sizes = {
            row["level"]: row["n"]
            for row in connection.rows("SELECT level, count(*) AS n FROM hourly GROUP BY level")
        }
        print(f"{place}: rows of hourly: {sizes}")
        questions = {
            "overview": lambda: read_overview(connection, period, filters),
            "usage by model": lambda: read_groups(connection, period, filters, "model"),
            "usage by key": lambda: read_groups(connection, period, filters, "key"),
            "a key's models": lambda: read_groups(
                connection, period, Filters(organisation_id="default", key="key_000"), "model"
            ),
        }
        for name, ask in questions.items():
            took, cpu = [], []
            for _ in range(ROUNDS):
                began, used = time.perf_counter(), time.process_time()
                ask()
                took.append((time.perf_counter() - began) * 1000)
                cpu.append((time.process_time() - used) * 1000)
            print(
                f"  {name}: {statistics.median(took):.1f} ms, at most {max(took):.1f} ms;"
                f" {statistics.median(cpu):.1f} ms of CPU here"
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.overview")
    parser.add_argument("urls", nargs="*")
    parser.add_argument("--count", type=int, default=COUNT)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for place in map(read_place, given.urls) if given.urls else [Path(folder) / "a.db"]:
            began = time.perf_counter()
            fill(place, given.count)
            print(f"{given.count:,} exchanges written in {time.perf_counter() - began:.0f} s")
            measure(place)


if __name__ == "__main__":
    main()
