"""What importing a transport loads: the command line pays for it at each start."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("heavy", ["asyncio", "ssl", "certifi", "concurrent.futures"])
def test_blocking_transport_loads_nothing_that_it_may_not_need(heavy: str) -> None:
    code = f"import dragoman.transport.sync, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


PRELUDE = """
import os, socket, threading
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import HttpRequest, parse_url

listening = socket.create_server(("127.0.0.1", 0))
url = parse_url(f"http://127.0.0.1:{listening.getsockname()[1]}/")
accepted = []

def serve():
    while True:
        try:
            sock, _ = listening.accept()
        except OSError:
            return
        accepted.append(sock)
        threading.Thread(target=answer, args=(sock,), daemon=True).start()

def answer(sock):
    try:
        while sock.recv(65536):
            sock.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
    except OSError:
        return  # stop() has closed it under our hands

def ask():
    transport.send(HttpRequest(url=url, headers={}), connect_timeout_s=5, head_timeout_s=5)

def stop():
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for sock in accepted:
        sock.close()

threading.Thread(target=serve).start()
transport = SyncTransport()
ask()
"""


def run(code: str, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *options, "-c", PRELUDE + code],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_forgotten_transport_is_closed_at_exit_without_a_warning() -> None:
    assert run("stop()", "-X", "dev", "-W", "error") == (0, "")


def test_child_after_a_fork_leaves_its_parents_connections_alone() -> None:
    code = """
child = os.fork()
if child == 0:
    ask()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
ask()
assert len(accepted) == 2, accepted
stop()
"""
    assert run(code, "-W", "ignore") == (0, "")
