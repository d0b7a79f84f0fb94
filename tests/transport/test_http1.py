"""The HTTP/1.1 core, without sockets: what it writes, and what it makes of bytes in any cut."""

from __future__ import annotations

import gc
import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError, ConnectionLost, ProtocolError
from dragoman.transport.http1 import MAX_HEAD_BYTES, Incoming, render_connect, render_request
from dragoman.transport.inflate import MAX_RATIO, Inflate
from dragoman.types.http import parse_url
from tests.transport.either import request
from tests.upstream.fault import Answer

BODY = bytes(range(256)) * 8

ANSWERS = {
    "length": Answer(200, (("x-a", "b"),), BODY).wire,
    "chunked": Answer(200, (), BODY).chunked(trailers={"t": "u"}).paced(100).wire,
    "interim": Answer(200, (), BODY).after(100).after(103, {"link": "x"}).wire,
    "line feeds": b"HTTP/1.1 200 OK\ncontent-length: %d\n\n%b" % (len(BODY), BODY),
    "until close": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "gzip": Answer(200, (("content-encoding", "gzip"),), zlib.compress(BODY, wbits=31))
    .chunked()
    .paced(9)
    .wire,
    "deflate": Answer(200, (("content-encoding", "deflate"),), zlib.compress(BODY)).wire,
    "raw deflate": Answer(
        200, (("content-encoding", "deflate"),), zlib.compress(BODY, wbits=-15)
    ).wire,
    "two gzip members": Answer(
        200,
        (("content-encoding", "gzip"),),
        zlib.compress(BODY[:1000], wbits=31) + zlib.compress(BODY[1000:], wbits=31),
    ).wire,
}


def drain(incoming: Incoming) -> bytes:
    body = bytearray()
    while data := incoming.take():
        body += data
    return bytes(body)


def read(wire: bytes, cuts: list[int], *, end: bool = True) -> tuple[Incoming, bytes]:
    """Feed bytes cut at these places, then the end of the connection."""
    incoming = Incoming("POST")
    body = bytearray()
    places = [0, *sorted(cuts), len(wire)]
    for start, stop in pairwise(places):
        if start != stop:
            incoming.feed(wire[start:stop])
            body += drain(incoming)
    if end:
        incoming.feed_eof()
        body += drain(incoming)
    return incoming, bytes(body)


@pytest.mark.parametrize("wire", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_answer_is_the_same_in_every_cut(wire: bytes, size: int) -> None:
    incoming, body = read(wire, list(range(0, len(wire), size)))
    assert incoming.failure is None
    assert (incoming.status, incoming.done, body) == (200, True, BODY)


@given(st.sampled_from(sorted(ANSWERS)), st.integers(0, 2**32))
def test_random_cuts_change_nothing(name: str, seed: int) -> None:
    wire = ANSWERS[name]
    places = random.Random(seed).choices(range(len(wire)), k=5)
    assert read(wire, places)[1] == BODY


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {"until close"}))
def test_answer_cut_short_anywhere_is_never_whole(name: str) -> None:
    wire = ANSWERS[name]
    for end in range(len(wire)):
        incoming, body = read(wire[:end], [])
        assert isinstance(incoming.failure, ConnectionLost | ProtocolError), end
        assert BODY.startswith(body)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_end_in_an_answer_or_a_failure(rubbish: bytes, started: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" if started else b""
    incoming, _ = read(head + rubbish, [])
    assert incoming.ended
    assert incoming.failure is None or isinstance(incoming.failure, ConnectionLost | ProtocolError)


@pytest.mark.parametrize(
    ("wire", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 204 No\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nrubbish", False),
    ],
)
def test_connection_is_reusable_only_after_a_clean_end(wire: bytes, reusable: bool) -> None:
    incoming = Incoming("POST")
    incoming.feed(wire)
    assert (incoming.done, incoming.failure, incoming.reusable) == (True, None, reusable)


def test_what_follows_an_answer_is_never_part_of_it() -> None:
    incoming = Incoming("POST")
    second = Answer(500, (("x-second", "1"),), b"second").wire
    incoming.feed(Answer(200, (), b"first").wire + second)
    incoming.feed(second)
    assert (incoming.status, drain(incoming)) == (200, b"first")
    assert "x-second" not in incoming.headers


@pytest.mark.parametrize("callback", ["on_header", "on_headers_complete", "on_body"])
def test_interrupt_in_the_middle_of_parsing_is_no_fault_of_the_answer(callback: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    interrupted = type("Interrupted", (Incoming,), {callback: interrupt})
    with pytest.raises(KeyboardInterrupt):
        interrupted("POST").feed(ANSWERS["length"])


@pytest.mark.parametrize("wire", [ANSWERS["length"], b"HTTP/1.1 200 OK\r\n" * 2])
def test_answer_that_ended_leaves_nothing_to_the_garbage_collector(wire: bytes) -> None:
    gc.collect()
    incoming = Incoming("POST")
    incoming.feed(wire)
    assert incoming.ended
    del incoming
    assert gc.collect() == 0


def test_trailers_are_not_headers() -> None:
    incoming, _ = read(Answer(200, (), b"a").chunked(trailers={"set-cookie": "x"}).wire, [])
    assert "set-cookie" not in incoming.headers


def test_content_encoding_is_gone_when_it_is_undone() -> None:
    incoming, _ = read(ANSWERS["gzip"], [])
    assert "content-encoding" not in incoming.headers


@pytest.mark.parametrize("bytes_at_a_time", [1, 4096, 200_000])
def test_head_is_capped_however_it_comes(bytes_at_a_time: int) -> None:
    incoming = Incoming("POST")
    wire = b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000
    fed = 0
    while incoming.failure is None and fed < len(wire):
        incoming.feed(wire[fed : fed + bytes_at_a_time])
        fed += bytes_at_a_time
    assert isinstance(incoming.failure, ProtocolError)
    assert fed <= MAX_HEAD_BYTES + bytes_at_a_time


def test_ratio_stops_a_bomb_long_before_the_cap() -> None:
    bomb = Inflate("gzip", 10**12)
    bomb.feed(zlib.compress(b"\0" * 20_000_000, wbits=31))
    pieces = iter(bomb.take, b"")
    with pytest.raises(ProtocolError, match=f"{MAX_RATIO} times"):
        assert sum(map(len, pieces)) < 0, "it ends only by the error"
    assert bomb.unpacked_bytes < 5_000_000


@given(st.binary(max_size=2000), st.sampled_from([("gzip", 31), ("deflate", 15), ("deflate", -15)]))
def test_what_was_packed_comes_back(data: bytes, coding: tuple[str, int]) -> None:
    inflate = Inflate(coding[0], 10_000)
    inflate.feed(zlib.compress(data, wbits=coding[1]))
    out = b""
    while piece := inflate.take():
        out += piece
    inflate.check_end()
    assert out == data


# Requests.


def test_request_is_written_in_one_piece() -> None:
    asked = request("http://name.test:81/v1?x=y", b"body", headers={"x-a": "b"})
    head, _, body = render_request(asked).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1?x=y HTTP/1.1"
    assert "host: name.test:81" in lines
    assert body == b"body"


def test_request_for_a_proxy_names_the_whole_url() -> None:
    asked = request("http://[::1]:81/v1")
    data = render_request(asked, proxy_headers={"proxy-authorization": "Basic x"})
    assert data.startswith(b"POST http://[::1]:81/v1 HTTP/1.1\r\nhost: [::1]:81\r\n")
    assert b"proxy-authorization: Basic x\r\n" in data


def test_get_without_body_has_no_length_and_empty_post_has() -> None:
    assert b"content-length" not in render_request(request("http://a/", b"", method="GET"))
    assert b"content-length: 0\r\n" in render_request(request("http://a/", b""))


def test_user_agent_of_the_caller_is_kept() -> None:
    data = render_request(request("http://a/", headers={"user-agent": "mine/1"}))
    assert data.count(b"user-agent") == 1


def test_connect_names_host_and_port() -> None:
    assert render_connect("[::1]:443", {}).startswith(
        b"CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\n"
    )


@given(st.text(), st.text())
def test_no_header_can_smuggle_a_line(name: str, value: str) -> None:
    try:
        data = render_request(request("http://a/", headers={name: value}))
    except ConfigError:
        return
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert f"{name}: {value}".encode("latin-1") in lines
    assert len(lines) == len(render_request(request("http://a/")).split(b"\r\n")) - 1


@pytest.mark.parametrize("path", ["/a\r\nx: y", "/a b", "/\x7f"])
def test_path_that_cannot_be_sent_is_refused(path: str) -> None:
    import msgspec

    asked = request("http://a/")
    asked = msgspec.structs.replace(asked, url=msgspec.structs.replace(asked.url, target=path))
    with pytest.raises(ConfigError):
        render_request(asked)


def test_path_is_sent_as_it_stands() -> None:
    url = parse_url("http://a/%E2%82%AC/%2e%2e/b?q=%20")
    assert url.target == "/%E2%82%AC/%2e%2e/b?q=%20"
