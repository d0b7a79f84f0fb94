"""What performs one HTTP request. The only place that opens sockets to upstreams."""

from __future__ import annotations

from typing import Protocol

from dragoman.types.http import Headers, HttpRequest


class Response(Protocol):
    """An answer whose head has come. `read` until it returns nothing, or `close`.

    A body read to its end gives its connection back; `close` before that ends the connection, so
    that the upstream notices. Both may be called again and then do nothing.
    """

    status: int
    headers: Headers

    def read(self, timeout_s: float) -> bytes:
        """Wait for more of the body; `b""` at its end.

        Raises: Timeout(phase="idle"), ConnectionLost (also for a body shorter than announced),
        ProtocolError (broken framing, a body over the cap).
        """
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Transport(Protocol):
    """Performs requests, one thread or several at a time."""

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Response:
        """Send a request and wait for the head of its answer, 1xx passed over.

        Redirects are answers like any other. A kept connection that turns out to be closed is
        replaced by a new one, once, unseen, unless the other side had acknowledged any of the
        request: then it may have begun to work, and ConnectionLost says so.

        Raises: ConnectFailed, DestinationDenied, Timeout(phase="connect" or "first_token"),
        ConnectionLost, ProtocolError (what came is not HTTP, or too long), ConfigError (a header
        that cannot be sent, a proxy or a file for TLS that cannot be used).
        """
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class AsyncResponse(Protocol):
    """The same, awaited."""

    status: int
    headers: Headers

    async def read(self, timeout_s: float) -> bytes:
        """See `Response.read`."""
        ...

    async def close(self) -> None:
        """See `Response.close`."""
        ...


class AsyncTransport(Protocol):
    """The same, awaited; cancelling `send` or `read` closes the connection."""

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncResponse:
        """See `Transport.send`."""
        ...

    async def close(self) -> None:
        """See `Transport.close`."""
        ...
