"""An upstream that makes responses in the background, and gateways before it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from dragoman.organisations.desk import Desk
from dragoman.server.endpoints.responses_owed import Debts
from dragoman.store.database import Place, open_database
from tests.server.process import wait_until
from tests.server.serving import Served, ask
from tests.upstream.fault import Answer, Request

USAGE = {"input_tokens": 300, "output_tokens": 100, "total_tokens": 400}
COST = 400_000
"""Nano-dollars, where a token costs a millionth of a dollar."""
BUDGET = 'budget = 0.0005\nbudget_period = "total"'
METERED = "SELECT prompt_tokens, completion_tokens, cost_nanousd, cost_source FROM attempt"
ONCE = f"{METERED} WHERE prompt_tokens IS NOT NULL"
PAID = (300, 100, COST, "config")
FREE = (None, None, 0, "free")
OWED = (None, None, None, "unknown")


def made(response_id: str, text: str = "ok", **more: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {
        "id": response_id,
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "x",
        "output": [{**item, "content": content}],
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        **more,
    }


def told(value: Any) -> Answer:
    body = json.dumps(value).encode()
    return Answer(headers=(("content-type", "application/json"),), body=body)


class Maker:
    """An upstream that makes responses in the background; `status` is how far it has come."""

    def __init__(self) -> None:
        self.status = "queued"
        self.more: dict[str, Any] = {}

    def __call__(self, request: Request) -> Answer:
        finished = self.status not in ("queued", "in_progress")
        said = {"status": self.status, "usage": USAGE if finished else None, **self.more}
        answer = told(made("resp_1", **(said if finished else {**said, "output": []})))
        return answer if request.method == "POST" else answer.stall(0.2, at=0)


def post(gateway: Any, **more: Any) -> int:
    body = {"model": "mine/m", "input": "hi", "background": True, "max_output_tokens": 10, **more}
    url = f"{gateway.url}/v1/responses"
    return ask(url, json.dumps(body).encode(), authorization="Bearer k-a")[0]


def get(gateway: Any) -> str | None:
    url = f"{gateway.url}/v1/responses/resp_1"
    status, headers, body = ask(url, method="GET", authorization="Bearer k-a")
    assert status == 200, body
    return {k.lower(): v for k, v in headers.items()}.get("x-dragoman-cost-usd")


class Looking:
    """What a worker does every few seconds, whenever a test says so; all that is owed is due then.

    `gateway` is served in this process, with its responses in `place`. A context.
    """

    def __init__(self, gateway: Served, place: Place) -> None:
        self._gateway = gateway
        self._desk = Desk(place)
        served = gateway.gateway
        self._debts = Debts(self._desk, served.collector, served.reception, lambda: served.snapshot)

    def __enter__(self) -> Looking:
        return self

    def __exit__(self, *_: object) -> None:
        self._desk.close()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read the database."""
        return read(self._desk.place, statement)

    def owed(self) -> list[int]:
        """Say of each response whether it is owed."""
        return [owed for (owed,) in self.rows("SELECT owed FROM response ORDER BY id")]

    def look(self, count: int = 1) -> None:
        """Wait until so many responses are written down, and look once."""
        wait_until(lambda: len(self.owed()) == count)
        make_due(self._desk.place)
        self._gateway.run(self._debts.look())


def read(place: Place, statement: str) -> list[tuple[Any, ...]]:
    """Read a database of either kind."""
    with closing(open_database(place)) as connection:
        return [tuple(row[name] for name in row.keys()) for row in connection.rows(statement)]  # noqa: SIM118


def make_due(place: Place) -> None:
    """Let the time come to look at all that is owed."""
    with closing(open_database(place)) as connection:
        connection.write("UPDATE response SET due_at = 0")
