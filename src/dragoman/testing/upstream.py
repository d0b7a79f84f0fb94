"""A provider that is a real server on loopback, and goes wrong as its script says."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from dragoman.testing.reply import Asked, Replies, Script
from dragoman.testing.speech import Spoken, speak

_STALL_POLL_S = 0.05


class FaultyUpstream:
    """Serve a script on a free port of 127.0.0.1 while the block lasts.

    Replies come in order, the last one ever after; it speaks the language that it is asked in. For
    programs in processes of their own, other languages, and faults of a real connection.

    Example:
        with FaultyUpstream(rate_limited(), cut(after=2), "Hello!") as upstream:
            assert dragoman.chat("m", "hi", base_url=upstream.base_url).text == "Hello!"
        assert len(upstream.asked) == 3
    """

    def __init__(self, *replies: Replies) -> None:
        self._script = Script(*replies)
        self._server = _Server(self._script)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where it is, without `/v1`: where clients of Anthropic's want it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """The URL under which clients put `/chat/completions`."""
        return f"{self.url}/v1"

    @property
    def asked(self) -> list[Asked]:
        """What was asked, in order."""
        return self._script.asked

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end()


class _Server(ThreadingHTTPServer):
    """A thread for each connection; `ending` ends those that are silent."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, script: Script) -> None:
        self.script = script
        self.turn = threading.Lock()
        self.ending = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def end(self) -> None:
        """Close the connections that clients keep, and wait for their threads."""
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def track(self, connection: socket.socket, *, is_open: bool) -> None:
        """Note a connection that begins or ends."""
        (self._open.add if is_open else self._open.discard)(connection)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and sends what the script says."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.track(self.connection, is_open=True)

    def finish(self) -> None:
        self.server.track(self.connection, is_open=False)
        with suppress(OSError):  # whoever asked has left
            super().finish()

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length") or 0)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a test's output is its own."""

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path.partition("?")[0], headers, body)
        with self.server.turn:
            spoken = speak(self.server.script.answer(asked), asked)
        with suppress(OSError):  # whoever asked has left
            self._send(spoken)

    def _send(self, spoken: Spoken) -> None:
        self.send_response(spoken.status)
        for name, value in spoken.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in spoken.chunks:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        if spoken.fault is None:
            self.wfile.write(b"0\r\n\r\n")
            return
        if spoken.fault == "stall":
            self._wait_for_the_end()
        self.close_connection = True

    def _wait_for_the_end(self) -> None:
        """Stay silent until whoever asked leaves, or the block ends."""
        self.connection.settimeout(_STALL_POLL_S)
        while not self.server.ending.is_set():
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    return
                self.server.ending.wait(_STALL_POLL_S)  # it sent more, and still listens
            except TimeoutError:
                continue
