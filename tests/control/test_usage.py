"""Usage, the overview and requests over HTTP: exact, of one organisation, in all their forms."""

from __future__ import annotations

import csv
import http.client
import io
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from dragoman.ledger.demo_traffic import make_traffic
from dragoman.ledger.rollups import follow, tally
from dragoman.store import Ledger, Place
from dragoman.store.database import open_database
from dragoman.types.exchange import Exchange
from tests.control.plane import Plane
from tests.ledger.test_rollups import sums_in, write_all
from tests.ledger.traffic import BEGAN, traffic

EXCHANGES = list(traffic(60, span_s=48 * 3600))
WHEN = {"since": str(int(BEGAN)), "until": str(int(BEGAN) + 48 * 3600)}
OWN = [one for one in EXCHANGES if one.organisation_id == "default"]
ORGANISATION = "organisations/default"


@pytest.fixture
def filled(place: Place) -> Iterator[Plane]:
    with Plane(place) as plane:
        write_all(place, EXCHANGES)
        yield plane


def get(plane: Plane, path: str, **query: Any) -> Any:
    answer = plane.ask("GET", f"{ORGANISATION}/{path}", query=query)
    assert answer.status == 200, answer.body
    return answer.json


def spent(exchanges: list[Exchange]) -> int:
    return sum(
        attempt.cost_nanousd or 0
        for one in exchanges
        for attempt in one.attempts
        if attempt.cost_source != "demo"
    )


def test_usage_series_and_overview_tell_the_same_money(filled: Plane) -> None:
    for by in ("model", "key", "member", "day"):
        found = get(filled, "usage", by=by, **WHEN)
        assert found["total"]["cost_nanousd"] == spent(OWN)
        assert sum(one["figures"]["cost_nanousd"] for one in found["groups"]) == spent(OWN)
    series = get(filled, "usage/series", by="model", step="day", top=2, **WHEN)
    points = [point for line in series["lines"] for point in line["points"]]
    assert sum(point["figures"]["cost_nanousd"] for point in points) == spent(OWN)
    overview = get(filled, "overview", **WHEN)
    assert overview["now"]["cost_nanousd"] == spent(OWN)
    assert overview["now"]["requests"] == len(OWN)
    real = get(filled, "usage", tag="", **WHEN)
    assert real["total"]["requests"] == sum(one.tag is None for one in OWN)
    everybody = filled.ask("GET", "usage", query=WHEN).json
    assert everybody["total"]["cost_nanousd"] == spent(EXCHANGES)


def test_requests_come_by_pages_and_one_of_them_whole(filled: Plane) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(filled, "requests", limit=7, failed="true", **cursor)
        found += [line["id"] for line in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    failed = [one for one in reversed(OWN) if one.outcome != "ok"]
    assert found == [one.id for one in failed]
    whole = get(filled, f"requests/{found[0]}")
    assert [a["id"] for a in whole["attempts"]] == [a.id for a in failed[0].attempts]
    assert whole["content"] is None
    others = next(one for one in EXCHANGES if one.organisation_id == "acme")
    for id_ in (others.id, "req_none"):
        answer = filled.ask("GET", f"{ORGANISATION}/requests/{id_}")
        assert (answer.status, answer.code) == (404, "not_found")


def test_what_is_asked_wrongly_is_told(plane: Plane) -> None:
    for path, query in (
        ("usage", {"since": "yesterday"}),
        ("usage", {"since": "1d", "until": "2d"}),
        ("usage", {"timezone": "Mars/Base"}),
        ("usage", {"by": "weather"}),
        ("usage", {"since": "1", "until": "1790000000"}),
        ("usage/series", {"step": "hour", "since": "300d"}),
        ("requests", {"since": "1d", "until": "2d"}),
        ("requests", {"since": "1790000000", "until": "1790000000"}),
        ("audit", {"since": "1d", "until": "2d"}),
        ("requests", {"min_cost": "-1"}),
        ("requests", {"cursor": "é"}),
        ("requests", {"outcome": "fine"}),
    ):
        answer = plane.ask("GET", f"{ORGANISATION}/{path}", query=query)
        assert (answer.status, answer.code) == (400, "invalid_request"), (path, query, answer.body)


FORMULAS = (
    *('=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\tx", "\rx", "  =1+1"),
    *("\uff1d1+1", "\uff0b1", "\u3000\uff20A1", "\u00a0=1+1", "\ufeff=1+1", "\x0b=1+1"),
)


def test_files_hold_all_that_fit_and_no_formula(place: Place) -> None:
    exchanges = [one for one in traffic(30, organisations=("default",)) if one.attempts]
    for one, formula in zip(exchanges, FORMULAS, strict=False):
        one.asked = one.key = formula
        one.key_id = None
    with Plane(place) as plane:
        write_all(place, exchanges)
        answer = plane.ask("GET", f"{ORGANISATION}/requests", query={"format": "csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        assert "attachment" in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        assert [row["id"] for row in rows] == [one.id for one in reversed(exchanges)]
        for row in rows:
            for cell in row.values():
                assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")), cell
        assert sum(row["asked"].startswith("'") for row in rows) == len(FORMULAS)
        usage = plane.ask(
            "GET", f"{ORGANISATION}/usage", query={"format": "csv", "by": "key", **WHEN}
        )
        names = [row["id"] for row in csv.DictReader(io.StringIO(usage.body.decode(), newline=""))]
        assert sum(name.startswith("'") for name in names) == len(FORMULAS)
        answer = plane.ask("GET", f"{ORGANISATION}/requests", query={"format": "jsonl"})
        lines = [json.loads(line) for line in answer.body.decode().splitlines()]
        assert [line["asked"] for line in lines] == [one.asked for one in reversed(exchanges)]
        nothing = plane.ask(
            "GET", f"{ORGANISATION}/requests", query={"format": "csv", "error": "no such"}
        )
        assert nothing.body.decode().count("\n") == 1


def test_the_tail_tells_of_requests_as_they_end(plane: Plane) -> None:
    (late,) = traffic(1, organisations=("default",), began=plane.clock() - 1, span_s=1)
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=60)
    with closing(connection):
        connection.request("GET", f"/api/v1/{ORGANISATION}/requests/tail")
        answer = connection.getresponse()
        assert answer.getheader("content-type", "").startswith("text/event-stream")
        assert answer.readline() == b"retry: 1000\n"
        while answer.readline() != b":\n":  # it has looked once
            pass
        with Ledger(plane.desk.place, followers=[follow]) as ledger:
            ledger.record(late, source="gateway")
        line = b""
        while not line.startswith(b"data: "):
            line = answer.readline()
        assert json.loads(line.removeprefix(b"data: "))["id"] == late.id


def under_way(plane: Plane) -> int:
    """Say how many requests are being answered, when those that are over have had time to end."""
    until = time.monotonic() + 5
    while plane.application.in_flight and time.monotonic() < until:
        time.sleep(0.01)
    return plane.application.in_flight


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_that_was_sent_is_no_request_under_way(filled: Plane, form: str) -> None:
    answer = filled.ask("GET", f"{ORGANISATION}/requests", query={"format": form})
    assert answer.status == 200
    assert answer.headers["content-type"].count("charset") == 1
    assert under_way(filled) == 0


def test_a_tail_does_not_hold_up_a_gateway_that_drains(plane: Plane) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=10)
    with closing(connection):
        connection.request("GET", f"/api/v1/{ORGANISATION}/requests/tail")
        answer = connection.getresponse()
        assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"
        while answer.readline() != b":\n":  # it has looked once
            pass
        plane.gateway.ready = False
        answer.read()
        assert under_way(plane) == 0


@pytest.mark.parametrize("end", ["no member any more", "signed out"])
def test_the_tail_ends_for_who_may_not_see_it_any_more(plane: Plane, end: str) -> None:
    root = plane.session(plane.account("root@example.com", operator=True))
    ada = plane.account("ada@example.com", default="viewer")
    session = plane.session(ada)
    (late,) = traffic(1, organisations=("default",), began=plane.clock() - 1, span_s=1)
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=60)
    with closing(connection):
        connection.request("GET", f"/api/v1/{ORGANISATION}/requests/tail", headers=session)
        answer = connection.getresponse()
        while answer.readline() != b":\n":  # it has looked once
            pass
        if end == "signed out":
            plane.ask("DELETE", "session", headers=session)
        else:
            plane.ask("DELETE", f"{ORGANISATION}/members/{ada}", headers=root)
        with Ledger(plane.desk.place, followers=[follow]) as ledger:
            ledger.record(late, source="gateway")
        assert b"data: " not in answer.read()


def test_made_up_traffic_comes_twice_the_same_counts_as_no_money_and_goes_without_a_trace(
    place: Place,
) -> None:
    real = list(traffic(20, organisations=("default",)))
    for one in real:
        one.tag = None
    with Plane(place) as plane:
        write_all(place, real)
        made = plane.ask("POST", f"{ORGANISATION}/demo-traffic", {"count": 150, "seed": 5})
        assert (made.status, made.json) == (201, {"made": 150, "tag": "demo"})
        plane.ask("POST", f"{ORGANISATION}/demo-traffic", {"count": 150, "seed": 5})
        total = get(plane, "usage", tag="demo", since="8d")["total"]
        assert total["requests"] == 150
        assert (total["cost_nanousd"], total["demo_nanousd"] > 0) == (0, True)
        assert total["took_p95_s"] > total["took_p50_s"] > 0
        days = get(plane, "usage", tag="demo", since="8d", by="day")["groups"]
        assert 7 <= len(days) <= 8
        gone = plane.ask("DELETE", f"{ORGANISATION}/requests", query={"tag": "demo"})
        assert (gone.status, gone.json) == (200, {"deleted": 150})
        refused = plane.ask("DELETE", f"{ORGANISATION}/requests", query={"tag": "real"})
        assert refused.status == 404
        with closing(open_database(place)) as connection:
            assert sums_in(connection) == tally(real)
            (left,) = connection.rows("SELECT count(*) AS n FROM exchange")
            assert left["n"] == 20


def test_made_up_fallbacks_follow_the_model_that_was_asked_for(place: Place) -> None:
    assert make_traffic(place, "default", 1_790_000_000.0, count=300) == 300
    with closing(open_database(place)) as connection:
        fell_back = connection.rows(
            "SELECT asked, answered.provider, answered.model, failed.provider AS first_provider,"
            " failed.model AS first_model FROM exchange"
            " JOIN attempt failed ON failed.exchange_id = exchange.id AND failed.number = 1"
            " JOIN attempt answered ON answered.exchange_id = exchange.id AND answered.number = 2"
        )
    assert len(fell_back) > 5
    for row in fell_back:
        assert row["asked"] == f"{row['first_provider']}/{row['first_model']}"
        assert row["asked"] != f"{row['provider']}/{row['model']}"
