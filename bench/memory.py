"""Whether memory stays flat: one client, 100 000 calls, streams among them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.clients import MESSAGES, dragoman_config
from dragoman import Client

CALLS = 100_000
STEP = 20_000


def resident_mb() -> float:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main(base_url: str) -> None:
    """Print megabytes after so many calls as JSON."""
    seen: dict[str, float] = {}
    with Client(dragoman_config(base_url)) as client:
        for number in range(1, CALLS + 1):
            if number % 100 == 0:
                for _ in client.stream("bench/bench", MESSAGES):
                    pass
            else:
                client.chat("bench/bench", MESSAGES)
            if number == 1000 or number % STEP == 0:
                seen[str(number)] = resident_mb()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
