"""Identifiers that sort by the time at which they were made."""

from __future__ import annotations

import os
import time

_POOL_BYTES = 4096
_pool: list[str] = []
"""Random bits that wait to be used: asking the system for ten bytes costs as much as for many."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)


def new_id(prefix: str) -> str:
    """Make an identifier that sorts by time: prefix, 48 bits of milliseconds, 80 random bits."""
    try:
        random_bits = _pool.pop()
    except IndexError:
        fresh = os.urandom(_POOL_BYTES).hex()
        _pool.extend(fresh[at : at + 20] for at in range(0, len(fresh) - 19, 20))
        random_bits = _pool.pop()
    return f"{prefix}_{int(time.time() * 1000):012x}{random_bits}"
