"""Responses that are made in the background: paid for when first seen finished, and once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
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
from tests.server.making import (
    BUDGET,
    COST,
    FREE,
    METERED,
    ONCE,
    OWED,
    PAID,
    Maker,
    get,
    made,
    post,
    told,
)
from tests.server.process import Process, wait_until
from tests.server.test_responses_store import native, streamed
from tests.upstream.fault import FaultUpstream


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
    start_making: Callable[..., Process], making: FaultUpstream, maker: Maker, tmp_path: Path
) -> None:
    gateway = start_making(making, BUDGET)
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
    start_making: Callable[..., Process],
    making: FaultUpstream,
    maker: Maker,
    workers: str,
    request: pytest.FixtureRequest,
) -> None:
    env = {}
    if workers != "1":
        env["DRAGOMAN_REDIS_URL"] = request.getfixturevalue("redis_server").new().url
    gateway = start_making(making, BUDGET, "--workers", workers, **env)
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
    start_making: Callable[..., Process], making: FaultUpstream, maker: Maker, seen: bool
) -> None:
    gateway = start_making(making, BUDGET)
    assert post(gateway) == 200
    maker.status = "completed"
    if seen:
        get(gateway)
    wait_until(lambda: owed(gateway) == [(0 if seen else 1,)])
    gateway.process.kill()
    gateway.stop()
    again = start_making(making, BUDGET)
    get(again)
    get(again)
    assert post(again, max_output_tokens=150) == 429
    wait_until(lambda: len(again.rows(METERED)) == (4 if seen else 3))
    assert again.rows(ONCE) == [PAID]
    assert used(again) == [(COST,)]


@pytest.mark.parametrize("status", ["incomplete", "failed", "cancelled"])
def test_cancelling_pays_for_what_was_made(
    serve: Any, making: FaultUpstream, maker: Maker, status: str
) -> None:
    gateway = serve({"a": native(making)})
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


def test_what_tells_no_usage_stays_owed(serve: Any, making: FaultUpstream, maker: Maker) -> None:
    gateway = serve({"a": native(making)})
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
    serve: Any, making: FaultUpstream, maker: Maker
) -> None:
    rules = [{"name": "secrets", "kind": "words", "words": ["sesame"], "action": "redact"}]
    for settings in ({}, {"guardrails": rules}):
        maker.status, maker.more = "queued", {}
        gateway = serve({"a": native(making)}, **settings)
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
    making: FaultUpstream,
    maker: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: Any) -> bool:
        raise StoreError("the database is away")

    gateway = serve({"a": native(making)}, database=tmp_path / "d.db")
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
