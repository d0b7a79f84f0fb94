"""What stands behind the last chunk of a body: nobody asked for it, and it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from dragoman.server.http.connection import HEAD_LIMIT
from tests.control.plane import PASSWORD, Plane
from tests.server.serving import Served
from tests.server.test_connection import CLOSE, body, connect, request

Serve = Callable[..., Served]

HERE = "/v1/chat/completions"
ADA = {"email": "ada@example.com", "password": PASSWORD}


def chunked(content: bytes, trailers: bytes, *headers: str, path: str = HERE) -> bytes:
    lines = ["host: localhost", "transfer-encoding: chunked", *headers]
    head = f"POST {path} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    return b"%b%x\r\n%b\r\n0\r\n%b\r\n" % (head.encode(), len(content), content, trailers)


def send(at: Served | Plane, whole: bytes, size: int) -> bytes:
    """Send all of it in pieces, or what is taken of it, and read until the end."""
    came = b""
    with closing(connect(at)) as sock:
        with suppress(ConnectionError):
            for start in range(0, len(whole), size):
                sock.sendall(whole[start : start + size])
        with suppress(ConnectionError):
            while data := sock.recv(65536):
                came += data
    return came


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    with Plane(tmp_path / "dragoman.db", trusted_proxies=["127.0.0.1"]) as served:
        served.account("ada@example.com", operator=True)
        yield served


def test_trailers_are_read_over_and_the_connection_goes_on(serve: Serve) -> None:
    first = chunked(body("first"), b"x: 1\r\nhost: elsewhere\r\n")
    told = send(serve({}), first + request(body("second"), CLOSE), len(first) + 20)
    assert told.count(b"HTTP/1.1 200") == 2
    assert told.index(b"first") < told.index(b"second")


def test_a_key_in_a_trailer_opens_nothing(serve: Serve) -> None:
    gateway = serve({}, gateway={"keys": [{"name": "us", "key": "a-key-of-ours"}]})
    head, trailer = (
        "authorization: Bearer a-key-of-ours",
        b"authorization: Bearer a-key-of-ours\r\n",
    )
    assert send(gateway, chunked(body("x"), b"", head, CLOSE), 9999).startswith(b"HTTP/1.1 200")
    assert send(gateway, chunked(body("x"), trailer, CLOSE), 9999).startswith(b"HTTP/1.1 401")


def test_an_address_in_a_trailer_is_not_where_a_request_comes_from(plane: Plane) -> None:
    head, trailer = "x-forwarded-for: 198.51.100.7", b"x-forwarded-for: 203.0.113.9\r\n"
    kind = "content-type: application/json"
    asked = chunked(json.dumps(ADA).encode(), trailer, head, kind, CLOSE, path="/api/v1/session")
    told = send(plane, asked, len(asked))
    assert told.startswith(b"HTTP/1.1 200")
    operator = plane.token(plane.account("bob@example.com", operator=True))
    lines = plane.ask("GET", "audit", headers=operator).json["items"]
    assert {line["address"] for line in lines if line["action"] == "sign_in"} == {"198.51.100.7"}


@pytest.mark.parametrize("size", [1_000, 16_000, 10_000_000])
@pytest.mark.parametrize(
    "trailers", [b"x: " + b"a" * 2_000_000 + b"\r\n", b"x:\r\n" * 500_000], ids=["one", "many"]
)
class TestTrailersThatDoNotEnd:
    def test_are_refused_as_such_a_head_is(self, serve: Serve, trailers: bytes, size: int) -> None:
        told = send(serve({}), chunked(body("x"), trailers, CLOSE), size)
        assert told.startswith(b"HTTP/1.1 431 ")
        assert told.count(b"HTTP/1.1") == 1

    def test_are_refused_by_the_control_plane(
        self, plane: Plane, trailers: bytes, size: int
    ) -> None:
        asked = chunked(json.dumps(ADA).encode(), trailers, CLOSE, path="/api/v1/session")
        assert send(plane, asked, size).startswith(b"HTTP/1.1 431 ")

    def test_end_the_connection_of_who_was_answered_before(
        self, serve: Serve, trailers: bytes, size: int
    ) -> None:
        whole = chunked(b"{}", trailers, path="/healthz")
        at = whole.index(b"\r\n\r\n") + 4
        with closing(connect(serve({}))) as sock:
            sock.sendall(whole[:at])
            told = sock.recv(65536)
            with suppress(ConnectionError):
                for start in range(at, len(whole), size):
                    sock.sendall(whole[start : start + size])
                while data := sock.recv(65536):
                    told += data
        assert told.count(b"HTTP/1.1") == 1


def test_trailers_and_chunks_may_have_together_what_none_has_alone(serve: Serve) -> None:
    """The framing of many small chunks is no part of a head."""
    content = body("x" * HEAD_LIMIT)
    chunks = b"".join(b"1\r\n%b\r\n" % content[i : i + 1] for i in range(len(content)))
    whole = chunked(b"{}", b"x: 1\r\n", CLOSE).replace(b"2\r\n{}\r\n", chunks)
    assert send(serve({}), whole, 4_000).startswith(b"HTTP/1.1 200")
