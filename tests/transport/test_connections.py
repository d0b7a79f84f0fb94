"""How both transports keep connections, use them again, and let them go."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dragoman.errors import ConnectionLost
from dragoman.transport.sockets import Watch
from dragoman.types.http import ConnectOptions
from dragoman.types.provider import Tls
from tests.transport.either import Either, request
from tests.upstream.fault import Answer, Close, FaultUpstream, Send, chat_stream
from tests.upstream.listener import LINGER_NONE
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

HELLO = Answer(200, (), b"hello")


def connections(up: FaultUpstream) -> list[int]:
    return [one.connection for one in up.requests]


def wait_until(true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for what another thread brings about."""
    ends = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < ends, "it did not come true"
        time.sleep(0.002)


# Use again.


@pytest.mark.parametrize(
    "script",
    [HELLO, HELLO.chunked(), HELLO.chunked(trailers={"a": "b"}), Answer(204), HELLO.after(103)],
    ids=["length", "chunked", "trailers", "204", "interim"],
)
def test_connection_whose_answer_was_read_is_used_again(
    transport: Either, upstream: Upstream, script: Answer
) -> None:
    up = upstream(script)
    for _ in range(5):
        transport.fetch(up.url)
    assert connections(up) == [1] * 5
    assert transport.count() == {up.url: (1, 1)}


def test_small_answer_frees_its_connection_before_it_is_read(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(HELLO)
    answers = [transport.send(up.url) for _ in range(3)]
    assert connections(up) == [1, 1, 1]
    assert [answer.read_all() for answer in answers] == [b"hello"] * 3


@pytest.mark.parametrize(
    "script",
    [
        HELLO.closing(),
        HELLO.until_close(),
        (Send(HELLO.wire + b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"),),
        (Send(HELLO.wire + b"something unasked"),),
    ],
    ids=["close", "until close", "a second answer", "rubbish after the answer"],
)
def test_connection_that_is_no_longer_sound_is_not_used_again(
    transport: Either, upstream: Upstream, script: object
) -> None:
    up = upstream(script)
    for _ in range(2):
        assert transport.fetch(up.url) == b"hello"
    assert connections(up) == [1, 2]


def test_origins_and_options_do_not_share_connections(
    transport: Either, upstream: Upstream
) -> None:
    one, two = upstream(HELLO), upstream(HELLO)
    transport.fetch(one.url)
    transport.fetch(two.url)
    transport.fetch(one.url_as("localhost"))
    transport.fetch(request(one.url, options=ConnectOptions(egress="operator")))
    assert connections(one) == [1, 2, 3]
    assert connections(two) == [1]


def test_concurrent_requests_have_connections_of_their_own_and_keep_their_answers_apart(
    transport: Either, upstream: Upstream
) -> None:
    def echo(asked: object) -> Answer:
        return Answer(200, (), asked.body)  # type: ignore[attr-defined]

    up = upstream(echo)

    def ask(thread: int) -> None:
        for number in range(20):
            body = b"%d/%d " % (thread, number) * 50
            assert transport.fetch(request(up.url, body)) == body

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(ask, range(50)))
    assert len(up.requests) == 1000
    assert up.accepted <= 50
    (idle, count) = transport.count()[up.url]
    assert idle == count <= 50


def test_idle_connections_are_capped_and_the_oldest_go(
    open_transport: Callable[..., Either], upstream: Upstream
) -> None:
    transport = open_transport(max_idle_per_origin=2)
    up = upstream(chat_stream(["a"] * 10).stall(0.05, at=10))
    answers = [transport.send(up.url) for _ in range(5)]
    for answer in answers:
        answer.read_all()
    wait_until(lambda: up.live == 2)
    assert transport.count() == {up.url: (2, 2)}


def test_connection_idle_for_too_long_is_replaced(
    open_transport: Callable[..., Either], upstream: Upstream
) -> None:
    transport = open_transport(idle_expiry_s=0.05)
    up = upstream(HELLO)
    transport.fetch(up.url)
    time.sleep(0.1)
    transport.fetch(up.url)
    assert connections(up) == [1, 2]


# Stale connections.


def test_kept_connection_that_the_server_closed_is_replaced_unseen(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(HELLO.stale())
    for _ in range(3):
        assert transport.fetch(up.url) == b"hello"
        wait_until(lambda: up.live == 0)
    assert connections(up) == [1, 2, 3]


def test_kept_connection_to_a_server_that_came_back_is_replaced_unseen(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(HELLO)
    transport.fetch(up.url)
    up.go_down()
    wait_until(lambda: up.live == 0)
    up.come_back()
    assert transport.fetch(up.url) == b"hello"


def test_request_that_the_server_took_and_dropped_is_not_repeated_unseen(
    transport: Either, upstream: Upstream
) -> None:
    """The upstream may have begun to work, and to bill: whoever asked must be told."""
    up = upstream([HELLO, (Close(),), HELLO])
    transport.fetch(up.url)
    with pytest.raises(ConnectionLost, match="before it answered"):
        transport.send(up.url)
    assert connections(up) == [1, 1]
    transport.fetch(up.url)
    assert connections(up) == [1, 1, 2]


def test_request_that_got_half_an_answer_is_not_repeated(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream([HELLO, (Send(b"HTTP/1.1 2"), Close()), HELLO])
    transport.fetch(up.url)
    with pytest.raises(ConnectionLost):
        transport.send(up.url)
    assert connections(up) == [1, 1]


def test_request_on_a_new_connection_is_never_repeated(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream((Close(),))
    with pytest.raises(ConnectionLost):
        transport.send(up.url)
    assert up.accepted == 1


class Quitter:
    """A server that answers once on each connection, and closes when it is told."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.answered = 0
        self.hidden = b""
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self._sockets.append(sock)
            sock.recv(65536)
            self.answered += 1
            sock.sendall(HELLO.wire)

    def quit_all(self, *, reset: bool = False) -> None:
        for sock in self._sockets:
            if reset and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            sock.close()

    def __enter__(self) -> Quitter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.quit_all()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def before_reuse(transport: Either, act: Callable[[], None]) -> None:
    """Do something when a kept connection has been found good, and before it is written to."""
    exchange = transport.transport._exchange

    def cross(*args: object, kept: bool) -> object:
        if kept:
            act()
        return exchange(*args, kept=kept)

    transport.transport._exchange = cross


@pytest.mark.parametrize("size", [10, 3_000_000])
@pytest.mark.parametrize("reset", [False, True])
def test_request_that_crosses_the_servers_close_is_sent_again_unseen(
    transport: Either, size: int, reset: bool
) -> None:
    """The close met our request on the way: nothing of it was acknowledged."""
    with Quitter() as server:
        transport.fetch(server.url)
        before_reuse(transport, lambda: server.quit_all(reset=reset))
        assert transport.fetch(request(server.url, b"x" * size)) == b"hello"
        assert server.answered == 2


# Caps and queues are in test_pooled.py: a thread that asks does not wait for another.


# The end of an answer that nobody wants.


def test_closing_an_answer_is_seen_by_the_upstream_within_a_second(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(chat_stream(["a"] * 100).stall(at=1000))
    answer = transport.send(up.url)
    answer.read()
    asked = time.monotonic()
    answer.close()
    assert up.requests[0].wait_closed(1.0) - asked < 1.0
    assert answer.read() == b""
    wait_until(lambda: transport.count() == {})


def test_closing_an_answer_that_still_flows_ends_it(transport: Either, upstream: Upstream) -> None:
    up = upstream(HELLO.chunked().then_forever(b"a" * 65536))
    answer = transport.send(up.url)
    answer.read()
    answer.close()
    up.requests[0].wait_closed(1.0)


def test_closing_the_transport_ends_answers_that_are_being_read(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream([HELLO, chat_stream(["a"]).stall(at=20)])
    transport.fetch(up.url)
    answer = transport.send(up.url)
    answer.read()
    failures: list[Exception] = []

    def read() -> None:
        try:
            answer.read(30.0)
        except ConnectionLost as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.05)
    transport.close_now()
    reader.join(2.0)
    assert not reader.is_alive()
    assert len(failures) == 1
    wait_until(lambda: up.live == 0)


def test_closed_transport_sends_nothing_more(transport: Either, upstream: Upstream) -> None:
    up = upstream(HELLO)
    transport.fetch(up.url)
    transport.close_now()
    transport.close_now()
    with pytest.raises(RuntimeError, match="closed"):
        transport.send(up.url)
    wait_until(lambda: up.live == 0)


def test_tls_connections_are_kept_and_replaced_too(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    options = ConnectOptions(tls=Tls(ca_file=str(authority.ca_file)))
    up = upstream([HELLO, HELLO, HELLO.stale(), HELLO], tls=authority.server())
    for _ in range(3):
        assert transport.fetch(request(up.url, options=options)) == b"hello"
    wait_until(lambda: up.requests[2].answered_at is not None)
    time.sleep(0.1)  # the close_notify may be held back by Nagle for 40 ms
    assert transport.fetch(request(up.url, options=options)) == b"hello"
    assert connections(up) == [1, 1, 1, 2]


def test_large_bodies_go_both_ways_whole(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(lambda asked: Answer(200, (), asked.body), tls=authority.server())
    options = ConnectOptions(tls=Tls(ca_file=str(authority.ca_file)))
    body = bytes(range(256)) * 40_000
    assert transport.fetch(request(up.url, body, options=options)) == body
    plain = upstream(lambda asked: Answer(200, (), asked.body))
    assert transport.fetch(request(plain.url, body)) == body


def test_no_wait_for_an_answer_is_deaf_to_ctrl_c_for_long() -> None:
    here, there = socket.socketpair()
    with here, there:
        waiting = threading.Thread(target=Watch(here.fileno()).wait, args=(600.0,), daemon=True)
        waiting.start()
        waiting.join(30.0)
        assert not waiting.is_alive()
