"""A client's connection: uvicorn's, with requests and replies of our own.

uvicorn keeps the connections: it accepts, times idle ones out, queues what is pipelined and pauses
who sends too much. Between its parser and our handlers stands nothing else: to go through ASGI
would take a quarter of all the work of a request.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dragoman.errors import RequestError
from dragoman.server.http.application import Application
from dragoman.server.http.exchange import Exchange, write_head
from dragoman.wire import get_format

HEAD_LIMIT = 64 * 1024
"""How large a head may be, with the trailers of its request."""
UNREAD_S = 30.0
"""How long the end of the last answer may stay unread."""
HEAD_S = 30.0
"""How long the first byte, and then the rest of a head, may take to come."""

_UPGRADING = ("upgrade", "http2-settings")


class HeadTooLarge(RequestError):
    """The head of a request does not end, or its trailers do not."""

    status = 431
    code = "request_head_too_large"

    def __init__(self) -> None:
        super().__init__(f"the head of the request is larger than {HEAD_LIMIT} bytes")


class Connection(HttpToolsProtocol):
    """One connection. What is no HTTP is answered in the shape of an API's error.

    The application that uvicorn is given must be an `Application`.
    """

    app: Any
    cycle: Any
    headers: Any
    parser: Any
    pipeline: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application: Application = self.app
        self._in_head = True
        self._head_bytes = 0
        self._unended = 0
        self._repeated: dict[str, list[str]] = {}
        self._head_timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ what the loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See `asyncio.Protocol`."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        self.flow.resume_writing()
        self.transport.close()
        self.parser = None
        if self.cycle is not None:
            self.cycle.lost()
        for waiting, _ in self.pipeline:
            waiting.lost()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._unset_keepalive_if_required()
        self._unended += len(data)  # the parser sets it to 0 where a head, a chunk, a request ends
        reading = True
        while reading:
            try:
                self.parser.feed_data(data)
                reading = False
            except httptools.HttpParserError as error:
                if isinstance(error.__context__, RequestError):  # raised by what the parser calls
                    self._refuse(error.__context__)
                else:
                    self.send_400_response("Invalid HTTP request received.")
                return
            except httptools.HttpParserUpgrade as upgrade:
                if "upgrade" not in self.headers:  # written anew, it would end here again, for ever
                    self.send_400_response("Invalid HTTP request received.")
                    return
                data = self._without_upgrade(data[upgrade.args[0] :])
        if self._unended > HEAD_LIMIT:
            self._refuse(HeadTooLarge())
        elif self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    # ---------------------------------------------------------------- what the parser calls

    def on_message_begin(self) -> None:
        """See `httptools.HttpRequestParser`."""
        self._in_head = True
        self._head_bytes = 0
        self.url = b""
        self.headers = {}
        self._repeated = {}
        self.expect_100_continue = False

    def on_url(self, url: bytes) -> None:
        """See `httptools.HttpRequestParser`."""
        self._count(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools.HttpRequestParser`. It tells trailers as well; those are dropped.

        Source: https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1 (read 2026-11)
        """
        self._count(len(name) + len(value) + 4)
        if not self._in_head:
            return
        key, text = _lower(name), value.decode("latin-1")
        if key in self.headers:
            self._repeated.setdefault(key, [self.headers[key]]).append(text)
        else:
            self.headers[key] = text

    def on_headers_complete(self) -> None:
        """See `httptools.HttpRequestParser`."""
        self._in_head = False
        self._unended = 0
        self._stop_timer()
        if self._repeated:
            self._join_repeated()
        method = self.parser.get_method().decode("ascii")
        if method == "CONNECT":
            raise RequestError("this is no proxy: there is no CONNECT", code="invalid_http")
        if "upgrade" in self.headers and self.parser.should_upgrade():
            return
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        visit = Exchange(
            self,
            method,
            path,
            (url.query or b"").decode("latin-1"),
            self.headers,
            old=self.parser.get_http_version() == "1.0",
        )
        before: Exchange | None = self.cycle
        self.cycle = visit
        if before is None or before.response_complete:
            self._start_asgi_task(visit, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((visit, self.app))

    def on_body(self, body: bytes) -> None:
        """See `httptools.HttpRequestParser`."""
        self._unended = 0
        self.cycle.feed(body)

    def on_message_complete(self) -> None:
        """See `httptools.HttpRequestParser`."""
        self._unended = 0
        if "upgrade" in self.headers and self.parser.should_upgrade():
            return
        self.cycle.complete()

    def _count(self, size: int) -> None:
        """Count what is told of a head and of trailers. Raises: HeadTooLarge."""
        self._head_bytes += size
        if self._head_bytes > HEAD_LIMIT:
            raise HeadTooLarge

    def _join_repeated(self) -> None:
        """Join the values of each name that came more than once. Raises: RequestError.

        Source: https://www.rfc-editor.org/rfc/rfc9112#section-3.2 (read 2026-11)
        """
        if "host" in self._repeated:
            raise RequestError("a request has one host header, not several", code="invalid_http")
        self.headers |= {name: ", ".join(texts) for name, texts in self._repeated.items()}

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Write a head anew without its wish to speak another protocol, and what follows it.

        The parser takes the body for that protocol. Java's client asks for HTTP/2 by default.
        Source: https://www.rfc-editor.org/rfc/rfc9110#section-7.8 (read 2026-11)
        """
        lines = [
            b"%b %b HTTP/%b"
            % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        ]
        for name, value in self.headers.items():
            if name == "connection":
                value = "close" if "close" in value.lower() else "keep-alive"
            if name not in _UPGRADING:
                lines.append(f"{name}: {value}".encode("latin-1"))
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    # ------------------------------------------------------------------- what uvicorn calls

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        del app
        cycle.task = task = self.loop.create_task(self._application.serve(cycle))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def timeout_keep_alive_handler(self) -> None:
        """See `HttpToolsProtocol`."""
        self.hang_up()

    def hang_up(self) -> None:
        """Close, once what was written has been read, or is not for a while."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(UNREAD_S, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """See `HttpToolsProtocol`."""
        self._refuse(RequestError(msg.rstrip(".").lower(), code="invalid_http"))

    def _refuse(self, error: RequestError) -> None:
        """Answer with an error and close; only close where this request's reply has begun."""
        visit = self.cycle
        if not self._in_head and visit is not None and visit.status is not None:
            self.transport.close()
            return
        status, body = get_format("openai-completions").render_error(error)
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-should-retry": "false",
            "connection": "close",
        }
        self.transport.write(write_head(status, headers) + body)
        self.transport.close()

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


@lru_cache(maxsize=1024)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()
