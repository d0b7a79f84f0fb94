"""The server's side of a connection: uvicorn's, with limits on heads that never end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dragoman.errors import RequestError
from dragoman.wire import get_format

HEAD_LIMIT = 64 * 1024
HEAD_S = 30.0
"""How long the first byte, and then the rest of a head, may take to come."""


class HeadTooLarge(RequestError):
    """The head of a request does not end."""

    status = 431
    code = "request_head_too_large"


GONE = "dragoman.gone"
"""The ASGI extension that takes a function to be called when the client leaves.

ASGI's own way, to wait in `receive`, would cost a task for every request.
"""


class Protocol(HttpToolsProtocol):
    """One connection of a client. What is no HTTP is answered in the shape of an API's error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gone: Callable[[], None] | None = None
        self._extensions = {GONE: self._watch}
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_timer()
        super().connection_lost(exc)
        if self._gone is not None:
            self._gone()

    def _watch(self, gone: Callable[[], None] | None) -> None:
        self._gone = gone

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT:
            self._refuse(HeadTooLarge(f"the head of the request is larger than {HEAD_LIMIT} bytes"))
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def on_message_begin(self) -> None:
        """See `HttpToolsProtocol`."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See `HttpToolsProtocol`."""
        self._in_head = False
        self._stop_timer()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """See `HttpToolsProtocol`."""
        self._refuse(RequestError(msg.rstrip(".").lower(), code="invalid_http"))

    def _refuse(self, error: RequestError) -> None:
        status, body = get_format("openai-completions").render_error(error)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-should-retry: false\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
