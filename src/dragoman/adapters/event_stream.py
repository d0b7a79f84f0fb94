"""AWS's binary event streams: bytes → pieces.

    total length u32 | headers' length u32 | CRC of these u32 | headers | payload | CRC of all u32

Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html and
https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

from dragoman.adapters.frames import Piece
from dragoman.errors import ProtocolError
from dragoman.wire.sse import MAX_EVENT_BYTES

_PRELUDE = struct.Struct(">III")
_OVERHEAD = _PRELUDE.size + 4
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Sizes of header values by type: true, false, byte, short, int, long, timestamp, UUID."""
_BYTES, _STRING = 6, 7


class EventStream:
    """See `dragoman.adapters.frames.Cutter`. A piece's `event` is its `:event-type`.

    An exception of the service's has the event `exception` and its type in `:exception-type`.
    """

    def __init__(self) -> None:
        self.error: ProtocolError | None = None
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> list[Piece]:
        """See `Cutter`."""
        if self.error is not None:
            return []
        pending = self._pending
        pending += chunk
        pieces: list[Piece] = []
        at = 0
        try:
            while (size := self._size(pending, at)) and len(pending) - at >= size:
                pieces.append(_read(bytes(pending[at : at + size])))
                at += size
        except ProtocolError as error:
            self.error = error
            at = len(pending)
        del pending[:at]
        return pieces

    def close(self) -> list[Piece]:
        """See `Cutter`: half a frame says nothing."""
        return []

    @staticmethod
    def _size(pending: bytearray, at: int) -> int:
        """Read the size of the next frame; 0 when not even that has come."""
        if len(pending) - at < _PRELUDE.size:
            return 0
        total, headers, crc = _PRELUDE.unpack_from(pending, at)
        if crc32(pending[at : at + 8]) != crc:
            raise _broken("its first bytes are damaged")
        if not _OVERHEAD + headers <= total <= MAX_EVENT_BYTES:
            raise _broken(f"it says that it has {total} bytes")
        return int(total)


def _read(frame: bytes) -> Piece:
    _, headers_size, _ = _PRELUDE.unpack_from(frame)
    if crc32(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
        raise _broken("it is damaged")
    end = _PRELUDE.size + headers_size
    headers = _headers(frame[_PRELUDE.size : end])
    event = headers.get(":event-type", "")
    if headers.get(":message-type", "event") != "event":
        event = "exception"
    return Piece(frame[end:-4], event, headers)


def _headers(data: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name = data[at + 1 : name_end].decode("utf-8", "replace")
        if name_end >= len(data):
            raise _broken("a header ends in the middle")
        kind = data[name_end]
        start = name_end + 1
        if kind in (_BYTES, _STRING):
            size = int.from_bytes(data[start : start + 2], "big")
            start += 2
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise _broken(f"a header is of the unknown type {kind}")
        at = start + size
        if at > len(data):
            raise _broken("a header ends in the middle")
        if kind == _STRING:
            found[name] = data[start:at].decode("utf-8", "replace")
    return found


def _broken(why: str) -> ProtocolError:
    return ProtocolError(f"the upstream sent an event frame that cannot be read: {why}")
