"""Clients that leave in the middle, at every stage."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.chaos.asking import PATHS, ask, request_body
from tests.chaos.streams import LANGUAGES
from tests.server.process import Process, wait_until
from tests.upstream.fault import FaultUpstream, Request, Script, chat, chat_stream, stall

WITHIN_S = 1.0


DATABASE_FILES = 14
"""Connections to the database that are kept open while nobody uses them, with their side files."""


def aborts(*, full: bool) -> Mapping[str, float]:
    """Leave 10 000 requests half-way: upstreams are left within a second, nothing stays open."""
    count = 10_000 if full else 150
    chance = random.Random(11)

    def answer(request: Request) -> Script:
        if request.json()["model"] == "silent":
            return stall()
        if request.json().get("stream"):
            return chat_stream(["a", "b"]).stall(at=400)
        return chat("late").stall()

    with FaultUpstream(answer) as server, TemporaryDirectory() as folder:
        gateway = Process(Path(folder), f'[providers.mine]\nbase_url = "{server.base_url}"\n')
        try:
            assert ask(gateway.url, "openai-completions", "demo/echo", stream=False)[0] == 200
            ledger = gateway.home / ".local/share/dragoman/dragoman.db-shm"
            wait_until(ledger.exists)  # from now on its files are open
            before = _open_files(gateway.process.pid)
            longest = 0.0
            for number in range(count):
                longest = max(longest, _leave(gateway.url, server, chance, number))
            wait_until(lambda: _open_files(gateway.process.pid) <= before + DATABASE_FILES)
            assert ask(gateway.url, "openai-completions", "demo/echo", stream=False)[0] == 200
        finally:
            gateway.stop()
        ((outcomes,),) = gateway.rows(
            "SELECT group_concat(DISTINCT outcome) FROM exchange WHERE provider = 'mine'"
        )
        ((rows,),) = gateway.rows("SELECT count(*) FROM exchange WHERE provider = 'mine'")
        assert outcomes == "client_closed", outcomes
        assert rows == server.received, (rows, server.received)
    assert longest < WITHIN_S, longest
    return {"aborts": count, "asked upstream": server.received, "s at most": longest}


def _leave(url: str, server: FaultUpstream, chance: random.Random, number: int) -> float:
    """Ask and leave; give how long the upstream was kept after that."""
    at = urlsplit(url)
    language = LANGUAGES[number % 3]
    model = ("mine/m", "mine/silent")[number % 2]
    body = request_body(language, model, stream=chance.random() < 0.6)
    head = (
        f"POST {PATHS[language]} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    whole = head + body
    sent = whole if chance.random() < 0.8 else whole[: chance.randrange(1, len(whole))]
    known = len(server.requests)
    with socket.create_connection((at.hostname or "", at.port or 0)) as sock:
        sock.sendall(sent)
        if sent is not whole:
            return 0.0
        (request,) = server.wait_requests(known + 1, 10.0)[known:]
        if chance.random() < 0.3:
            time.sleep(chance.random() * 0.02)
        if chance.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    left = time.monotonic()
    return request.wait_closed(10.0) - left


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
