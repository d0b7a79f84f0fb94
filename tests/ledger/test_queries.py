"""What is asked of the ledger is answered exactly, and of one organisation alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from dragoman.ledger.latencies import TOOK_S, bucket_of, find_quantile
from dragoman.ledger.queries.overview import read_overview
from dragoman.ledger.queries.requests import (
    LONG_EVERY,
    Tail,
    every_request,
    find_request,
    list_requests,
)
from dragoman.ledger.queries.sums import Figures, Filters, Period, whole_hours
from dragoman.ledger.queries.usage import (
    By,
    Step,
    find_starts,
    read_groups,
    read_series,
    read_total,
)
from dragoman.store import Ledger, Place
from dragoman.store.database import Connection, open_database
from dragoman.store.selection import Selection
from dragoman.types.exchange import Exchange
from dragoman.types.paging import Page
from tests.ledger.test_rollups import write_all
from tests.ledger.traffic import BEGAN, exchange_id, traffic
from tests.upstream.postgres import PostgresServer

EXCHANGES = list(traffic(400, span_s=60 * 3600))
PERIOD = whole_hours(BEGAN, BEGAN + 60 * 3600)
ACME = Filters(organisation_id="acme")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    place: Place = tmp_path_factory.mktemp("ledger") / "dragoman.db"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        place = server.new()
    write_all(place, EXCHANGES)
    with closing(open_database(place)) as opened:
        yield opened


def costs(exchanges: Sequence[Exchange], provider: str | None = None) -> int:
    return sum(
        attempt.cost_nanousd or 0
        for exchange in exchanges
        for attempt in exchange.attempts
        if attempt.cost_source != "demo" and provider in (None, attempt.provider)
    )


def test_every_question_is_answered_for_one_organisation_to_the_nano_dollar(
    connection: Connection,
) -> None:
    own = [one for one in EXCHANGES if one.organisation_id == "acme"]
    total = read_total(connection, PERIOD, ACME)
    assert (total.requests, total.cost_nanousd) == (len(own), costs(own))
    assert total.failed == sum(one.outcome in ("error", "truncated") for one in own)
    for by in get_args(By):
        groups = read_groups(connection, PERIOD, ACME, by, UTC)
        assert sum(group.figures.cost_nanousd for group in groups) == costs(own), by
        assert sum(group.figures.requests for group in groups) == len(own), by
    everyone = read_total(connection, PERIOD, Filters())
    assert everyone.cost_nanousd == costs(EXCHANGES)


def test_filters_go_together_with_any_groups(connection: Connection) -> None:
    chosen = [
        one for one in EXCHANGES
        if one.organisation_id == "acme" and one.project_id == "prj_acme_1" and one.tag is None
    ]  # fmt: skip
    filters = Filters(organisation_id="acme", project_id="prj_acme_1", tag="", provider="mycorp")
    for by in get_args(By):
        groups = read_groups(connection, PERIOD, filters, by, UTC)
        total = sum(group.figures.cost_nanousd for group in groups)
        assert total == costs(chosen, "mycorp") > 0, by
    by_key = Filters(organisation_id="acme", key="key_acme_web")
    (only,) = read_groups(connection, PERIOD, by_key, "key", UTC)
    own = [one for one in EXCHANGES if one.key_id == "key_acme_web"]
    assert (only.name, only.figures.requests) == ("web", len(own))


@pytest.mark.parametrize("whole", ["mycorp/small", "other/a/b"])
def test_a_model_is_found_by_the_name_that_it_is_listed_by(
    whole: str, connection: Connection
) -> None:
    listed = read_groups(connection, PERIOD, ACME, "model", UTC)
    (figures,) = [group.figures for group in listed if group.id == whole]
    for named in (whole, whole.partition("/")[2]):
        (group,) = read_groups(connection, PERIOD, replace(ACME, model=named), "model", UTC)
        assert (group.id, group.figures.cost_nanousd) == (whole, figures.cost_nanousd)


def test_groups_have_the_names_that_people_gave(place: Place) -> None:
    write_all(place, EXCHANGES[:50])
    with closing(open_database(place)) as connection:
        _check_names(connection)


def _check_names(connection: Connection) -> None:
    made = ("created_at", "updated_at")
    columns = ("id", "name", "title", *made)
    connection.insert("organisation", columns, [("acme", "acme", "Acme", 1.0, 1.0)])
    columns = ("id", "organisation_id", "name", "title", *made)
    connection.insert("project", columns, [("prj_acme_1", "acme", "web", "Web", 1.0, 1.0)])
    groups = read_groups(connection, PERIOD, ACME, "project", UTC)
    assert {(one.id, one.name) for one in groups} == {
        ("", ""), ("prj_acme_1", "web"), ("prj_acme_2", "prj_acme_2"),
    }  # fmt: skip


def test_a_series_has_every_step_and_the_rest_together(connection: Connection) -> None:
    (line,) = read_series(connection, PERIOD, ACME, "hour", UTC)
    assert [point.at for point in line.points] == list(range(PERIOD.since, PERIOD.until, 3600))
    lines = read_series(connection, PERIOD, ACME, "day", UTC, by="model", top=2)
    assert len(lines) == 3
    assert lines[-1].name == "others"
    assert len({tuple(point.at for point in one.points) for one in lines}) == 1
    for name in ("cost_nanousd", "requests", "prompt_tokens"):
        sums = [sum(getattr(p.figures, name) for p in one.points) for one in (line, *lines)]
        assert sums[0] == sum(sums[1:])
    empty = Period(PERIOD.since - 86_400, PERIOD.since)
    (nothing,) = read_series(connection, empty, ACME, "hour", UTC)
    assert [point.figures.requests for point in nothing.points] == [0] * 24


def test_a_series_tells_how_long_it_took_as_groups_do(connection: Connection) -> None:
    days = {day.id: day.figures for day in read_groups(connection, PERIOD, ACME, "day", UTC)}
    (line,) = read_series(connection, PERIOD, ACME, "day", UTC)
    timed = [point for point in line.points if str(point.at) in days]
    assert [point.figures for point in timed] == [days[str(point.at)] for point in timed]
    assert all((point.figures.took_p50_s or 0) > 0 for point in timed)
    models = read_series(connection, PERIOD, ACME, "day", UTC, by="model")
    assert any(point.figures.first_token_p95_s for one in models for point in one.points)
    by_key = read_series(connection, PERIOD, ACME, "day", UTC, by="key")
    assert {point.figures.took_p50_s for one in by_key for point in one.points} == {None}


def test_fallbacks_are_requests_that_were_answered_after_one(connection: Connection) -> None:
    answered = [
        one for one in EXCHANGES
        if one.outcome == "ok" and any(tried.kind == "fallback" for tried in one.attempts)
    ]  # fmt: skip
    assert read_total(connection, PERIOD, Filters()).fallbacks == len(answered) > 0
    groups = read_groups(connection, PERIOD, Filters(), "model", UTC)
    assert sum(group.figures.fallbacks for group in groups) == len(answered)


def test_days_are_those_of_the_time_zone_also_when_clocks_change(place: Place) -> None:
    """In Berlin 2026-10-25 has 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    began = datetime(2026, 10, 24, tzinfo=berlin).timestamp()
    exchanges = list(traffic(73, began=began, span_s=73 * 3600, organisations=("acme",)))
    write_all(place, exchanges)
    with closing(open_database(place)) as connection:
        period = whole_hours(began, began + 73 * 3600)
        days = read_groups(connection, period, ACME, "day", berlin)
        assert [day.figures.requests for day in days] == [24, 25, 24]
        assert [day.name[:10] for day in days] == ["2026-10-24", "2026-10-25", "2026-10-26"]
        (line,) = read_series(connection, period, ACME, "month", berlin)
        assert [point.figures.requests for point in line.points] == [73]


def test_a_day_with_two_midnights_is_one_day() -> None:
    """In Havana 2026-11-01 has its first hour twice."""
    havana = ZoneInfo("America/Havana")
    began = int(datetime(2026, 10, 31, tzinfo=havana).timestamp())
    starts = find_starts(Period(began, began + 73 * 3600), "day", havana)
    assert [start - began for start in starts] == [0, 24 * 3600, 49 * 3600]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_long_steps_add_up_the_hours_in_them(connection: Connection, step: Step, zone: str) -> None:
    """Kolkata's days begin in the middle of an hour; the period begins and ends within a day."""
    period = Period(PERIOD.since + 5 * 3600, PERIOD.until - 7 * 3600)
    told = ZoneInfo(zone) if zone != "UTC" else UTC
    every: tuple[By | None, ...] = (None, "provider", "key")
    for by in every:
        hours = read_series(connection, period, ACME, "hour", told, by, top=50)
        steps = read_series(connection, period, ACME, step, told, by, top=50)
        for line, hourly in zip(steps, hours, strict=True):
            expected = dict.fromkeys((point.at for point in line.points), 0)
            for point in hourly.points:
                begun = max(at for at in expected if at <= point.at)
                expected[begun] += point.figures.requests
            found = {point.at: point.figures.requests for point in line.points}
            assert (line.id, found) == (hourly.id, expected)
            assert sum(found.values()) > 0


def test_a_series_without_quantiles_is_the_same_but_for_them(connection: Connection) -> None:
    quick, whole = (
        read_series(connection, PERIOD, ACME, "day", UTC, "model", timed=timed)
        for timed in (False, True)
    )
    untimed = {
        name: None for name in Figures.__struct_fields__ if name.endswith(("p50_s", "p95_s"))
    }
    assert len(untimed) == 4
    assert [[point.figures for point in line.points] for line in quick] == [
        [replace(point.figures, **untimed) for point in line.points] for line in whole
    ]


def test_the_overview_compares_with_the_time_before(connection: Connection) -> None:
    half = (PERIOD.until - PERIOD.since) // 2 // 3600 * 3600
    period = Period(PERIOD.since + half, PERIOD.since + 2 * half)
    found = read_overview(connection, period, ACME)
    assert found.now == read_total(connection, period, ACME)
    assert found.before == read_total(connection, Period(PERIOD.since, PERIOD.since + half), ACME)
    assert found.before.requests > 0
    assert len(found.points) == half // 3600
    assert [one.outcome != "ok" for one in found.failures] == [True] * 10
    assert found.failures[0].started_at > found.failures[-1].started_at
    assert found.models[0].figures.cost_nanousd >= found.models[1].figures.cost_nanousd


def test_quantiles_are_right_to_the_width_of_a_bucket() -> None:
    times = [0.05 * number for number in range(1, 401)]
    counts = [0] * 16
    for at in times:
        counts[bucket_of(at, TOOK_S)] += 1
    for share in (0.5, 0.95):
        exact = times[int(share * len(times)) - 1]
        found = find_quantile(counts, TOOK_S, share)
        assert found is not None
        assert bucket_of(found, TOOK_S) == bucket_of(exact, TOOK_S)
    assert find_quantile(counts, TOOK_S, 0.25) == pytest.approx(5.0)
    assert find_quantile([0] * 16, TOOK_S, 0.5) is None
    assert find_quantile([0] * 15 + [3], TOOK_S, 0.5) == 120


FILTERS = [
    (Selection(outcome="error"), lambda one: one.outcome == "error"),
    (Selection(failed=False), lambda one: one.outcome == "ok"),
    (Selection(failed=True), lambda one: one.outcome != "ok"),
    (Selection(provider="mycorp", model="small"), lambda one: one.model == "small"),
    (Selection(model="small"), lambda one: one.model == "small"),
    (Selection(model="mycorp/small"), lambda one: (one.provider, one.model) == ("mycorp", "small")),
    (Selection(key="web"), lambda one: one.key == "web"),
    (Selection(key="key_acme_web"), lambda one: one.key == "web"),
    (Selection(project_id="prj_acme_1"), lambda one: one.project_id == "prj_acme_1"),
    (Selection(status=502), lambda one: one.status == 502),
    (Selection(least_nanousd=10**9), lambda one: (one.cost_nanousd or 0) >= 10**9),
    (Selection(least_s=44.0), lambda one: one.duration_s >= 44),
    (Selection(tag="demo"), lambda one: one.tag == "demo"),
    (Selection(tag=""), lambda one: one.tag is None),
    (Selection(error="SAID no, number 2"), lambda one: _said(one, "number 2")),
    (Selection(error="%"), lambda _: False),
    (
        Selection(since=BEGAN + 7200, until=BEGAN + 9 * 3600),
        lambda one: BEGAN + 7200 <= one.started_at < BEGAN + 9 * 3600,
    ),
]


def _said(one: Exchange, words: str) -> bool:
    return any(words in (attempt.reason or "") for attempt in one.attempts)


@pytest.mark.parametrize(("selection", "fits"), FILTERS)
def test_the_list_has_those_that_fit_by_pages_the_latest_first(
    selection: Selection, fits: object, connection: Connection
) -> None:
    assert callable(fits)
    expected = [
        one.id for one in reversed(EXCHANGES) if one.organisation_id == "acme" and fits(one)
    ]
    selection = replace(selection, organisation_id="acme")
    found: list[str] = []
    after: str | None = None
    while True:
        page = list_requests(connection, selection, Page(7, after))
        found += [line.id for line in page.items]
        after = page.after
        if after is None:
            break
    assert found == expected
    assert [line.id for line in every_request(connection, selection)] == expected


def test_one_exchange_has_its_attempts_and_is_nobody_elses(connection: Connection) -> None:
    one = next(e for e in EXCHANGES if e.organisation_id == "acme" and len(e.attempts) == 3)
    found = find_request(connection, "acme", one.id)
    assert found is not None
    assert [a.id for a in found.attempts] == [a.id for a in one.attempts]
    assert found.line.cost_nanousd == one.cost_nanousd
    assert found.content is None
    assert find_request(connection, "default", one.id) is None
    assert find_request(connection, None, one.id) is not None
    assert find_request(connection, "acme", "req_none") is None


def test_the_tail_tells_each_exchange_once_also_one_that_took_long(place: Place) -> None:
    now = [BEGAN]
    open_database(place).close()
    early, late, long, other = list(traffic(4, organisations=("acme",)))
    with Ledger(place) as ledger, closing(open_database(place)) as connection:

        def record(one: Exchange, at: float, took: float, organisation: str = "acme") -> None:
            one.id, one.started_at, one.duration_s = exchange_id(at, int(at)), at, took
            one.organisation_id = organisation
            ledger.record(one, source="gateway")

        record(early, BEGAN - 5, 1.0)
        tail = Tail(Selection(organisation_id="acme"), clock=lambda: now[0])
        assert tail.look(connection) == []
        record(late, BEGAN - 6, 2.0)
        record(other, BEGAN - 1, 1.0, "default")
        assert [line.id for line in tail.look(connection)] == [late.id]
        record(long, BEGAN - 900, 900.0)
        looks = [tail.look(connection) for _ in range(LONG_EVERY)]
        assert [line.id for look in looks for line in look] == [long.id]
        again = Tail(Selection(organisation_id="acme"), after=late.id, clock=lambda: now[0])
        assert [line.id for line in again.look(connection)] == [early.id]
