"""Free ports for programs that must be told theirs before they listen.

Not from the range out of which the system gives ports to connections: one that was free a moment
ago may be somebody's by then, above all while several tests run at a time.
"""

from __future__ import annotations

import itertools
import os
import socket

LOWEST = 12_000
SHARE = 5_000
SHARES = 4
"""Linux hands out ports from 32768 on. Each of pytest's workers has a share of its own below."""
_numbers = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """Find a port of 127.0.0.1 on which nobody listens; the next call finds another."""
    while True:
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % SHARES
        port = LOWEST + worker * SHARE + next(_numbers) % SHARE
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
