"""Responses that are made in the background: paid for when first seen finished, and once."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, put_allowance
from dragoman.organisations.desk import Desk
from dragoman.store import responses
from dragoman.store.database import StoreError
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.server.test_responses_store import made, native, streamed, told
from tests.upstream.fault import Answer, FaultUpstream, Request

USAGE = {"input_tokens": 300, "output_tokens": 100, "total_tokens": 400}
COST = 400_000
"""Nano-dollars, where a token costs a millionth of a dollar."""
BUDGET = 'budget = 0.0005\nbudget_period = "total"'
METERED = "SELECT prompt_tokens, completion_tokens, cost_nanousd, cost_source FROM attempt"
ONCE = f"{METERED} WHERE prompt_tokens IS NOT NULL"
PAID = (300, 100, COST, "config")
FREE = (None, None, 0, "free")
OWED = (None, None, None, "unknown")


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


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def server(upstream: Any, maker: Maker) -> FaultUpstream:
    served: FaultUpstream = upstream(maker)
    return served


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start gateways in one home; they end with the test."""
    started: list[Process] = []

    def start(server: FaultUpstream, limits: str, *arguments: str, **env: str) -> Process:
        text = (
            f'[providers.mine]\nbase_url = "{server.base_url}"\napi = "openai-responses"\n'
            "model_defaults = false\n"
            'models = [{ id = "m", max_tokens = 100, cost = { input = 1, output = 1 } }]\n'
            f'[[gateway.keys]]\nname = "a"\nkey = "k-a"\n{limits}\n'
        )
        started.append(Process(tmp_path, text, *arguments, env=env))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def post(gateway: Any, **more: Any) -> int:
    body = {"model": "mine/m", "input": "hi", "background": True, "max_output_tokens": 10, **more}
    url = f"{gateway.url}/v1/responses"
    return ask(url, json.dumps(body).encode(), authorization="Bearer k-a")[0]


def get(gateway: Any) -> str | None:
    url = f"{gateway.url}/v1/responses/resp_1"
    status, headers, body = ask(url, method="GET", authorization="Bearer k-a")
    assert status == 200, body
    return {k.lower(): v for k, v in headers.items()}.get("x-dragoman-cost-usd")


def at_once(gateway: Process, count: int) -> None:
    threads = [threading.Thread(target=get, args=(gateway,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def owed(gateway: Process) -> list[Any]:
    try:
        return gateway.rows("SELECT owed FROM response")
    except sqlite3.OperationalError:
        return []  # it is about to be made


def used(gateway: Process) -> list[Any]:
    return gateway.rows("SELECT amount FROM consumption WHERE amount <> 0")


def test_it_is_paid_for_when_it_is_first_seen_finished(
    start: Callable[..., Process], server: FaultUpstream, maker: Maker, tmp_path: Path
) -> None:
    gateway = start(server, BUDGET)
    assert post(gateway) == 200
    get(gateway)
    maker.status = "in_progress"
    get(gateway)
    wait_until(lambda: gateway.rows(METERED) == [OWED, FREE, FREE])
    assert used(gateway) == []
    assert post(gateway, max_output_tokens=450) == 200  # all of it is left
    maker.status = "completed"
    assert get(gateway) == "0.000400000"
    assert post(gateway, max_output_tokens=150) == 429  # and is counted at once
    get(gateway)
    wait_until(lambda: gateway.rows(METERED) == [OWED, FREE, FREE, OWED, PAID, FREE])
    assert used(gateway) == [(COST,)]
    place = tmp_path / ".local/share/dragoman/dragoman.db"
    drafts = {
        "money": (Draft(measure="spend", period="month", amount=Decimal(1)), COST),
        "tokens": (Draft(measure="tokens", period="month", amount=Decimal(999)), 400),
        "asked": (Draft(measure="requests", period="month", amount=Decimal(99)), 2),
    }
    with closing(Desk(place)) as desk:
        for name, (draft, amount) in drafts.items():
            limit = put_allowance(desk, SYSTEM, "default", name, draft)
            found = f"SELECT amount FROM consumption WHERE allowance_id = '{limit.id}'"
            assert gateway.rows(found) == [(amount,)], name
    gateway.stop()
    summed = "SELECT sum(cost_nanousd), sum(prompt_tokens + completion_tokens) FROM hourly"
    assert gateway.rows(f"{summed} WHERE level = 'all'") == [(COST, 400)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_of_many_who_see_it_at_once_one_pays(
    start: Callable[..., Process],
    server: FaultUpstream,
    maker: Maker,
    workers: str,
    request: pytest.FixtureRequest,
) -> None:
    env = {}
    if workers != "1":
        env["DRAGOMAN_REDIS_URL"] = request.getfixturevalue("redis_server").new().url
    gateway = start(server, BUDGET, "--workers", workers, **env)
    assert post(gateway) == 200
    wait_until(lambda: owed(gateway) == [(1,)])
    maker.status = "completed"
    at_once(gateway, 8)
    assert post(gateway, max_output_tokens=150) == 429
    wait_until(lambda: len(gateway.rows(METERED)) == 9)
    assert gateway.rows(ONCE) == [PAID]
    assert used(gateway) == [(COST,)]


@pytest.mark.parametrize("seen", [True, False])
def test_it_is_paid_for_once_also_after_a_restart(
    start: Callable[..., Process], server: FaultUpstream, maker: Maker, seen: bool
) -> None:
    gateway = start(server, BUDGET)
    assert post(gateway) == 200
    maker.status = "completed"
    if seen:
        get(gateway)
    wait_until(lambda: owed(gateway) == [(0 if seen else 1,)])
    gateway.process.kill()
    gateway.stop()
    again = start(server, BUDGET)
    get(again)
    get(again)
    assert post(again, max_output_tokens=150) == 429
    wait_until(lambda: len(again.rows(METERED)) == (4 if seen else 3))
    assert again.rows(ONCE) == [PAID]
    assert used(again) == [(COST,)]


@pytest.mark.parametrize("status", ["incomplete", "failed", "cancelled"])
def test_cancelling_pays_for_what_was_made(
    serve: Any, server: FaultUpstream, maker: Maker, status: str
) -> None:
    gateway = serve({"a": native(server)})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", background=True)
    maker.status = status
    maker.more = {"error": {"code": "server_error", "message": "no"}} if status == "failed" else {}
    assert client.responses.cancel("resp_1").status == status
    assert client.responses.retrieve("resp_1").status == status
    gateway.seen.wait(3)
    tokens = [e.usage and e.usage.total_tokens for e in gateway.seen.exchanges]
    assert tokens == [None, 400, None]
    assert [e.cost_source for e in gateway.seen.exchanges] == ["unknown", "unknown", "free"]


def test_what_tells_no_usage_stays_owed(serve: Any, server: FaultUpstream, maker: Maker) -> None:
    gateway = serve({"a": native(server)})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", background=True)
    maker.status, maker.more = "completed", {"usage": None}
    client.responses.retrieve("resp_1")
    maker.more = {}
    client.responses.input_items.list("resp_1")
    client.responses.retrieve("resp_1")
    gateway.seen.wait(4)
    told_of = [e.usage is not None for e in gateway.seen.exchanges]
    assert told_of == [False, False, False, True]


def test_a_long_answer_is_paid_for_and_so_is_one_that_guardrails_look_at(
    serve: Any, server: FaultUpstream, maker: Maker
) -> None:
    rules = [{"name": "secrets", "kind": "words", "words": ["sesame"], "action": "redact"}]
    for settings in ({}, {"guardrails": rules}):
        maker.status, maker.more = "queued", {}
        gateway = serve({"a": native(server)}, **settings)
        client = gateway.openai()
        client.responses.create(model="a/x", input="hi", background=True)
        maker.status, maker.more = "completed", {"metadata": {"long": "x" * 200_000}}
        assert client.responses.retrieve("resp_1").metadata == maker.more["metadata"]
        assert gateway.seen.wait(2).usage.total_tokens == 400


def test_what_is_seen_as_a_stream_is_paid_for_with_its_last_event(
    serve: Any, upstream: Any
) -> None:
    queued = told(made("resp_1", status="queued", output=[], usage=None))
    held = streamed("resp_1").stall(at=len(streamed("resp_1").body))  # it never ends
    gateway = serve({"a": native(upstream([queued, held, streamed("resp_1")]))})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", background=True)
    for _ in range(2):
        with client.responses.retrieve("resp_1", stream=True) as events:
            assert any(event.type == "response.completed" for event in events)
    gateway.seen.wait(3)
    tokens = [e.usage and e.usage.total_tokens for e in gateway.seen.exchanges]
    assert tokens == [None, 7, None]


def test_a_database_that_is_away_leaves_it_owed(
    serve: Any,
    server: FaultUpstream,
    maker: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: Any) -> bool:
        raise StoreError("the database is away")

    gateway = serve({"a": native(server)}, database=tmp_path / "d.db")
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", background=True)
    maker.status = "completed"
    with monkeypatch.context() as patch:
        patch.setattr(responses._Writer, "settle", away)
        assert client.responses.retrieve("resp_1").status == "completed"
    client.responses.retrieve("resp_1")
    client.responses.retrieve("resp_1")
    gateway.seen.wait(4)
    told_of = [e.usage is not None for e in gateway.seen.exchanges]
    assert told_of == [False, False, True, False]


def test_what_cannot_be_asked_for_here_is_estimated_as_ever(serve: Any, upstream: Any) -> None:
    queued = told(made("resp_1", status="queued", output=[], usage=None))
    gateway = serve({"a": native(upstream(queued))})
    gateway.openai().responses.create(model="a/x", input="hi", background=True, store=False)
    usage = gateway.seen.wait().usage
    assert usage.estimated
