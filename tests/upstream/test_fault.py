"""The scripted upstream serves, records and fails as its scripts say."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.parse

import openai
import pytest

from tests.upstream import fault
from tests.upstream.asking import HELLO, POST, ask, client, raw, read_all
from tests.upstream.fault import FaultUpstream, chat, error


def test_a_completion_reaches_the_official_client():
    with FaultUpstream(chat("Hello", usage=fault.tokens(5, 2, cached=1), model="x")) as upstream:
        completion = ask(upstream)
    assert completion.choices[0].message.content == "Hello"
    assert completion.model == "x"
    assert completion.usage.prompt_tokens_details.cached_tokens == 1


def test_requests_are_recorded_as_they_came():
    with FaultUpstream(chat("Hello")) as upstream:
        started = time.monotonic()
        ask(upstream, default_query={"api-version": "1"}, default_headers={"X-Twice": "a"})
        [request] = upstream.requests
        answered_at = request.wait_answered()
    assert (request.method, request.path, request.query) == (
        "POST",
        "/v1/chat/completions",
        "api-version=1",
    )
    assert request.header("AUTHORIZATION") == "Bearer k"
    assert ("x-twice", "a") in [(name.lower(), value) for name, value in request.headers]
    assert request.json() == {"model": "m", "messages": HELLO}
    assert started < request.at < answered_at < time.monotonic()


def test_chunked_request_bodies_are_decoded():
    body = b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nx: y\r\n\r\n"
    with FaultUpstream(chat("x").closing()) as upstream:
        raw(upstream, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert upstream.requests[0].body == b"abcde"


def test_one_script_answers_for_ever_and_a_list_in_order():
    with FaultUpstream(chat("same")) as upstream:
        assert [ask(upstream).choices[0].message.content for _ in range(2)] == ["same", "same"]
    with FaultUpstream([error(500), chat("second")]) as upstream:
        assert ask(upstream, max_retries=1).choices[0].message.content == "second"


def test_a_request_past_the_end_of_the_list_fails_the_test():
    upstream = FaultUpstream([chat("only")])
    with pytest.raises(ExceptionGroup, match="FaultUpstream") as failed, upstream:
        answers = [raw(upstream, POST.replace(b"x", b"y\r\nconnection: close")) for _ in range(2)]
    assert [answer[9:12] for answer in answers] == [b"200", b"500"]
    assert failed.group_contains(AssertionError, match="no script is left")


def test_a_function_decides_by_request():
    with FaultUpstream(lambda request: chat(request.json()["model"].upper())) as upstream:
        assert ask(upstream).choices[0].message.content == "M"


def test_a_failure_in_a_script_function_fails_the_test():
    upstream = FaultUpstream(lambda request: chat(request.json()["missing"]))
    with pytest.raises(ExceptionGroup) as failed, upstream, pytest.raises(openai.APIError):
        ask(upstream)
    assert failed.group_contains(KeyError)


def test_connections_are_kept_alive_and_numbered():
    with FaultUpstream(chat("x")) as upstream, client(upstream) as api:
        for _ in range(3):
            api.chat.completions.create(model="m", messages=HELLO)
        ask(upstream)
        assert [request.connection for request in upstream.requests] == [1, 1, 1, 2]
        assert upstream.accepted == 2


def test_requests_may_be_counted_only():
    with FaultUpstream(chat("x").closing(), record=False) as upstream:
        raw(upstream)
        raw(upstream)
        assert (upstream.received, upstream.requests) == (2, [])


def test_many_connections_are_served_at_once():
    with FaultUpstream(chat("x").closing()) as upstream:
        sockets = [socket.create_connection(("127.0.0.1", upstream.port)) for _ in range(100)]
        for sock in sockets:
            sock.sendall(POST)
        for sock in sockets:
            with sock:
                assert b'"x"' in read_all(sock)
        assert len(upstream.requests) == 100


def test_a_reset_is_a_reset():
    with (
        FaultUpstream(fault.Answer(body=b"0123456789").reset(at=4)) as upstream,
        socket.create_connection(("127.0.0.1", upstream.port)) as sock,
    ):
        sock.sendall(POST)
        with pytest.raises(ConnectionResetError):
            read_all(sock)


def test_a_stall_lasts_as_long_as_asked_and_no_longer():
    with FaultUpstream(chat("late").stall(0.05, at=10)) as upstream:
        started = time.monotonic()
        assert ask(upstream).choices[0].message.content == "late"
    assert 0.05 <= time.monotonic() - started < 60


def test_a_silent_upstream_takes_the_request_and_sees_the_client_leave():
    with FaultUpstream(fault.stall()) as upstream:
        started = time.monotonic()
        with pytest.raises(openai.APITimeoutError):
            ask(upstream, timeout=0.1)
        [request] = upstream.requests
        assert 0.1 <= request.wait_closed() - started < 60


def test_a_client_that_leaves_at_once_is_still_recorded():
    with FaultUpstream(chat("x")) as upstream:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", upstream.port)) as sock:
                sock.sendall(POST)
        for request in upstream.wait_requests(20):
            request.wait_closed()
        assert upstream.live == 0


def test_leaving_a_stream_early_is_seen_and_stops_the_script():
    with FaultUpstream(fault.pings()) as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port)) as sock:
            sock.sendall(POST)
            received = b""
            while b": PROCESSING\n\n" not in received:
                received += sock.recv(65536)
            assert upstream.live == 1
        request = upstream.requests[0]
        assert request.wait_closed() <= time.monotonic()
        assert upstream.live == 0
    assert request.answered_at is None


def test_waiting_for_a_client_that_stays_fails():
    with (
        FaultUpstream(chat("x")) as upstream,
        socket.create_connection(("127.0.0.1", upstream.port)) as sock,
    ):
        sock.sendall(POST)
        [request] = upstream.wait_requests(1)
        with pytest.raises(AssertionError, match="did not close"):
            request.wait_closed(0.02)
        assert request.closed_at is None


def test_a_slow_reader_holds_the_upstream_back():
    with (
        FaultUpstream(fault.endless_body()) as upstream,
        socket.create_connection(("127.0.0.1", upstream.port)) as sock,
    ):
        sock.sendall(POST)
        sock.recv(1)
        connection = upstream.connections[1]
        sizes = [0, connection.sent_bytes]
        while sizes[-1] != sizes[-2]:
            connection.closed.wait(0.05)
            sizes.append(connection.sent_bytes)
            assert sizes[-1] < 20_000_000


def test_a_port_can_go_down_and_come_back():
    with FaultUpstream(chat("x"), down=True) as upstream:
        with pytest.raises(openai.APIConnectionError):
            ask(upstream)
        upstream.come_back()
        ask(upstream)
        upstream.go_down()
        with pytest.raises(ConnectionRefusedError):
            raw(upstream)
        upstream.come_back()
        assert ask(upstream).choices[0].message.content == "x"


def test_going_down_resets_what_is_open():
    with (
        FaultUpstream(fault.stall()) as upstream,
        socket.create_connection(("127.0.0.1", upstream.port)) as sock,
    ):
        sock.sendall(POST)
        upstream.wait_requests(1)
        upstream.go_down()
        with pytest.raises(ConnectionResetError):
            read_all(sock)


def test_an_unreachable_port_never_connects():
    with fault.Unreachable() as upstream, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", upstream.port), timeout=0.1)


def test_the_first_connections_can_be_greeted_otherwise():
    greet = [(fault.Reset(),), (fault.Close(),), (fault.Send(b"SSH-2.0\r\n"), fault.Close())]
    with FaultUpstream(chat("x").closing(), greet=greet) as upstream:
        with pytest.raises(ConnectionResetError):
            raw(upstream)
        with socket.create_connection(("127.0.0.1", upstream.port)) as sock:
            assert read_all(sock) == b""
        with socket.create_connection(("127.0.0.1", upstream.port)) as sock:
            assert read_all(sock) == b"SSH-2.0\r\n"
        assert b'"x"' in raw(upstream)


def test_what_is_not_http_is_kept_as_garbage():
    with FaultUpstream(chat("x")) as upstream:
        assert raw(upstream, b"\x16\x03\x01 hello\r\n\r\n") == b""
        assert upstream.garbage == [b"\x16\x03\x01 hello\r\n\r\n"]
        assert upstream.requests == []


@pytest.mark.parametrize("ip", ["v4", "v6", "both"])
def test_either_address_family_or_both_are_served(ip):
    with FaultUpstream(chat("x"), ip=ip) as upstream:
        url = urllib.parse.urlsplit(upstream.base_url)
        addresses = {"v4": ["127.0.0.1"], "v6": ["::1"], "both": ["127.0.0.1", "::1"]}[ip]
        for address in [url.hostname, *addresses]:
            connection = http.client.HTTPConnection(address, upstream.port)
            connection.request("POST", "/v1/chat/completions", body="{}")
            assert connection.getresponse().read() == chat("x").body
            connection.close()
        if ip != "both":
            other = "::1" if ip == "v4" else "127.0.0.1"
            with pytest.raises(ConnectionRefusedError):
                raw(upstream, host=other)
