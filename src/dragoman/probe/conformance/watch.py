"""A transport that looks on: how many requests were sent, and how each answer ended."""

from __future__ import annotations

from dragoman.transport.base import Response, Transport
from dragoman.types.http import Headers, HttpRequest


class Watched:
    """A `Response`. `ended`: read to its end; `closed`: given up before."""

    def __init__(self, response: Response) -> None:
        self.status: int = response.status
        self.headers: Headers = response.headers
        self.ended = False
        self.closed = False
        self._response = response

    def read(self, timeout_s: float) -> bytes:
        """See `Response.read`."""
        chunk = self._response.read(timeout_s)
        self.ended = self.ended or not chunk
        return chunk

    def close(self) -> None:
        """See `Response.close`."""
        self.closed = self.closed or not self.ended
        self._response.close()


class WatchingTransport:
    """Sends through `inner`. `requests` counts, `last` is the newest answer."""

    def __init__(self, inner: Transport) -> None:
        self.requests = 0
        self.last: Watched | None = None
        self._inner = inner

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Response:
        """See `Transport.send`."""
        self.requests += 1
        self.last = None
        answer = self._inner.send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )
        self.last = Watched(answer)
        return self.last

    def close(self) -> None:
        """See `Transport.close`."""
        self._inner.close()
