"""Work that grows with a body: in a thread of its own where others would have to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONG_BYTES = 8 * 1024
"""What is done with longer bodies is done beside other requests."""


async def aside(size_bytes: int, work: Callable[[], T]) -> T:
    """Do work on a body of such a size, and give what comes of it; nobody else waits long.

    The work shares nothing with other threads. What it raises is raised.
    """
    return await asyncio.to_thread(work) if size_bytes > LONG_BYTES else work()
