"""Workers that are killed in the middle of answers that are to be given once."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

from dragoman.server.supervisor import BIRTH_S
from tests.chaos.conservation import check_conservation
from tests.chaos.killed_workers import BUDGET, KEY, WORKERS, start_gateway, with_redis
from tests.server.process import Process, children, wait_until
from tests.upstream.answers import chat, chat_stream, tokens
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Answer

AT_A_TIME = 6
"""Orders that are being answered when all workers are killed: half of them streams."""
AGAIN = 3
"""So often each is asked for again, at the same moment."""
COST_NANOUSD = 10 * 1_000 + 3 * 7_000
LONG_S = 60.0


class Reply(NamedTuple):
    """What a client had. `status` 0: the connection broke."""

    status: int
    replayed: bool
    body: bytes


class _Shop:
    """Whoever asks, each for an order of its own, and the provider who counts what it is asked."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def serve(self, request: Request) -> Answer:
        """Answer; when an order comes for the first time, stop in the middle and go no further."""
        asked = request.json()
        order = asked["messages"][0]["content"]
        self.calls[order] += 1
        usage = tokens(10, 3)
        answer = chat("Done.", usage=usage)
        if asked.get("stream"):
            answer = chat_stream(["Do", "ne", "."], usage=usage)
        return answer if self.calls[order] > 1 else answer.stall(None, at=len(answer.body) // 2)

    @staticmethod
    def ask(gateway: Process, order: str) -> Reply:
        """Ask for an order, over a connection of its own."""
        at = urlsplit(gateway.url)
        said = [{"role": "user", "content": order}]
        body = json.dumps({"model": "mine/m", "messages": said, "stream": order.endswith("s")})
        head = {
            "authorization": f"Bearer {KEY}",
            "content-type": "application/json",
            "idempotency-key": order,
        }
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=LONG_S)
        try:
            connection.request("POST", "/v1/chat/completions", body, head)
            with connection.getresponse() as answer:
                replayed = answer.getheader("idempotent-replayed") == "true"
                return Reply(answer.status, replayed, answer.read())
        except (OSError, http.client.HTTPException):
            return Reply(0, False, b"")
        finally:
            connection.close()


def killed_claims(*, full: bool) -> Mapping[str, float]:
    """Kill all workers while they answer; who asks again has one more completion, paid for once."""
    shop = _Shop()
    with (
        TemporaryDirectory() as folder,
        with_redis() as redis,
        FaultUpstream(shop.serve, record=False) as upstream,
        ThreadPoolExecutor(AT_A_TIME * AGAIN) as pool,
    ):
        gateway = start_gateway(Path(folder), upstream.base_url, redis)
        try:
            rounds = 20 if full else 1
            for number in range(rounds):
                if number:
                    time.sleep(BIRTH_S)  # who dies younger too often is not replaced
                _round(gateway, shop, pool, number)
            code, _, said = gateway.stop()
        finally:
            gateway.kill()
        assert code == 0, said
        place = Path(folder) / ".local/share/dragoman/dragoman.db"
        budgets = () if redis is None else (BUDGET,)
        books = check_conservation(place, seen=upstream.received, budgets=budgets)
        orders = rounds * AT_A_TIME
        # What the dead had asked for is recorded as well, and what it cost is not known.
        assert books.attempts == upstream.received == 2 * orders, (books, upstream.received)
        assert books.cost_nanousd == orders * COST_NANOUSD, books
        ((left,),) = gateway.rows("SELECT count(*) FROM idempotency WHERE answer IS NULL")
        assert left == 0, left
    return {"orders": orders, "calls": upstream.received}


def _round(gateway: Process, shop: _Shop, pool: ThreadPoolExecutor, number: int) -> None:
    orders = [f"{number}-{n}{'s' if n % 2 else 'w'}" for n in range(AT_A_TIME)]
    first = [pool.submit(shop.ask, gateway, order) for order in orders]
    wait_until(lambda: all(shop.calls[order] for order in orders))
    dead = children(gateway.process.pid)
    for pid in dead:
        os.kill(int(pid), signal.SIGKILL)
    assert [one.result().status for one in first] == [0] * AT_A_TIME
    again = {o: [pool.submit(shop.ask, gateway, o) for _ in range(AGAIN)] for o in orders}
    for order, asked in again.items():
        replies = [one.result() for one in asked]
        assert [reply.status for reply in replies] == [200] * AGAIN, (order, replies)
        assert len({reply.body for reply in replies}) == 1, (order, replies)
        assert sum(not reply.replayed for reply in replies) == 1, (order, replies)
        assert shop.calls[order] == 2, (order, shop.calls[order])
    wait_until(lambda: len(set(children(gateway.process.pid)) - set(dead)) == WORKERS)
