"""Answers go over the wire as they were described, right or wrong."""

from __future__ import annotations

import gzip
import json
import socket
import zlib

import openai
import pytest

from tests.upstream import fault
from tests.upstream.asking import HELLO, POST, ask, client, raw, stream
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error


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
    with FaultUpstream(chat_stream(["a"]).paced(200, pause_s=0.02).closing()) as upstream:
        raw(upstream)  # to the end: the official client leaves at [DONE], before the last chunk
        [request] = upstream.requests
        assert request.wait_answered() - request.at > 0.02


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


def test_any_byte_of_the_wire_can_be_the_last():
    wire = chat("x").wire
    scripts = [(fault.Send(wire[:size]), fault.Close()) for size in range(len(wire) + 1)]
    with FaultUpstream(scripts) as upstream:
        for size in range(len(wire) + 1):
            assert raw(upstream) == wire[:size]


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
