"""One small question to a server and its answer, whole, bounded in size and time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from dragoman.errors import Timeout
from dragoman.transport.base import Transport
from dragoman.types.http import ConnectOptions, Headers, HttpRequest, parse_url

MAX_BYTES = 8 * 2**20
"""More than any list of models: that of a router with 10 000 of them has five."""

CONNECT_S = 5.0
DIRECT = ConnectOptions()
_NONE: Mapping[str, str] = MappingProxyType({})


class Reply(Struct, frozen=True):
    """What came. `seconds` is from the question to the answer's end."""

    status: int
    headers: Headers
    body: bytes
    seconds: float

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"

    @property
    def is_page(self) -> bool:
        """Whether it is a web page."""
        return self.body.lstrip()[:1] == b"<"

    @property
    def is_nobody(self) -> bool:
        """Whether it is a web page, or nothing: then the path is nobody's API."""
        return self.is_page or not self.body.strip()


def fetch(
    transport: Transport,
    url: str,
    *,
    headers: Mapping[str, str] = _NONE,
    body: bytes | None = None,
    options: ConnectOptions = DIRECT,
    connect_s: float = CONNECT_S,
    within_s: float = 15.0,
) -> Reply:
    """Ask: a GET, or a POST of `body`. `within_s` holds for all of it, however it trickles.

    Raises: TransportError, ProtocolError, ConfigError; ValueError for what is no URL.
    """
    began = time.monotonic()
    request = HttpRequest(
        url=parse_url(url),
        method="GET" if body is None else "POST",
        headers={"accept": "application/json", **headers},
        body=body or b"",
        options=options,
    )
    answer = transport.send(
        request, connect_timeout_s=min(connect_s, within_s), head_timeout_s=within_s
    )
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= MAX_BYTES:
            left = began + within_s - time.monotonic()
            if left <= 0:
                raise Timeout("total", within_s)
            piece = answer.read(left)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
    finally:
        answer.close()
    whole = b"".join(pieces)[: MAX_BYTES + 1]  # one more, so that it is seen to be too long
    return Reply(answer.status, answer.headers, whole, time.monotonic() - began)
