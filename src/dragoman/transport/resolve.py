"""Looking names up without blocking: in threads that nobody waits for longer than they like."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

Resolver: TypeAlias = Callable[[str], Sequence[str]]
"""Blocking: a name to its addresses, in the system's order of preference. Raises: OSError."""

Done: TypeAlias = "Callable[[Sequence[str] | OSError], object]"


def resolve_name(host: str) -> list[str]:
    """Ask the system for a name's addresses. Blocks, for as long as the system likes."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(info[4][0]).partition("%")[0] for info in found]


class _Lookups:
    """Those under way, and who waits for each: a burst of requests to one host asks once."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget them all: a fork has left their threads behind."""
        self._lock = threading.Lock()
        self._waiting: dict[tuple[Resolver, str], list[Done]] = {}

    def join(self, resolve: Resolver, host: str, done: Done) -> bool:
        """Wait for a lookup; say whether it has yet to be started."""
        with self._lock:
            waiting = self._waiting.setdefault((resolve, host), [])
            waiting.append(done)
            return len(waiting) == 1

    def tell(self, resolve: Resolver, host: str, result: Sequence[str] | OSError) -> None:
        """End a lookup."""
        with self._lock:
            waiting = self._waiting.pop((resolve, host))
        for done in waiting:
            done(result)


_lookups = _Lookups()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lookups.reset)


def resolve_in_thread(resolve: Resolver, host: str, done: Done) -> None:
    """Resolve without blocking; `done` is called in the thread, with addresses or the error.

    A thread of its own, that nobody joins: a lookup that hangs must not hold up the exit.
    """

    def run() -> None:
        try:
            result: Sequence[str] | OSError = resolve(host)
        except OSError as error:
            result = error
        except UnicodeError as error:  # a label too long, or empty
            result = OSError(str(error))
        _lookups.tell(resolve, host, result)

    if not _lookups.join(resolve, host, done):
        return
    try:
        threading.Thread(target=run, name=f"resolve {host}", daemon=True).start()
    except RuntimeError as error:  # no more threads
        _lookups.tell(resolve, host, OSError(str(error)))
