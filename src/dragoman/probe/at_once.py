"""Asks several providers at the same time, in threads: nobody waits for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from dragoman.types.provider import Provider

T = TypeVar("T")


def start_asking(
    providers: Sequence[Provider], ask: Callable[[Provider], T], at_once: int
) -> tuple[dict[str, T], list[threading.Thread]]:
    """Start asking, `at_once` of them at a time, in their order.

    What comes back is filled, by the providers' names, while the threads go on; they are daemons.
    """
    told: dict[str, T] = {}
    waiting = list(reversed(providers))

    def work() -> None:
        while waiting:
            try:
                provider = waiting.pop()
            except IndexError:  # another was faster
                return
            told[provider.name] = ask(provider)

    count = min(at_once, len(waiting))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return told, threads
