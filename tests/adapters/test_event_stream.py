"""AWS's binary event streams: every cut, every damage; botocore reads what we read."""

from __future__ import annotations

import struct
import uuid
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from dragoman.adapters.event_stream import EventStream
from dragoman.adapters.frames import Piece
from dragoman.wire.sse import MAX_EVENT_BYTES
from tests.adapters.aws import event, exception, raw_frame, seal

FRAMES = [
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Grüße 🐫"}}),
    raw_frame({":event-type": "empty"}, b""),
    exception("throttlingException", "Too many requests"),
]
STREAM = b"".join(FRAMES)


def read(*chunks: bytes) -> tuple[list[Piece], EventStream]:
    cutter = EventStream()
    pieces = [piece for chunk in chunks for piece in cutter.feed(chunk)]
    return pieces + cutter.close(), cutter


def buffered(data: bytes) -> EventStreamBuffer:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return buffer


WHOLE, _ = read(STREAM)


def test_events_and_exceptions_are_told_apart() -> None:
    assert [piece.event for piece in WHOLE] == [
        "messageStart", "contentBlockDelta", "empty", "exception",
    ]  # fmt: skip
    assert WHOLE[1].json()["delta"]["text"] == "Grüße 🐫"
    assert WHOLE[2].data == b""
    assert WHOLE[3].headers[":exception-type"] == "throttlingException"


@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_no_cut_changes_what_is_read(at: int) -> None:
    assert read(STREAM[:at], STREAM[at:])[0] == WHOLE


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11])
def test_no_size_of_chunks_changes_what_is_read(size: int) -> None:
    chunks = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert read(*chunks)[0] == WHOLE


def test_botocore_reads_the_same() -> None:
    theirs = [(message.payload, dict(message.headers)) for message in buffered(STREAM)]
    assert [(piece.data, dict(piece.headers)) for piece in WHOLE] == theirs


@given(st.data())
def test_what_botocore_reads_we_read(data: st.DataObject) -> None:
    text = st.text(min_size=0, max_size=30)
    names = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=20)
    headers = data.draw(st.dictionaries(names, text, max_size=4))
    frame = raw_frame(headers, data.draw(st.binary(max_size=100)))
    (message,) = list(buffered(frame))
    (piece,), cutter = read(frame)
    assert cutter.error is None
    assert (piece.data, dict(piece.headers)) == (message.payload, dict(message.headers))


def test_header_values_of_every_type_are_passed_over() -> None:
    values = {
        "true": b"\x00",
        "false": b"\x01",
        "byte": b"\x02\x05",
        "short": b"\x03\x00\x05",
        "int": b"\x04" + bytes(4),
        "long": b"\x05" + bytes(8),
        "bytes": b"\x06\x00\x02ab",
        "text": b"\x07\x00\x02ab",
        "time": b"\x08" + bytes(8),
        "uuid": b"\x09" + uuid.UUID(int=0).bytes,
    }
    headers = b"".join(bytes([len(n)]) + n.encode() + v for n, v in values.items())
    frame = seal(headers, b"{}")
    assert len(list(buffered(frame))) == 1
    (piece,), cutter = read(frame)
    assert cutter.error is None
    assert piece.headers == {"text": "ab"}


@pytest.mark.parametrize("at", range(len(FRAMES[1])))
def test_a_damaged_byte_is_an_error_and_ends_it(at: int) -> None:
    frame = bytearray(FRAMES[1])
    frame[at] ^= 0x40
    cutter = EventStream()
    good = cutter.feed(FRAMES[0])
    assert [piece.event for piece in good] == ["messageStart"]
    assert cutter.feed(bytes(frame)) == []
    assert cutter.error is not None
    assert cutter.feed(FRAMES[0]) == []


@pytest.mark.parametrize("total", [0, 15, MAX_EVENT_BYTES + 1, 2**32 - 1])
def test_a_length_that_cannot_be_is_refused_at_once(total: int) -> None:
    """Twelve bytes must not make us wait for, or keep, four billion."""
    prelude = struct.pack(">II", total, 0)
    _, cutter = read(prelude + struct.pack(">I", crc32(prelude)))
    assert cutter.error is not None
    assert str(total) in cutter.error.message


def test_headers_longer_than_their_frame_are_refused() -> None:
    prelude = struct.pack(">II", 20, 1000)
    _, cutter = read(prelude + struct.pack(">I", crc32(prelude)) + bytes(8))
    assert cutter.error is not None


@pytest.mark.parametrize(
    "headers",
    [b"\x05ab", b"\x02ab", b"\x02ab\x07\x00", b"\x02ab\x07\x00\x09abc", b"\x02ab\x63abc"],
    ids=["name", "no type", "no length", "value", "unknown type"],
)
def test_headers_that_break_off_are_refused(headers: bytes) -> None:
    pieces, cutter = read(seal(headers, b"{}"))
    assert pieces == []
    assert cutter.error is not None


def test_half_a_frame_at_the_end_says_nothing() -> None:
    pieces, cutter = read(STREAM + FRAMES[0][:20])
    assert pieces == WHOLE
    assert cutter.error is None
