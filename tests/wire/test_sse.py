"""The SSE parser against the specification, and against its own speed limit."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.sse import (
    Frame,
    FrameSplitter,
    SseParser,
    render_comment,
    render_frame,
    split_frames,
)


def parse(body: bytes, size: int | None = None, **options: int) -> list[Frame]:
    parser = SseParser(**options)
    size = size or max(1, len(body))
    frames = []
    for at in range(0, len(body), size):
        frames += parser.feed(body[at : at + size])
    return frames + parser.close()


def data(body: bytes) -> list[bytes]:
    return [frame.data for frame in parse(body)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\ndata\n\n", [b"a\nb\n"]),
        (b"data: a\n\n\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data\n\n", [b""]),
        (b"\n\n", []),
        (b": comment\n\n", []),
        (b":\n:\ndata: a\n:\n\n", [b"a"]),
        (b"id: 1\nretry: 5\nfoo: bar\nfoo\ndata: a\n\n", [b"a"]),
        (b" data: a\n\n", []),
        (b"Data: a\n\n", []),
        (b"data: a: b\n\n", [b"a: b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\n\rdata: b\r\n\n", [b"a", b"b"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (
            "data: a\u2028b\u0085c\x0bd\x0ce\x1cf\n\n".encode(),
            ["a\u2028b\u0085c\x0bd\x0ce\x1cf".encode()],
        ),
        (b"event: x\n\ndata: a\n\n", [b"a"]),
    ],
)
def test_frames_are_those_of_the_specification(body: bytes, expected: list[bytes]) -> None:
    assert data(body) == expected


def test_the_name_of_an_event_belongs_to_it_alone() -> None:
    frames = parse(b"event: a\nevent: b\ndata: 1\n\ndata: 2\n\n")
    assert frames == [Frame("b", b"1"), Frame("", b"2")]


@pytest.mark.parametrize(
    "rest", [b"data: [DONE]", b"data: [DONE]\n", b'data: {"a":1}', b"data:[1]"]
)
def test_a_last_event_without_its_empty_line_counts_when_it_is_whole(rest: bytes) -> None:
    parser = SseParser()
    frames = parser.feed(b"data: 1\n\n" + rest) + parser.close()
    assert len(frames) == 2
    assert not parser.cut


@pytest.mark.parametrize("rest", [b"data: [DON", b'data: {"a":', b"data: 12", b"data: hello"])
def test_a_last_event_that_may_be_cut_does_not_count(rest: bytes) -> None:
    parser = SseParser()
    assert len(parser.feed(b"data: 1\n\n" + rest) + parser.close()) == 1
    assert parser.cut


SYNTAX = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b"\r\n", b"data", b"data:", b"data: ", b"event: e", b":", b" ", b"x",
         b"\xef\xbb\xbf", b'{"a":1}', b"[DONE]", "é\u2028".encode(), b"\xff"]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@given(SYNTAX, st.integers(1, 7))
def test_output_never_depends_on_where_chunks_are_cut(body: bytes, size: int) -> None:
    assert parse(body, size) == parse(body)


@given(SYNTAX, st.integers(1, 7), st.integers(3, 20))
def test_the_cap_never_depends_on_where_chunks_are_cut(body: bytes, size: int, cap: int) -> None:
    whole, cut = SseParser(cap), SseParser(cap)
    frames = whole.feed(body) + whole.close()
    pieces = []
    for at in range(0, len(body), size):
        pieces += cut.feed(body[at : at + size])
    pieces += cut.close()
    assert pieces == frames
    assert (cut.error is None) == (whole.error is None)


def test_an_event_over_the_cap_is_an_error_and_the_ones_before_it_stand() -> None:
    parser = SseParser(max_event_bytes=20)
    assert parser.feed(b"data: a\n\ndata: " + b"x" * 21 + b"\n\ndata: b\n\n") == [Frame("", b"a")]
    assert parser.error is not None
    assert parser.error.code == "event_too_long"
    assert parser.feed(b"data: c\n\n") == []
    assert parser.close() == []


def test_many_lines_of_one_event_count_together() -> None:
    parser = SseParser(max_event_bytes=20)
    parser.feed(b"data: 123456789\n" * 3)
    assert parser.error is not None


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    parser = SseParser(max_event_bytes=1000)
    for _ in range(11):
        parser.feed(b"x" * 100)
    assert parser.error is not None


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_time_is_linear_in_the_length(size: int) -> None:
    def cpu(length: int) -> float:
        chunk, parser = b"x" * size, SseParser()
        parser.feed(b"data: ")
        began = time.process_time()
        for _ in range(length // size):
            parser.feed(chunk)
        parser.feed(b"\n\n")
        return time.process_time() - began

    small, large = min(cpu(100_000) for _ in range(3)), cpu(800_000)
    assert large < 8 * max(small, 0.002) * 4


@given(st.text(alphabet="ab \r\n:é\u2028", max_size=30), st.sampled_from(["", "error"]))
def test_what_is_rendered_is_parsed_again(text: str, event: str) -> None:
    frames = parse(render_frame(text.encode(), event))
    read = text.replace("\r\n", "\n").replace("\r", "\n")
    assert frames == [Frame(event, read.encode())]


def test_a_comment_is_one_line_and_means_nothing() -> None:
    assert render_comment("keep\nalive") == b": keep alive\n\n"
    assert parse(render_comment("data: x\n\ndata: y")) == []


@given(SYNTAX, st.integers(1, 9))
def test_a_splitter_lets_every_byte_through_in_order(body: bytes, size: int) -> None:
    splitter = FrameSplitter()
    out = b"".join(splitter.feed(body[at : at + size]) for at in range(0, len(body), size))
    assert out + splitter.close() == body


@given(SYNTAX, st.integers(1, 9))
def test_a_splitter_gives_whole_frames(body: bytes, size: int) -> None:
    splitter, before, parser = FrameSplitter(), SseParser(), SseParser()
    whole = b"".join(splitter.feed(body[at : at + size]) for at in range(0, len(body), size))
    assert before.feed(whole) == parser.feed(body)


def test_a_splitter_does_not_hold_back_a_frame_for_ever() -> None:
    splitter = FrameSplitter(max_held=100)
    out = b"".join(splitter.feed(b"x" * 60) for _ in range(4))
    assert out == b"x" * 240
    assert splitter.torn
    assert splitter.feed(b"\n\n") == b"\n\n"
    assert not splitter.torn


@given(SYNTAX)
def test_frames_put_together_again_are_the_bytes(body: bytes) -> None:
    assert b"".join(split_frames(body)) == body
