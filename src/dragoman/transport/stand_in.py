"""What may stand in for the network: a cassette that a variable names, or a test's double.

    DRAGOMAN_CASSETTE=answers.jsonl DRAGOMAN_CASSETTE_RECORD=1 dragoman -m mycorp/m1 "Hello"
    DRAGOMAN_CASSETTE=answers.jsonl dragoman -m mycorp/m1 "Hello"          # no network

A program under test makes its clients where it likes, so this holds for the whole process, and for
clients that were made before. It is the one exception to "no ambient state", meant for tests; a
transport that a client is given by hand is left alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dragoman.transport.base import AsyncTransport, Transport
    from dragoman.transport.cassette import Cassette

CASSETTE = "DRAGOMAN_CASSETTE"
RECORD = "DRAGOMAN_CASSETTE_RECORD"


class StandIn(Protocol):
    """Makes a transport that is used in place of `inner`, and may use it."""

    def blocking(self, inner: Transport) -> Transport:
        """Stand in for a blocking transport."""
        ...

    def awaited(self, inner: AsyncTransport) -> AsyncTransport:
        """Stand in for an awaited one."""
        ...


_standing: list[StandIn] = []


@contextlib.contextmanager
def standing_in(stand_in: StandIn) -> Iterator[None]:
    """Let it stand in, for every default transport of the process; the innermost block counts."""
    _standing.append(stand_in)
    try:
        yield
    finally:
        _standing.remove(stand_in)


def find_stand_in(named: StandIn | None) -> StandIn | None:
    """Find what stands in now: that of the innermost block, else what a variable named."""
    return _standing[-1] if _standing else named


def named_stand_in() -> StandIn | None:
    """Open the cassette that a variable names. Raises: ConfigError when it cannot be read."""
    path = os.environ.get(CASSETTE)
    return _named(path, bool(os.environ.get(RECORD))) if path else None


@lru_cache(maxsize=8)
def _named(path: str, record: bool) -> Tape:
    """Open a cassette, once: clients of one process share it, and how far it has been played."""
    from dragoman.transport.cassette import Cassette

    return Tape(Cassette(Path(path), record=record))


class Tape:
    """A cassette that stands in."""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette

    def blocking(self, inner: Transport) -> Transport:
        """See `StandIn.blocking`."""
        from dragoman.transport.cassette import CassetteTransport

        return CassetteTransport(self._cassette, inner)

    def awaited(self, inner: AsyncTransport) -> AsyncTransport:
        """See `StandIn.awaited`."""
        from dragoman.transport.cassette import AsyncCassetteTransport

        return AsyncCassetteTransport(self._cassette, inner)
