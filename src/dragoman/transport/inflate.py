"""Bodies that come compressed though we asked for none: decoded, stopped when they explode."""

from __future__ import annotations

import zlib
from collections import deque

from dragoman.errors import ProtocolError

PIECE_BYTES = 256 * 1024
# zlib hands back what it did not come to; more at a time would be copied over and over.
INPUT_BYTES = 16 * 1024
# Text compresses 3 to 20 times, the dullest JSON about 100; deflate's own limit is 1 032.
MAX_RATIO = 200
RATIO_COUNTS_FROM = 4 * 1024 * 1024

_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's wbits; RFC 9110 §8.4.1
_RAW_DEFLATE = -15


class Inflate:
    """Decodes one body of a content coding; `take` until it gives nothing, then feed more.

    Raises: ProtocolError for a coding we don't know, broken data, and a body that grows beyond
    `max_bytes`, or to more than MAX_RATIO times its size.
    """

    def __init__(self, coding: str, max_bytes: int) -> None:
        if coding not in _WINDOW:
            raise ProtocolError(f"the body comes encoded as {coding[:40]!r}, unasked")
        self._coding = coding
        self._max_bytes = max_bytes
        self._zlib: zlib._Decompress | None = None
        self._tail = b""
        self._waiting: deque[bytes] = deque()
        self._packed_bytes = 0
        self.unpacked_bytes = 0

    def feed(self, data: bytes) -> None:
        """Add encoded bytes."""
        if self._zlib is None:
            data = b"".join((*self._waiting, data))
            self._waiting.clear()
            if len(data) >= 2:
                self._zlib = zlib.decompressobj(self._find_window(data))
        self._waiting.extend(data[i : i + INPUT_BYTES] for i in range(0, len(data), INPUT_BYTES))

    def _find_window(self, opening: bytes) -> int:
        """Some servers send "deflate" without the zlib wrapper that it means: RFC 9110 §8.4.1.2.

        The wrapper is known by its two bytes: RFC 1950 §2.2.
        """
        wrapped = opening[0] & 0x0F == 8 and int.from_bytes(opening[:2], "big") % 31 == 0
        return _WINDOW[self._coding] if wrapped or self._coding != "deflate" else _RAW_DEFLATE

    def take(self) -> bytes:
        """Decode up to PIECE_BYTES; `b""` when more input is wanted."""
        while self._zlib is not None and (self._tail or self._waiting):
            data = self._decompress(self._zlib, self._tail or self._waiting.popleft())
            self.unpacked_bytes += len(data)
            if self.unpacked_bytes > self._max_bytes:
                raise ProtocolError(f"the body unpacks to more than {self._max_bytes} bytes")
            if self.unpacked_bytes > max(RATIO_COUNTS_FROM, self._packed_bytes * MAX_RATIO):
                raise ProtocolError(f"the body unpacks to more than {MAX_RATIO} times its size")
            if data:
                return data
        return b""

    def _decompress(self, packer: zlib._Decompress, packed: bytes) -> bytes:
        if packer.eof:
            if self._coding == "deflate":
                raise ProtocolError("the compressed body goes on after its end")
            # A gzip body may have several members, one after another: RFC 1952 §2.2.
            packer = self._zlib = zlib.decompressobj(_WINDOW[self._coding])
        try:
            data = packer.decompress(packed, PIECE_BYTES)
        except zlib.error as error:
            raise ProtocolError(f"the compressed body is broken ({error})") from error
        self._tail = packer.unconsumed_tail or packer.unused_data
        self._packed_bytes += len(packed) - len(self._tail)
        return data

    def check_end(self) -> None:
        """Raise ProtocolError unless the encoded body was whole. None at all is whole."""
        if self._waiting or (self._zlib is not None and not self._zlib.eof):
            raise ProtocolError("the compressed body ends too early")
