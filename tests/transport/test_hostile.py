"""Upstreams that would fill our memory or our time."""

from __future__ import annotations

import resource
import time
import tracemalloc
from collections.abc import Callable

import pytest

from dragoman.errors import ProtocolError
from tests.transport.either import Either
from tests.upstream.fault import FaultUpstream, Send, gzip_bomb, sse

Upstream = Callable[..., FaultUpstream]

MIB = 1024 * 1024


def test_slow_reader_of_100_mb_costs_at_most_one(transport: Either, upstream: Upstream) -> None:
    """The kernel's buffers fill, and ours don't."""
    size = 100_000_000
    block = b"a" * 100_000
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    up = upstream((Send(head % size), *[Send(block)] * (size // len(block))))
    answer = transport.send(up.url)
    tracemalloc.start()
    try:
        got = 0
        while chunk := answer.read():
            got += len(chunk)
            if got < 20 * MIB:
                time.sleep(0.002)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got == size
    assert peak < 4 * MIB  # the upstream's own blocks among them


def test_reader_that_stops_stops_the_upstream(transport: Either, upstream: Upstream) -> None:
    up = upstream(sse([], done=False).then_forever(b": " + b"a" * 65536 + b"\n\n"))
    answer = transport.send(up.url)
    answer.read()
    time.sleep(0.3)
    peer = up.requests[0]._peer
    sent = peer.sent_bytes
    time.sleep(0.1)
    assert peer.sent_bytes == sent, "the upstream still sends to nobody"
    assert len(answer.read()) <= MIB
    answer.close()


def test_bomb_without_end_is_stopped_fast_and_flat(transport: Either, upstream: Upstream) -> None:
    """Packed a thousand to one: ten gigabytes would be ten megabytes on the wire."""
    up = upstream(gzip_bomb(None))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    with pytest.raises(ProtocolError, match="unpacks"):
        transport.fetch(up.url)
    assert time.process_time() - began < 2.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB
