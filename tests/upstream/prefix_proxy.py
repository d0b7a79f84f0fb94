"""A reverse proxy that serves a gateway below a prefix, among other things."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import Self


class PrefixProxy:
    """Takes `prefix` away and hands on, as a context; `missed` is what was asked beside it.

    One request to a connection; what is answered goes through byte by byte, as it comes.
    """

    def __init__(self, port: int, prefix: str) -> None:
        self.missed: list[str] = []
        beside, begins = self.missed, f"{prefix}/".encode()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                head = b""
                while line := self.rfile.readline():
                    head += line
                    if line == b"\r\n":
                        break
                first, _, rest = head.partition(b"\r\n")
                if not first:
                    return
                method, target, version = first.split(b" ")
                if not target.startswith(begins):
                    beside.append(target.decode())
                    self.wfile.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                    return
                lines = [
                    line
                    for line in rest.split(b"\r\n")
                    if line and not line.lower().startswith(b"connection:")
                ]
                size = next(
                    (int(one[15:]) for one in lines if one.lower().startswith(b"content-length:")),
                    0,
                )
                target = target[len(begins) - 1 :]
                lines += [b"x-forwarded-for: 192.0.2.1", b"connection: close"]
                head = b"\r\n".join([b" ".join((method, target, version)), *lines])
                with socket.create_connection(("127.0.0.1", port)) as behind:
                    behind.sendall(head + b"\r\n\r\n" + self.rfile.read(size))
                    while piece := behind.recv(65536):
                        self.wfile.write(piece)

            def finish(self) -> None:
                try:
                    super().finish()
                except OSError:
                    return  # the browser has left

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """A browser that leaves in the middle is no error of ours."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
