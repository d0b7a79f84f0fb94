"""What both transports make of sound answers, and of every fault on the way."""

from __future__ import annotations

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable

import pytest

from dragoman.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    DestinationDenied,
    ProtocolError,
    Timeout,
)
from dragoman.transport.dial import Network
from tests.transport.either import Either, request
from tests.upstream.fault import (
    Answer,
    Close,
    FaultUpstream,
    Reset,
    Send,
    Stall,
    Unreachable,
    chat,
    chat_stream,
    endless_body,
    endless_headers,
    error,
    gzip_bomb,
    html,
    pings,
    redirect,
    stall,
)
from tests.upstream.script import Action
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

BODY = bytes(range(256)) * 40
PLAIN = Answer(200, (("content-type", "text/plain"),), BODY)


def packed(coding: str, data: bytes, wbits: int) -> Answer:
    packer = zlib.compressobj(wbits=wbits)
    body = packer.compress(data) + packer.flush()
    return Answer(200, (("content-encoding", coding),), body)


SOUND = {
    "by length": PLAIN,
    "chunked": PLAIN.chunked(),
    "chunked, with trailers": PLAIN.chunked(trailers={"x-checksum": "1"}),
    "chunked, in pieces of three bytes": PLAIN.chunked().paced(3),
    "until the connection ends": PLAIN.until_close(),
    "after 100 Continue": PLAIN.after(100),
    "after two interim answers": PLAIN.after(103, {"link": "</a>"}).after(102),
    "connection: close": PLAIN.closing(),
    "HTTP/1.0": Answer(200, (), BODY, framing="close", version="HTTP/1.0").until_close(),
    "line feeds alone": (Send(b"HTTP/1.1 200 OK\ncontent-length: %d\n\n" % len(BODY) + BODY),),
    "no reason phrase": (Send(b"HTTP/1.1 200\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY),),
    "gzip": packed("gzip", BODY, 31),
    "gzip, chunked, in pieces": packed("x-gzip", BODY, 31).chunked().paced(7),
    "deflate": packed("deflate", BODY, 15),
    "deflate without its wrapper": packed("deflate", BODY, -15),
    "coding identity": PLAIN.with_headers({"content-encoding": "identity"}),
}


@pytest.mark.parametrize("script", SOUND.values(), ids=SOUND.keys())
def test_body_comes_whole_however_it_is_framed(
    transport: Either, upstream: Upstream, script: Answer
) -> None:
    answer = transport.send(upstream(script).url)
    assert answer.status == 200
    assert answer.read_all() == BODY
    assert answer.read() == b""
    answer.close()
    answer.close()
    assert answer.read() == b""


CUT_HEAD = b"HTTP/1.1 200 OK\r\ncontent-le"

BROKEN = {
    "closed before the answer": ((Send(b""), Close()), ConnectionLost),
    "closed in the head": ((Send(CUT_HEAD), Close()), ConnectionLost),
    "reset before the answer": ((Reset(),), ConnectionLost),
    "reset in the head": ((Send(CUT_HEAD), Stall(0.05), Reset(), Close()), ConnectionLost),
    "cut in the body": (PLAIN.cut(at=1000), ConnectionLost),
    "reset in the body": (PLAIN.stall(0.05, at=1000).reset(at=1000), ConnectionLost),
    "shorter than announced": (PLAIN.claiming(len(BODY) + 1).cut(), ConnectionLost),
    "cut in a chunk": (PLAIN.chunked().cut(at=1000), ConnectionLost),
    "cut before the last chunk": (PLAIN.chunked().cut(), ConnectionLost),
    "not HTTP": ((Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()), ProtocolError),
    "a page without a head": ((Send(b"<html>hello</html>"), Close()), ProtocolError),
    "HTTP/2": ((Send(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), Close()), ProtocolError),
    "headers without end": (endless_headers(), ProtocolError),
    "one header of 100 KB": (PLAIN.with_headers({"x-long": "a" * 100_000}), ProtocolError),
    "interim answers without end": (
        PLAIN.with_headers({}).after(103, {"x": "a" * 60_000}).after(103, {"x": "a" * 60_000}),
        ProtocolError,
    ),
    "trailers without end": (
        (
            Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"),
            *[Send(b"x: " + b"a" * 4000 + b"\r\n")] * 40,
            Stall(None),
        ),
        ProtocolError,
    ),
    "a chunk size that is none": (
        (Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), Close()),
        ProtocolError,
    ),
    "two lengths": (PLAIN.with_headers({"content-length": "1"}).chunked(), ProtocolError),
    "a negative length": (PLAIN.claiming(-5), ProtocolError),
    "another transfer coding": (
        (Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Close()),
        ProtocolError,
    ),
    "another protocol": (
        (Send(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), Close()),
        ProtocolError,
    ),
    "brotli": (PLAIN.with_headers({"content-encoding": "br"}), ProtocolError),
    "gzip that is none": (PLAIN.with_headers({"content-encoding": "gzip"}), ProtocolError),
    "gzip, cut short": (
        Answer(200, (("content-encoding", "gzip"),), packed("gzip", BODY, 31).body[:-9]),
        ProtocolError,
    ),
    "gzip bomb": (gzip_bomb(), ProtocolError),
    "gzip bomb without end": (gzip_bomb(None), ProtocolError),
}


@pytest.mark.parametrize(("script", "kind"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_answer_is_an_error_and_never_a_whole_body(
    transport: Either, upstream: Upstream, script: Answer, kind: type[Exception]
) -> None:
    up = upstream(script)
    with pytest.raises(kind):
        transport.fetch(up.url)
    assert all(idle == count for idle, count in transport.count().values())


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_connection_that_ends_before_it_is_used_is_lost_at_once(
    transport: Either, upstream: Upstream, end: Action
) -> None:
    up = upstream(chat("no"), greet=[[end]] * 20)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises((ConnectionLost, ConnectFailed)):
            transport.send(up.url)
    assert time.monotonic() - began < 20.0


def test_what_came_before_the_cut_is_handed_over_first(
    transport: Either, upstream: Upstream
) -> None:
    answer = transport.send(upstream(PLAIN.stall(0.05, at=1000).cut(at=1000)).url)
    got = answer.read()
    while len(got) < 1000:
        got += answer.read()
    assert got == BODY[:1000]
    with pytest.raises(ConnectionLost, match="in the middle of the answer"):
        answer.read()
    with pytest.raises(ConnectionLost):
        answer.read()


@pytest.mark.parametrize("status", [204, 304])
def test_answer_that_has_no_body_by_its_status_ends_at_once(
    transport: Either, upstream: Upstream, status: int
) -> None:
    up = upstream(Answer(status))
    assert transport.fetch(up.url) == b""
    assert transport.fetch(up.url) == b""
    assert {one.connection for one in up.requests} == {1}


def test_head_request_takes_the_length_for_no_body(transport: Either, upstream: Upstream) -> None:
    up = upstream([(Send(PLAIN.head),), chat("next")])
    assert transport.fetch(request(up.url, b"", method="HEAD")) == b""
    assert b"next" in transport.fetch(up.url)
    assert {one.connection for one in up.requests} == {1}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_an_answer_and_is_not_followed(
    transport: Either, upstream: Upstream, status: int
) -> None:
    elsewhere = upstream(chat("no"))
    answer = transport.send(upstream(redirect(elsewhere.url, status)).url)
    assert answer.status == status
    assert elsewhere.accepted == 0


@pytest.mark.parametrize("script", [error(500), error(429, retry_after=3), html(200), html(404)])
def test_error_status_and_web_page_are_answers_like_any_other(
    transport: Either, upstream: Upstream, script: Answer
) -> None:
    answer = transport.send(upstream(script).url)
    assert answer.status == script.status
    assert answer.read_all() == script.body


def test_header_that_comes_twice_is_joined_and_names_are_lower_case(
    transport: Either, upstream: Upstream
) -> None:
    script = PLAIN.with_headers([("X-Limit", "a"), ("x-LIMIT", "b"), ("X-Name", "Gr\u00fc\u00df")])
    answer = transport.send(upstream(script).url)
    assert answer.headers["x-limit"] == "a, b"
    assert answer.headers["x-name"] == "Gr\u00fc\u00df"


def test_request_says_what_the_transport_promises(transport: Either, upstream: Upstream) -> None:
    up = upstream(chat("hi"))
    asked = request(
        f"{up.url}/v1/x?a=b%20c", b'{"a": 1}', headers={"authorization": "Bearer k", "x-a": "\xfc"}
    )
    transport.fetch(asked)
    (seen,) = up.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/v1/x?a=b%20c", b'{"a": 1}')
    assert dict(seen.headers) == {
        "host": f"127.0.0.1:{up.port}",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-length": "8",
        "user-agent": seen.header("user-agent"),
        "authorization": "Bearer k",
        "x-a": "\xfc",
    }
    assert (seen.header("user-agent") or "").startswith("dragoman/")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer canary\n"},
        {"authorization": "Bearer canary\r\nx-evil: 1"},
        {"x-a": "canary\0"},
        {"x-a": "canary\N{SNOWMAN}"},
        {"x a": "canary"},
        {"": "canary"},
        {"host": "canary"},
        {"content-length": "canary"},
        {"transfer-encoding": "canary"},
    ],
)
def test_header_that_cannot_be_sent_is_refused_without_its_value(
    transport: Either, upstream: Upstream, headers: dict[str, str]
) -> None:
    up = upstream(chat("no"))
    with pytest.raises(ConfigError) as caught:
        transport.send(request(up.url, headers=headers))
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert up.requests == []
    assert transport.count() == {}


# Timers: each has its phase, and none is fed by bytes that are not what it waits for.


def test_port_that_never_accepts_times_out_connecting(transport: Either) -> None:
    with Unreachable() as hole, pytest.raises(Timeout) as caught:
        transport.send(hole.base_url, connect_timeout_s=0.2)
    assert (caught.value.phase, caught.value.sent) == ("connect", False)


def test_name_that_is_looked_up_for_ever_times_out_connecting(
    open_transport: Callable[..., Either],
) -> None:
    woken = threading.Event()

    def sleepy(host: str) -> list[str]:
        woken.wait(60)
        return []

    try:
        with pytest.raises(Timeout) as caught:
            open_transport(network=Network(resolve=sleepy)).send(
                "http://slow.test", connect_timeout_s=0.1
            )
        assert not woken.is_set()
    finally:
        woken.set()
    assert caught.value.phase == "connect"


SLOW_HEADS = {
    "silence": stall(),
    "one byte at a time": [
        action
        for byte in b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 100
        for action in (Send(bytes([byte])), Stall(0.02))
    ],
    "interim answers for ever": [
        action for _ in range(100) for action in (Send(b"HTTP/1.1 102 Wait\r\n\r\n"), Stall(0.02))
    ],
}


@pytest.mark.parametrize("script", SLOW_HEADS.values(), ids=SLOW_HEADS.keys())
def test_slow_head_runs_into_the_first_token_timer(
    transport: Either, upstream: Upstream, script: Iterable[Action]
) -> None:
    up = upstream(tuple(script))
    with pytest.raises(Timeout) as caught:
        transport.send(up.url, head_timeout_s=0.2)
    assert (caught.value.phase, caught.value.timeout_s, caught.value.sent) == (
        "first_token",
        0.2,
        True,
    )
    up.requests[0].wait_closed(1.0)


def test_silence_in_the_body_runs_into_the_idle_timer(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(chat_stream(["a", "b"]).stall(at=200))
    answer = transport.send(up.url)
    assert len(answer.read()) == 200
    with pytest.raises(Timeout) as caught:
        answer.read(timeout_s=0.1)
    assert caught.value.phase == "idle"
    up.requests[0].wait_closed(1.0)


def test_chunk_extensions_without_data_do_not_feed_the_idle_timer(
    transport: Either, upstream: Upstream
) -> None:
    drip = [action for _ in range(200) for action in (Send(b"a"), Stall(0.01))]
    up = upstream((Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;"), *drip))
    answer = transport.send(up.url)
    with pytest.raises(Timeout) as caught:
        answer.read(timeout_s=0.2)
    assert caught.value.phase == "idle"


def test_each_read_has_its_whole_time(transport: Either, upstream: Upstream) -> None:
    up = upstream(Answer(200, (), b"abcdef").chunked().paced(1, pause_s=0.1))
    answer = transport.send(up.url, head_timeout_s=0.3)
    assert answer.read_all(timeout_s=0.3) == b"abcdef"


# Caps.


def test_body_longer_than_the_cap_is_refused(
    open_transport: Callable[..., Either], upstream: Upstream
) -> None:
    transport = open_transport(max_body_bytes=100_000)
    with pytest.raises(ProtocolError, match="100000"):
        transport.fetch(upstream(endless_body()).url)
    with pytest.raises(ProtocolError, match="100000"):
        transport.fetch(upstream(Answer(200, (), b"a" * 100_001)).url)
    with pytest.raises(ProtocolError, match="100000"):
        transport.fetch(upstream(packed("gzip", b"a" * 100_001, 31)).url)
    assert len(transport.fetch(upstream(Answer(200, (), b"a" * 100_000)).url)) == 100_000


def test_event_stream_may_be_longer_than_other_bodies(
    open_transport: Callable[..., Either], upstream: Upstream
) -> None:
    transport = open_transport(max_body_bytes=1000)
    script = chat_stream(["a" * 3000])
    assert transport.fetch(upstream(script).url) == script.body


# No connection.


def test_refused_connection_says_so_and_asks_for_the_server(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(chat("no"), down=True)
    with pytest.raises(ConnectFailed, match="refused the connection") as caught:
        transport.send(up.url)
    assert str(up.port) in caught.value.message
    assert "running" in (caught.value.hint or "")
    assert caught.value.sent is False


def test_unknown_name_says_so(open_transport: Callable[..., Either]) -> None:
    def unknown(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(ConnectFailed, match="no address is known for nosuch") as caught:
        open_transport(network=Network(resolve=unknown)).send("http://nosuch.test")
    assert "base URL" in (caught.value.hint or "")


def test_https_to_a_plain_port_says_what_to_change(transport: Either, upstream: Upstream) -> None:
    up = upstream(stall(), greet=[[Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Stall(None)]])
    with pytest.raises(ConnectFailed, match="TLS") as caught:
        transport.send(up.url.replace("http:", "https:"))
    assert "http://" in (caught.value.hint or "")


def test_http_to_a_tls_port_says_what_to_change(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(chat("no"), tls=authority.server())
    with pytest.raises((ProtocolError, ConnectionLost)) as caught:
        transport.fetch(up.url.replace("https:", "http:"))
    if isinstance(caught.value, ProtocolError):
        assert "https://" in caught.value.message


def test_forbidden_address_is_never_dialled(open_transport: Callable[..., Either]) -> None:
    network = Network(resolve=lambda host: ["127.0.0.1", "169.254.169.254"])
    with pytest.raises(DestinationDenied):
        open_transport(network=network).send("http://rebound.test:1")


# Early answers.


@pytest.mark.parametrize("size", [1_000, 8_000_000])
def test_answer_that_comes_before_the_request_is_read_counts(transport: Either, size: int) -> None:
    """As servers do that refuse a long body: they answer, close, and leave the rest unread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge"

        def refuse() -> None:
            sock, _ = listening.accept()
            with sock:
                sock.recv(100)
                sock.sendall(refusal)

        server = threading.Thread(target=refuse)
        server.start()
        answer = transport.send(request(f"http://127.0.0.1:{port}/", b"x" * size))
        server.join()
    assert answer.status == 413


def test_comments_of_a_stream_reach_the_reader(transport: Either, upstream: Upstream) -> None:
    answer = transport.send(upstream(pings()).url)
    assert answer.read().startswith(b": PROCESSING")
    answer.close()
