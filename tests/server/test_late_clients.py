"""Clients that go on when they are answered: with a body, or with questions, and do not read."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from dragoman.server.http import exchange
from tests.server.process import wait_until
from tests.server.serving import Served
from tests.server.test_connection import CLOSE, body, connect, request
from tests.upstream.fault import FaultUpstream, chat

Serve = Callable[..., Served]

LONG = "x" * 16_000_000
"""More than the buffers of a connection hold."""


def with_body(length: int) -> bytes:
    return b"GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % length


def read(sock: socket.socket, until: bytes) -> bytes:
    came = bytearray()
    while until not in came[-70_000:] and (data := sock.recv(65536)):
        came += data
    return bytes(came)


def is_closed(sock: socket.socket) -> bool:
    sock.settimeout(10)
    with suppress(ConnectionError):
        return sock.recv(1) == b""
    return True


def test_a_body_that_comes_late_is_read_over_and_the_connection_goes_on(serve: Serve) -> None:
    with closing(connect(serve({}))) as sock:
        sock.sendall(with_body(10))
        assert b"HTTP/1.1 200" in read(sock, b"\r\n\r\n")
        sock.sendall(b"x" * 10 + request(body("second"), CLOSE))
        assert b"second" in read(sock, b"second")


def test_of_a_body_that_comes_late_no_more_is_taken_than_of_any(serve: Serve) -> None:
    gateway = serve({}, body_limit=1000)
    with closing(connect(gateway)) as sock:
        sock.sendall(with_body(10**9))
        assert b"HTTP/1.1 200" in read(sock, b"\r\n\r\n")
        with suppress(ConnectionError):
            sock.sendall(b"x" * 1001)
        assert is_closed(sock)


def test_a_body_that_comes_late_comes_soon(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LATE_S", 0.2)
    with closing(connect(serve({}))) as sock:
        sock.sendall(with_body(1000))
        assert b"HTTP/1.1 200" in read(sock, b"\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(20):
                sock.sendall(b"x")
                time.sleep(0.05)
        assert is_closed(sock)


@pytest.fixture
def wordy(upstream: Callable[..., FaultUpstream]) -> FaultUpstream:
    return upstream(lambda _: chat(LONG))


def deaf(gateway: Served, wordy: FaultUpstream) -> socket.socket:
    """Ask for two long answers in a row, and read none."""
    sock = connect(gateway)
    first = request(body("x").replace(b"demo/echo", b"a/m"))
    sock.sendall(first + request(body("x").replace(b"demo/echo", b"a/m"), CLOSE))
    wordy.wait_requests(1)
    time.sleep(0.5)
    assert len(wordy.requests) == 1
    return sock


def test_nothing_is_asked_while_nobody_reads_what_was_asked_before(
    serve: Serve, wordy: FaultUpstream
) -> None:
    gateway = serve({"a": {"base_url": wordy.base_url}})
    with closing(deaf(gateway, wordy)) as sock:
        came = read(sock, b"never")
    assert came.count(b"HTTP/1.1 200") == 2
    assert came.count(b"x" * 1000) == 2 * len(LONG) // 1000


def test_who_asks_and_does_not_read_is_left(serve: Serve, wordy: FaultUpstream) -> None:
    gateway = serve({"a": {"base_url": wordy.base_url}}, server={"client_write": 0.1})
    with closing(deaf(gateway, wordy)) as sock:
        gateway.sweep(after_s=0.2)
        gateway.seen.wait(1)
        assert len(read(sock, b"never")) < len(LONG)
    assert len(wordy.requests) == 1


@pytest.mark.parametrize("target", ["/", "http://x/y", "x:80"])
@pytest.mark.parametrize("more", ["", "upgrade: h2c\r\nconnection: upgrade\r\n"])
def test_who_takes_us_for_a_proxy_is_told_and_left(serve: Serve, target: str, more: str) -> None:
    gateway = serve({})
    with closing(connect(gateway)) as sock:
        sock.sendall(f"CONNECT {target} HTTP/1.1\r\nhost: x\r\n{more}\r\n".encode())
        told = read(sock, b"never")
    assert told.startswith(b"HTTP/1.1 400 ")
    with closing(connect(gateway)) as sock:
        sock.sendall(with_body(0))
        wait_until(lambda: b"200" in read(sock, b"\r\n\r\n"))
