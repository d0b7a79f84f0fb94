"""What is done for a while when the process is told to end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

END: Sequence[str] = tuple(name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Those that ask a process to end, without anybody at its terminal."""


@contextlib.contextmanager
def handled(
    names: Sequence[str], handler: Callable[[int, FrameType | None], object]
) -> Iterator[None]:
    """Have signals handled so; what handled them before does afterwards. In the main thread."""
    numbers = [getattr(signal, name) for name in names]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
