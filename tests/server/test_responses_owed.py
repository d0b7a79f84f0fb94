"""Responses that nobody fetches: the gateway asks for them, and whoever had them made pays."""

from __future__ import annotations

import itertools
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest

from dragoman.server.endpoints.responses_owed import AT_ONCE, MOST
from dragoman.store.database import Place, Server, open_database
from dragoman.store.debts import PAUSES_S, claim_due, due_after
from dragoman.store.responses import PROVIDER_TTL_S, Responses, StoredResponse
from tests.server.making import (
    BUDGET,
    COST,
    FREE,
    METERED,
    OWED,
    PAID,
    Looking,
    Maker,
    get,
    made,
    make_due,
    post,
    read,
    told,
)
from tests.server.process import wait_until
from tests.server.serving import Served, ask
from tests.server.tenancy import Team
from tests.server.test_responses_store import native, streamed
from tests.upstream.fault import Answer, FaultUpstream, Request, error

Start = Callable[..., Any]
DAY_S = 86_400.0


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with Team(tmp_path / "dragoman.db") as team:
        yield team


def looks(server: FaultUpstream) -> int:
    """How often responses were asked for that were made before."""
    return sum(request.method == "GET" for request in server.requests)


def tokens(gateway: Served) -> list[int | None]:
    """What each exchange was told to have used."""
    return [e.usage.total_tokens if e.usage else None for e in gateway.seen.exchanges]


# ----------------------------------------------------------------------------- in a real worker


def test_what_nobody_fetches_is_paid_for(
    start_making: Start, making: FaultUpstream, maker: Maker, place: Place
) -> None:
    url = place.url if isinstance(place, Server) else f"sqlite:///{place}"
    gateway = start_making(making, BUDGET, DRAGOMAN_DATABASE_URL=url)
    metered = f"{METERED} ORDER BY started_at"
    used = "SELECT amount FROM consumption WHERE amount <> 0"
    began = time.time()
    assert post(gateway) == 200
    wait_until(lambda: read(place, "SELECT owed FROM response") == [(1,)])
    ((due,),) = read(place, "SELECT due_at FROM response")
    assert began + PAUSES_S[0] <= due <= time.time() + PAUSES_S[0]

    maker.status = "in_progress"
    make_due(place)
    wait_until(lambda: looks(making) == 1)  # nobody else asks
    assert post(gateway, max_output_tokens=450) == 200  # all of the budget is left
    wait_until(lambda: read(place, metered) == [OWED, OWED])
    assert read(place, used) == []

    maker.status = "completed"
    make_due(place)
    wait_until(lambda: read(place, used) == [(COST,)])
    assert post(gateway, max_output_tokens=150) == 429
    assert read(place, metered) == [OWED, OWED, PAID]
    whose = "SELECT gateway_key, endpoint, outcome, organisation_id, tag FROM exchange"
    assert read(place, f"{whose} WHERE endpoint <> '/responses'") == [
        ("a", "/responses/{id}", "ok", "default", None)
    ]
    assert get(gateway) == "0.000000000"
    wait_until(lambda: read(place, metered) == [OWED, OWED, PAID, FREE])
    assert read(place, used) == [(COST,)]


def test_of_several_workers_one_asks(
    start_making: Start, making: FaultUpstream, maker: Maker, redis_server: Any, tmp_path: Path
) -> None:
    redis = redis_server.new().url
    gateway = start_making(making, BUDGET, "--workers", "2", DRAGOMAN_REDIS_URL=redis)
    place = tmp_path / ".local/share/dragoman/dragoman.db"
    assert post(gateway) == 200
    wait_until(lambda: read(place, "SELECT owed FROM response") == [(1,)])
    maker.status = "completed"
    make_due(place)
    wait_until(lambda: read(place, METERED) == [OWED, PAID])
    assert post(gateway, max_output_tokens=150) == 429
    assert looks(making) == 1


# --------------------------------------------------------------------------------- who pays


def test_it_is_paid_for_once_when_clients_fetch_it_as_well(
    serve: Start, making: FaultUpstream, maker: Maker, place: Any
) -> None:
    gateway = serve({"a": native(making)}, database=place)
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", background=True)
    maker.status = "completed"
    with Looking(gateway, place) as looking:
        fetching = [
            threading.Thread(target=client.responses.retrieve, args=("resp_1",)) for _ in range(4)
        ]
        for thread in (*fetching, threading.Thread(target=looking.look)):
            thread.start()
        for thread in fetching:
            thread.join()
        wait_until(lambda: looking.owed() == [0])
        looking.look()
    assert sorted(told for told in tokens(gateway) if told) == [400]


@pytest.mark.parametrize("change", ["revoked", "narrowed", "expired", "deleted"])
def test_whoever_asked_pays_whatever_has_become_of_the_key(
    serve: Start, making: FaultUpstream, maker: Maker, team: Team, change: str
) -> None:
    organisation = team.organisation("red")
    team.provider(organisation, "acme", making.base_url, api="openai-responses")
    key_id, key = team.key(organisation)
    gateway = serve({}, team=team, database=team.place)
    client = gateway.openai(api_key=key)
    client.responses.create(model="acme/x", input="hi", background=True)
    if change == "revoked":
        team.revoke(organisation, key_id)
    elif change == "narrowed":
        team.break_row("""UPDATE gateway_key SET rules = '{"models": ["other/*"]}', version = 9""")
    elif change == "expired":
        team.break_row("UPDATE gateway_key SET expires_at = 1, version = 9")
    else:
        team.break_row("DELETE FROM gateway_key")

    def is_kept_out() -> bool:
        with pytest.raises(openai.APIStatusError) as caught:
            client.responses.retrieve("resp_2")
        return caught.value.status_code == 401 or change == "narrowed"

    wait_until(is_kept_out)
    maker.status = "completed"
    with Looking(gateway, team.place) as looking:
        looking.look()
        assert looking.owed() == [0]
    paid = gateway.seen.exchanges[-1]
    assert paid.usage is not None
    assert paid.usage.total_tokens == 400
    assert paid.organisation_id == organisation
    assert (paid.key_id or paid.key) == key_id


@pytest.mark.parametrize("until", ["output_item.added", "output_item.done", None])
def test_what_goes_on_when_its_stream_is_left_is_paid_for_in_the_end(
    serve: Start, upstream: Start, tmp_path: Path, until: str | None
) -> None:
    whole = streamed("resp_1")
    at = None if until is None else whole.body.index(f"event: response.{until}".encode())
    begun = whole if at is None else whole.stall(at=at)
    server = upstream(lambda said: begun if said.method == "POST" else told(made("resp_1")))
    gateway = serve({"a": native(server)}, database=tmp_path / "d.db", hold_s=0.05)
    asked = {"model": "a/x", "input": "hi", "background": True, "stream": True}
    url, headers = f"{gateway.base_url}/responses", {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as stream:
        if until == "output_item.done":
            while b"output_text.delta" not in stream.readline():
                pass
        elif until is None:
            stream.read()
    left = gateway.seen.wait()
    assert left.outcome == ("ok" if until is None else "client_closed")
    with Looking(gateway, tmp_path / "d.db") as looking:
        looking.look()
        assert looking.owed() == [0]
    assert tokens(gateway) == ([7] if until is None else [None, 7])
    assert left.cost_source == "unknown"


def test_what_goes_on_where_an_attempt_broke_off_is_paid_for_beside_the_answer(
    serve: Start, upstream: Start, tmp_path: Path
) -> None:
    whole = streamed("resp_1")
    cut = whole.cut(at=whole.body.index(b"event: response.output_item.added"))
    first = upstream(lambda said: cut if said.method == "POST" else told(made("resp_1")))
    gateway = serve(
        {"a": native(first), "b": native(upstream(streamed("resp_2")))},
        routes={"r": {"models": ["a/x", "b/x"]}},
        database=tmp_path / "d.db",
    )
    asked = {"model": "r", "input": "hi", "background": True, "stream": True}
    ask(f"{gateway.base_url}/responses", json.dumps(asked).encode())
    with Looking(gateway, tmp_path / "d.db") as looking:
        looking.look(2)
        assert looking.owed() == [0, 0]
    assert tokens(gateway) == [7, 7]


@pytest.mark.parametrize("store", [None, False])
def test_a_stream_that_is_left_is_paid_for_as_ever_where_nothing_goes_on(
    serve: Start, upstream: Start, tmp_path: Path, store: bool | None
) -> None:
    whole = streamed("resp_1")
    server = upstream(whole.cut(at=whole.body.index(b"event: response.output_item.done")))
    gateway = serve({"a": native(server)}, database=tmp_path / "d.db")
    asked = {"model": "a/x", "input": "hi", "stream": True}
    asked |= {} if store is None else {"background": True, "store": store}
    ask(f"{gateway.base_url}/responses", json.dumps(asked).encode())
    usage = gateway.seen.wait().usage
    assert usage is not None
    assert usage.estimated


def test_the_operators_provider_is_asked_though_one_of_the_organisations_hides_it(
    serve: Start, upstream: Start, making: FaultUpstream, maker: Maker, team: Team
) -> None:
    organisation = team.organisation("red")
    _, key = team.key(organisation)
    gateway = serve({"ours": native(making)}, team=team, database=team.place)
    client = gateway.openai(api_key=key)
    client.responses.create(model="ours/x", input="hi", background=True)
    nothing = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    other = upstream(told(made("resp_1", usage=nothing)))
    team.provider(organisation, "ours", other.base_url, api="openai-responses")

    def is_hidden() -> bool:
        try:
            client.responses.retrieve("resp_1")
        except openai.NotFoundError:
            return True
        return False

    wait_until(is_hidden)
    maker.status = "completed"
    with Looking(gateway, team.place) as looking:
        looking.look()
    assert gateway.seen.exchanges[-1].usage.total_tokens == 400
    assert gateway.seen.exchanges[-1].organisation_id == organisation
    assert other.requests == []


def test_what_belongs_to_nobody_any_more_is_told_and_let_be(
    serve: Start,
    making: FaultUpstream,
    team: Team,
    caplog: pytest.LogCaptureFixture,
) -> None:
    organisation = team.organisation("red")
    _, key = team.key(organisation)
    gateway = serve({"ours": native(making)}, team=team, database=team.place)
    gateway.openai(api_key=key).responses.create(model="ours/x", input="hi", background=True)
    with Looking(gateway, team.place) as looking:
        wait_until(lambda: looking.owed() == [1])
        team.break_row(f"DELETE FROM organisation WHERE id = '{organisation}'")
        for _ in range(2):
            looking.look()
        assert looking.owed() == [0]
    assert looks(making) == 0
    assert caplog.text.count("its organisation is gone") == 1


# ------------------------------------------------------------------------- what cannot be asked


def test_what_its_provider_has_no_more_is_told_and_owed_no_more(
    serve: Start, upstream: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queued = told(made("resp_1", status="queued", output=[], usage=None))
    server = upstream([queued, error(404)])
    gateway = serve({"a": native(server)}, database=tmp_path / "d.db")
    gateway.openai().responses.create(model="a/x", input="hi", background=True)
    with Looking(gateway, tmp_path / "d.db") as looking:
        for _ in range(2):
            looking.look()
        assert looking.owed() == [0]
    assert looks(server) == 1
    assert tokens(gateway) == [None]
    assert caplog.text.count("'resp_1' is not counted") == 1


def test_a_provider_that_is_gone_or_fails_is_told_once_and_its_responses_stay_owed(
    serve: Start,
    upstream: Start,
    making: FaultUpstream,
    maker: Maker,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = tmp_path / "d.db"
    gateway = serve({"a": native(making)}, database=place)
    gateway.openai().responses.create(model="a/x", input="hi", background=True)
    wait_until(lambda: read(place, "SELECT owed FROM response") == [(1,)])
    for providers in ({}, {"a": native(upstream(error(500)))}):
        caplog.clear()
        without = serve(providers, database=place)
        with Looking(without, place) as looking:
            for _ in range(2):
                looking.look()
            assert looking.owed() == [1]
        assert caplog.text.count("cannot be asked for what it makes") == 1
        assert tokens(without) == []
    maker.status = "completed"
    with Looking(gateway, place) as looking:
        looking.look()
    assert tokens(gateway) == [None, 400]


def test_what_is_owed_is_not_deleted_before_it_is_counted(
    serve: Start, making: FaultUpstream, maker: Maker, tmp_path: Path
) -> None:
    gateway = serve({"a": native(making)}, database=tmp_path / "d.db")
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", background=True)
    with pytest.raises(openai.BadRequestError, match="still being made"):
        client.responses.delete("resp_1")
    maker.status = "completed"
    ask(f"{gateway.base_url}/responses/resp_1", method="DELETE")
    ask(f"{gateway.base_url}/responses/resp_1", method="DELETE")
    gateway.seen.wait(4)
    assert tokens(gateway) == [None, 400, None, None]
    methods = [request.method for request in making.requests]
    assert methods == ["POST", "GET", "GET", "DELETE", "DELETE"]


def test_what_is_finished_and_tells_no_usage_can_be_deleted(
    serve: Start, making: FaultUpstream, maker: Maker, tmp_path: Path
) -> None:
    gateway = serve({"a": native(making)}, database=tmp_path / "d.db")
    gateway.openai().responses.create(model="a/x", input="hi", background=True)
    maker.status, maker.more = "cancelled", {"usage": None}
    status, _, _ = ask(f"{gateway.base_url}/responses/resp_1", method="DELETE")
    assert status == 200
    assert tokens(gateway) == [None, None]


# ------------------------------------------------------------------------------ how much at a time


def test_few_are_asked_for_at_a_time(serve: Start, upstream: Start, tmp_path: Path) -> None:
    count = 3 * AT_ONCE
    made_so_far = iter(range(count))

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return told(made(f"resp_{next(made_so_far)}", status="queued", output=[], usage=None))
        return told(made(request.path.rpartition("/")[2])).stall(0.1, at=0)

    server = upstream(answer)
    gateway = serve({"a": native(server)}, database=tmp_path / "d.db")
    client = gateway.openai()
    for _ in range(count):
        client.responses.create(model="a/x", input="hi", background=True)
    with Looking(gateway, tmp_path / "d.db") as looking:
        looking.look(count)
        assert looking.owed() == [0] * count
    asked = [request for request in server.requests if request.method == "GET"]
    spans = [(request.at, request.wait_answered()) for request in asked]
    together = [sum(since <= at < until for since, until in spans) for at, _ in spans]
    assert len(spans) == count
    assert 1 < max(together) <= AT_ONCE


def owe(place: Place, rows: dict[str, int]) -> None:
    """Have so many responses owed by each organisation; the first's are due first."""
    open_database(place).close()
    kept, times = Responses(place, wall=lambda: 0.0), itertools.count()
    for organisation, count in rows.items():
        for number in range(count):
            kept.add(
                StoredResponse(
                    id=f"{organisation}_{number}",
                    key="k",
                    provider="a",
                    model="x",
                    expires_at=PROVIDER_TTL_S,
                    organisation_id=organisation,
                    owed=True,
                    due_at=float(next(times)),
                )
            )
    kept.close()


def test_no_organisation_keeps_others_waiting(place: Place) -> None:
    owe(place, {"busy": 3 * MOST, "other": 2, "late": 1})
    with closing(open_database(place)) as connection:
        claimed = [debt.made.id for debt in claim_due(connection, 1000.0, MOST)]
        assert len(claimed) == MOST
        assert {"other_0", "other_1", "late_0", "busy_0"} <= set(claimed)
        again = [debt.made.id for debt in claim_due(connection, 1000.0, MOST)]
        assert not {*claimed} & {*again}


def test_what_several_claim_at_once_each_gets_alone(place: Place) -> None:
    owe(place, {"busy": 200})
    claimed: list[str] = []
    start = threading.Barrier(4)

    def claim() -> None:
        with closing(open_database(place)) as connection:
            start.wait()
            while found := claim_due(connection, 1000.0, 20):
                claimed.extend(debt.made.id for debt in found)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed))
    with closing(open_database(place)) as connection:
        claimed += [debt.made.id for debt in claim_due(connection, 1000.0, 200)]
    assert len(claimed) == len(set(claimed)) == 200


def test_the_older_it_is_the_later_it_is_asked_for_again() -> None:
    response = StoredResponse(
        id="r", key="", provider="a", model="x", expires_at=1000.0 + PROVIDER_TTL_S
    )
    at, pauses = 1000.0, []
    while at < response.expires_at:
        pauses.append(due_after(response, at) - at)
        at += pauses[-1]
    assert pauses[:5] == [60.0, 120.0, 300.0, 600.0, 1800.0]
    assert pauses == sorted(pauses)
    assert set(pauses[len(PAUSES_S) :]) == {DAY_S}
    # After a long time off it is asked for once, and not for all the times that were missed.
    assert due_after(response, 1000.0 + 10 * DAY_S) == 1000.0 + 11 * DAY_S
