"""The scripted upstream does what its scripts say, as official and raw clients see it."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import urllib.parse
import zlib

import openai
import pytest

from tests.upstream import fault
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
HELLO = [{"role": "user", "content": "hi"}]


def client(upstream, **options):
    return openai.OpenAI(
        **{"base_url": upstream.base_url, "api_key": "k", "max_retries": 0, **options}
    )


def ask(upstream, **options):
    with client(upstream, **options) as api:
        return api.chat.completions.create(model="m", messages=HELLO)


def stream(upstream, texts=None):
    """Stream with the official client; the texts go into the list given, even when it fails."""
    texts = [] if texts is None else texts
    with client(upstream) as api:
        for piece in api.chat.completions.create(model="m", messages=HELLO, stream=True):
            texts += [choice.delta.content for choice in piece.choices if choice.delta.content]
    return texts


def raw(upstream, request=POST, *, host="127.0.0.1"):
    """Send one request and read all bytes until the end of the connection, or its reset."""
    with socket.create_connection((host, upstream.port), timeout=5) as sock:
        sock.sendall(request)
        return read_all(sock)


def read_all(sock):
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


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
    assert (request.method, request.path, request.query) == (
        "POST",
        "/v1/chat/completions",
        "api-version=1",
    )
    assert request.header("AUTHORIZATION") == "Bearer k"
    assert ("x-twice", "a") in [(name.lower(), value) for name, value in request.headers]
    assert request.json() == {"model": "m", "messages": HELLO}
    assert started < request.at < request.answered_at < time.monotonic()


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


def test_many_connections_are_served_at_once():
    with FaultUpstream(chat("x").closing()) as upstream:
        sockets = [socket.create_connection(("127.0.0.1", upstream.port)) for _ in range(100)]
        for sock in sockets:
            sock.sendall(POST)
        for sock in sockets:
            with sock:
                assert b'"x"' in read_all(sock)
        assert len(upstream.requests) == 100


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_streams_end_their_lines_as_asked(eol):
    with FaultUpstream(chat_stream(["Hel", "lo"], eol=eol).until_close()) as upstream:
        body = raw(upstream).partition(b"\r\n\r\n")[2].decode()
    assert body.endswith(f"data: [DONE]{eol}{eol}")
    assert set(body) & set("\r\n") == set(eol)


def test_a_stream_reaches_the_official_client():
    with FaultUpstream(chat_stream(["Hel", "lö"])) as upstream:
        assert stream(upstream) == ["Hel", "lö"]


def test_a_stream_can_go_byte_by_byte():
    with FaultUpstream(chat_stream(["Hel", "lö"]).paced(1)) as upstream:
        assert stream(upstream) == ["Hel", "lö"]


def test_sizes_shape_chunks_and_the_last_one_repeats():
    answer = fault.Answer(body=b"abcdefgh").chunked(trailers={"x-sum": "1"}).paced(1, 3)
    assert answer.wire.partition(b"\r\n\r\n")[2] == (
        b"1\r\na\r\n3\r\nbcd\r\n3\r\nefg\r\n1\r\nh\r\n0\r\nx-sum: 1\r\n\r\n"
    )


def test_pauses_stand_between_pieces():
    with FaultUpstream(chat_stream(["a"]).paced(200, pause_s=0.02)) as upstream:
        stream(upstream)
        [request] = upstream.requests
    assert request.answered_at - request.at > 0.02


def test_a_stream_may_lack_its_ending():
    answer = chat_stream(["a"], finish=None, usage=None, done=False)
    assert b"[DONE]" not in answer.body
    assert b'"stop"' not in answer.body
    assert b"usage" not in answer.body


def test_tool_calls_are_the_same_streamed_and_whole():
    calls = (("get_weather", {"city": "Wien"}), ("now", ""))
    expected = [("get_weather", '{"city": "Wien"}'), ("now", "")]
    with FaultUpstream(fault.tool_calls(*calls)) as upstream:
        whole = ask(upstream).choices[0]
    assert whole.finish_reason == "tool_calls"
    assert [(c.function.name, c.function.arguments) for c in whole.message.tool_calls] == expected
    with (
        FaultUpstream(fault.tool_calls(*calls, stream=True)) as upstream,
        client(upstream) as api,
        api.chat.completions.stream(model="m", messages=HELLO) as streamed,
    ):
        message = streamed.get_final_completion().choices[0].message
    assert [(c.function.name, c.function.arguments) for c in message.tool_calls] == expected


@pytest.mark.parametrize("framing", ["by_length", "chunked", "until_close"])
def test_every_framing_delivers_the_body(framing):
    answer = getattr(chat("framed"), framing)()
    with FaultUpstream(answer) as upstream:
        assert ask(upstream).choices[0].message.content == "framed"


@pytest.mark.parametrize("framing", ["by_length", "chunked", "until_close"])
def test_a_cut_ends_the_connection_after_so_many_bytes(framing):
    answer = getattr(fault.Answer(body=b"0123456789"), framing)().cut(at=4)
    with FaultUpstream(answer) as upstream:
        body = raw(upstream).partition(b"\r\n\r\n")[2]
    assert body == (b"4\r\n0123\r\n" if framing == "chunked" else b"0123")


def test_a_cut_stream_keeps_its_first_texts_and_fails():
    answer = chat_stream(["Hel", "lo"])
    texts = []
    with (
        FaultUpstream(answer.cut(at=answer.body.index(b'"lo"'))) as upstream,
        pytest.raises(openai.APIConnectionError),
    ):
        stream(upstream, texts)
    assert texts == ["Hel"]


def test_a_reset_is_a_reset():
    with (
        FaultUpstream(fault.Answer(body=b"0123456789").reset(at=4)) as upstream,
        socket.create_connection(("127.0.0.1", upstream.port)) as sock,
    ):
        sock.sendall(POST)
        with pytest.raises(ConnectionResetError):
            read_all(sock)


def test_any_byte_of_the_wire_can_be_the_last():
    wire = chat("x").wire
    scripts = [(fault.Send(wire[:size]), fault.Close()) for size in range(len(wire) + 1)]
    with FaultUpstream(scripts) as upstream:
        for size in range(len(wire) + 1):
            assert raw(upstream) == wire[:size]


def test_a_stall_lasts_as_long_as_asked_and_no_longer():
    with FaultUpstream(chat("late").stall(0.05, at=10)) as upstream:
        started = time.monotonic()
        assert ask(upstream).choices[0].message.content == "late"
    assert 0.05 <= time.monotonic() - started < 1


def test_a_silent_upstream_takes_the_request_and_sees_the_client_leave():
    with FaultUpstream(fault.stall()) as upstream:
        started = time.monotonic()
        with pytest.raises(openai.APITimeoutError):
            ask(upstream, timeout=0.1)
        [request] = upstream.requests
        assert 0.1 <= request.wait_closed() - started < 1


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


def test_content_length_may_lie():
    with FaultUpstream(chat("x").claiming(10_000).cut()) as upstream:
        with pytest.raises(openai.APIConnectionError):
            ask(upstream)
        assert raw(upstream).lower().count(b"content-length: 10000") == 1


def test_interim_answers_come_first():
    answer = chat("x").after(103, {"link": "</a>"}).closing()
    with FaultUpstream(answer) as upstream:
        received = raw(upstream)
    assert received.startswith(b"HTTP/1.1 103 Status\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_connection_close_is_said_and_done():
    with FaultUpstream(chat("x").closing()) as upstream:
        assert b"connection: close" in raw(upstream)


def test_a_stale_connection_closes_without_saying_so():
    with FaultUpstream(chat("x").stale()) as upstream:
        answer = raw(upstream)
    assert b"connection" not in answer
    assert answer.endswith(b"}")


def test_retry_after_has_three_spellings():
    head = error(429, retry_after=2, retry_after_ms=1500).head
    assert b"\r\nretry-after: 2\r\nretry-after-ms: 1500\r\n" in head
    assert b"GMT\r\n" in error(503, retry_after=fault.retry_at(2)).head


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529])
def test_an_error_has_its_status(status):
    with FaultUpstream(error(status, code="c")) as upstream:
        with pytest.raises(openai.APIStatusError) as raised:
            ask(upstream)
        assert raised.value.status_code == status
        assert raised.value.code == "c"


def test_wrong_bodies_are_what_they_say():
    assert error(200).body.startswith(b'{"error"')
    assert error(502, "<html>Bad gateway</html>").headers[0][1].startswith("text/html")
    assert fault.html().body.startswith(b"<!DOCTYPE html>")
    assert fault.empty().wire.endswith(b"content-length: 0\r\n\r\n")
    assert b"location: http://other/\r\n" in fault.redirect("http://other/").head


def test_a_gzip_bomb_is_small_valid_and_huge():
    bomb = fault.gzip_bomb(8 * 1024 * 1024)
    assert len(bomb.body) < 20_000
    unpacked = gzip.decompress(bomb.body)
    assert len(unpacked) > 8 * 1024 * 1024
    assert json.loads(unpacked)["choices"][0]["message"]["content"] == "boom"


@pytest.mark.parametrize(
    "script",
    [
        fault.endless_body(),
        fault.endless_event(),
        fault.endless_headers(),
        fault.gzip_bomb(None),
    ],
)
def test_endless_answers_end_when_the_client_leaves(script):
    with FaultUpstream(script) as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port)) as sock:
            sock.sendall(POST)
            received = 0
            while received < 1_000_000:
                received += len(sock.recv(65536))
        upstream.requests[0].wait_closed()


def test_an_endless_gzip_stream_is_one_stream():
    answer = fault.gzip_bomb(None)
    decoder = zlib.decompressobj(wbits=31)
    text = decoder.decompress(answer.body + answer.endless.data * 3)
    assert text == b" " * (3 * 1024 * 1024)


def test_a_slow_reader_holds_the_upstream_back():
    with (
        FaultUpstream(fault.endless_body()) as upstream,
        socket.create_connection(("127.0.0.1", upstream.port)) as sock,
    ):
        sock.sendall(POST)
        sock.recv(1)
        [connection] = upstream.connections
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
