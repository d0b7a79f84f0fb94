"""What importing a transport loads: the command line pays for it at each start."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("heavy", ["asyncio", "ssl", "certifi", "concurrent.futures"])
def test_blocking_transport_loads_nothing_that_it_may_not_need(heavy: str) -> None:
    code = f"import dragoman.transport.sync, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_forgotten_transport_is_closed_at_exit_without_a_warning() -> None:
    code = """
import socket, threading
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import HttpRequest, parse_url

listening = socket.create_server(("127.0.0.1", 0))
def serve():
    global sock
    sock, _ = listening.accept()
    sock.recv(65536)
    sock.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
threading.Thread(target=serve).start()
transport = SyncTransport()
url = parse_url(f"http://127.0.0.1:{listening.getsockname()[1]}/")
transport.send(HttpRequest(url=url, headers={}), connect_timeout_s=5, head_timeout_s=5)
sock.close()
listening.close()
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
