"""Records in a file: each can be told from damage, and found behind it.

A record is a mark, its length, a checksum and a kind, and then what it says. What says something is
MessagePack, whose texts are UTF-8: the mark is not, so it never stands in one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from zlib import adler32

from msgspec import Struct

MARK = b"\xd7dj1"
_HEAD = struct.Struct("<4sII")
_KIND_BYTES = 1
HEAD_BYTES = _HEAD.size + _KIND_BYTES
LONGEST = 64 * 1024 * 1024
"""No record is longer: a length beyond it is damage."""


class Record(Struct, frozen=True, gc=False):
    """One record, whole; `end` is where it ends."""

    kind: bytes
    said: bytes
    end: int

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.end - HEAD_BYTES - len(self.said)


class Damage(Struct, frozen=True, gc=False):
    """Bytes that are no record. `torn`: none follows, as when the one who wrote was killed."""

    start: int
    end: int
    torn: bool


def frame(kind: bytes, said: bytes) -> bytes:
    """Write a record. `kind` is one byte."""
    length, body = len(said), kind + said
    # Not a CRC: to fetch its tables into the cache takes longer than to write the record.
    return _HEAD.pack(MARK, length, adler32(body, length)) + body


def scan(data: bytes) -> Iterator[Record | Damage]:
    """Find the records in `data`, and what lies between them; all of `data` is accounted for."""
    at, size = 0, len(data)
    while at < size:
        record = _read(data, at)
        if record is None:
            start = at
            while record is None:
                at = data.find(MARK, at + 1)
                if at < 0:
                    yield Damage(start, size, torn=True)
                    return
                record = _read(data, at)
            yield Damage(start, at, torn=False)
        yield record
        at = record.end


def _read(data: bytes, at: int) -> Record | None:
    if at + HEAD_BYTES > len(data):
        return None
    mark, length, checksum = _HEAD.unpack_from(data, at)
    end = at + HEAD_BYTES + length
    if mark != MARK or length > LONGEST or end > len(data):
        return None
    body = data[at + _HEAD.size : end]
    if adler32(body, length) != checksum:
        return None
    return Record(body[:_KIND_BYTES], body[_KIND_BYTES:], end)
