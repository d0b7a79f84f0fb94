"""Clients that send their requests a byte at a time."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.chaos.asking import ask
from tests.server.process import Process

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\nx-slow: "


def slow_clients(*, full: bool) -> Mapping[str, float]:
    """Hold 2 000 connections with requests that never end: others take less than twice as long."""
    count = 2_000 if full else 200
    with TemporaryDirectory() as folder:
        gateway = Process(Path(folder), "")
        at = urlsplit(gateway.url)
        slow: list[socket.socket] = []
        try:
            alone = _p98_ms(gateway.url)
            for number in range(count):
                sock = socket.create_connection((at.hostname or "", at.port or 0))
                sock.sendall(HEAD if number % 2 else HEAD + b"1\r\n\r\n{")
                slow.append(sock)
            for sock in slow:
                sock.sendall(b"a")
            together = _p98_ms(gateway.url)
            held = sum(map(_is_open, slow))
        finally:
            for sock in slow:
                sock.close()
            gateway.stop()
    assert held == count, held
    assert together < 2 * alone + 5, (together, alone)  # 5 ms: what a busy machine adds by itself
    return {"slow": count, "ms alone": alone, "ms beside them": together}


def _is_open(sock: socket.socket) -> bool:
    """Whether nobody has answered there, or closed it."""
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    return False


def _p98_ms(url: str) -> float:
    took = []
    for _ in range(300):
        began = time.perf_counter()
        assert ask(url, "openai-completions", "demo/echo", stream=False)[0] == 200
        took.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(took, n=100)[97]
