"""Connections of clients: HTTP as it may come, and as it may not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from dragoman.server.http.connection import HEAD_LIMIT
from tests.server.process import wait_until
from tests.server.serving import Served
from tests.upstream.fault import FaultUpstream, chat, chat_stream, chunk
from tests.upstream.script import Send, Stall

Upstream = Callable[..., FaultUpstream]


def body(text: str, **more: object) -> bytes:
    message = {"role": "user", "content": text}
    return json.dumps({"model": "demo/echo", "messages": [message], **more}).encode()


def request(content: bytes, *headers: str, version: str = "1.1", method: str = "POST") -> bytes:
    lines = ["host: localhost", f"content-length: {len(content)}", *headers]
    head = f"{method} /v1/chat/completions HTTP/{version}\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    return head.encode() + content


def connect(gateway: Served) -> socket.socket:
    at = urlsplit(gateway.url)
    return socket.create_connection((at.hostname or "", at.port or 0), timeout=60)


def exchange(gateway: Served, *pieces: bytes, until: bytes = b"") -> bytes:
    """Send pieces, and read until the end, or until something has come."""
    with closing(connect(gateway)) as sock:
        for piece in pieces:
            sock.sendall(piece)
        came = b""
        while data := sock.recv(65536):
            came += data
            if until and until in came:
                break
        return came


CLOSE = "connection: close"


def test_requests_in_a_row_are_answered_in_order(serve: Any) -> None:
    gateway = serve({})
    rows = [request(body(f"number {n}")) for n in range(5)]
    came = exchange(gateway, b"".join(rows) + request(body("last"), CLOSE))
    said = [f"number {n}" for n in range(5)] + ["last"]
    places = [came.index(text.encode()) for text in said]
    assert places == sorted(places)
    assert came.count(b"HTTP/1.1 200 OK") == 6


def test_a_body_may_come_in_chunks_and_a_byte_at_a_time(serve: Any) -> None:
    gateway = serve({})
    content = body("in pieces")
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, content[i : i + 1]) for i in range(len(content)))
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n"
        b"connection: close\r\n\r\n"
    )
    assert b"in pieces" in exchange(gateway, head, chunks + b"0\r\n\r\n")
    assert b"in pieces" in exchange(gateway, *(bytes([b]) for b in request(content, CLOSE)))


def test_who_asks_first_is_told_to_go_on(serve: Any) -> None:
    gateway = serve({})
    content = body("went on")
    whole = request(content, CLOSE, "expect: 100-continue")
    with closing(connect(gateway)) as sock:
        sock.sendall(whole[: -len(content)])
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.sendall(content)
        came = b""
        while data := sock.recv(65536):
            came += data
    assert b"went on" in came


@pytest.mark.parametrize("stream", [False, True])
def test_old_clients_get_answers_that_end_with_the_connection(serve: Any, stream: bool) -> None:
    came = exchange(serve({}), request(body("old", stream=stream), version="1.0"))
    head, _, rest = came.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"old" in rest


def test_a_stream_is_chunked_and_its_connection_goes_on(serve: Any) -> None:
    gateway = serve({})
    twice = request(body("one", stream=True)) + request(body("two"), CLOSE)
    came = exchange(gateway, twice)
    head = came.partition(b"\r\n\r\n")[0]
    assert b"transfer-encoding: chunked" in head
    assert came.index(b"data: [DONE]\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK") > 0


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "invalid_http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "invalid_http"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * (HEAD_LIMIT + 1), 431, "request_head_too_large"),
        (request(b"{}", "content-length: 3"), 400, "invalid_http"),
        (request(b"{}", "host: elsewhere", CLOSE), 400, "invalid_http"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400, "invalid_http"),
        (request(b"{}", CLOSE, "x: " + "a" * HEAD_LIMIT), 431, "request_head_too_large"),
        (request(b"{}", CLOSE, *["x: a"] * (HEAD_LIMIT // 4)), 431, "request_head_too_large"),
        (request(b"{}", CLOSE).replace(b"/v1", b"/" * HEAD_LIMIT), 431, "request_head_too_large"),
    ],
)
def test_what_is_no_http_is_told_so_and_left(
    serve: Any, sent: bytes, status: int, code: str
) -> None:
    came = exchange(serve({}), sent)
    head, _, rest = came.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(rest)["error"]["code"] == code


def test_a_body_over_the_cap_is_refused_before_it_is_whole(serve: Any) -> None:
    gateway = serve({}, body_limit=1000)
    head = request(b"", CLOSE).replace(b"content-length: 0", b"content-length: 9000000")
    came = exchange(gateway, head + b"x" * 2000, until=b"request_too_large")
    assert came.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_any_web_page_could_send_is_refused(serve: Any, kind: str) -> None:
    came = exchange(serve({}), request(body("x"), CLOSE, f"content-type: {kind}"))
    assert came.startswith(b"HTTP/1.1 415 ")


def test_head_of_a_page_has_no_body(serve: Any) -> None:
    came = exchange(
        serve({}), b"HEAD /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    assert came.startswith(b"HTTP/1.1 404 ")
    assert came.endswith(b"\r\n\r\n")


def test_a_client_that_does_not_read_holds_up_the_upstream_and_nothing_else(
    serve: Any, upstream: Upstream
) -> None:
    piece = chunk({"content": "x" * 10_000})
    frame = f"data: {json.dumps(piece)}\n\n".encode()
    server = upstream((Send(chat_stream([]).until_close().head), *[Send(frame)] * 8_000, Stall()))
    gateway = serve({"a": {"base_url": server.base_url}}, server={"client_write": 1.0})
    with closing(connect(gateway)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(request(body("x", stream=True).replace(b"demo/echo", b"a/m")))
        (asked,) = server.wait_requests(1)
        gateway.sweep(after_s=1.5)
        asked.wait_closed(5.0)
        assert asked.answered_at is None  # of the 80 MB not all was taken from it
    assert gateway.seen.wait(1).outcome == "client_closed"


def test_what_cannot_be_read_is_left_when_the_client_goes(serve: Any, upstream: Upstream) -> None:
    server = upstream(chat("late").stall(at=0))
    gateway = serve({"a": {"base_url": server.base_url}})
    with closing(connect(gateway)) as sock:
        sock.sendall(request(body("x").replace(b"demo/echo", b"a/m")))
        (asked,) = server.wait_requests(1)
    asked.wait_closed(1.0)
    wait_until(lambda: bool(gateway.seen.exchanges))
    assert gateway.seen.exchanges[0].outcome == "client_closed"


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
def test_who_asks_for_another_protocol_is_answered_in_this_one(
    serve: Callable[..., Served], protocol: str, pieces: int
) -> None:
    wish = (f"upgrade: {protocol}", "http2-settings: AAMAAABkAAQ", "connection: Upgrade")
    first = request(body("first"), *wish)
    second = request(body("second"), CLOSE)
    at = len(first) - 20
    sent = [first + second] if pieces == 1 else [first[:at], first[at:] + second]
    told = exchange(serve({}), *sent)
    assert told.count(b"HTTP/1.1 200") == 2
    assert told.index(b"first") < told.index(b"second")


def test_no_number_of_wishes_for_another_protocol_is_too_large(
    serve: Callable[..., Served],
) -> None:
    wish = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    told = exchange(serve({}), wish * 1500 + request(body("last"), CLOSE))
    assert told.count(b"HTTP/1.1 200") == 1501
