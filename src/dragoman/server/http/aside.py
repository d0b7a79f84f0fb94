"""Work that grows with a body: in a thread of its own where others would have to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

LONG_BYTES = 8 * 1024
"""What is done with longer bodies is done beside other requests."""
HUGE_BYTES = 1024 * 1024
"""What is done with longer ones may take seconds, and keeps nobody waiting but its like."""

# Apart from the threads that ask the database: a few bodies could have them all.
_long = ThreadPoolExecutor(4, "long-body")
_huge = ThreadPoolExecutor(2, "huge-body")


async def aside(size_bytes: int, work: Callable[[], T]) -> T:
    """Do work on a body of such a size, and give what comes of it; nobody else waits long.

    The work shares nothing with other threads. What it raises is raised.
    """
    if size_bytes <= LONG_BYTES:
        return work()
    threads = _long if size_bytes <= HUGE_BYTES else _huge
    return await asyncio.get_running_loop().run_in_executor(threads, work)
