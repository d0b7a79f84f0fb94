"""A budget knows what was spent before it was set, and nothing is counted twice or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from dragoman.ledger import accounting, rollups
from dragoman.ledger.burndown import burn_down
from dragoman.ledger.charging import charge_of, taken
from dragoman.ledger.retention import delete_due
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, delete_allowance, put_allowance
from dragoman.organisations.desk import Desk
from dragoman.server.limits.late import LateCharges
from dragoman.store import Ledger, Place
from dragoman.store.database import open_database
from dragoman.store.spent import read_earlier
from dragoman.types.allowance import Allowance, Charge
from dragoman.types.calendar import find_span
from dragoman.types.content import LedgerSettings
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC).timestamp()
DAY_S = 86_400


def attempt(id_: str, number: int, provider: str, **fields: Any) -> Attempt:
    given: dict[str, Any] = {
        "outcome": "ok",
        "usage": Usage(prompt_tokens=7, completion_tokens=3),
        "cost_nanousd": 1000,
        "cost_source": "config",
        "model": "m",
        "kind": "first" if number == 1 else "fallback",
        **fields,
    }
    return Attempt(id=f"{id_}-{number}", number=number, provider=provider, started_at=1.0, **given)


def exchange(id_: str, at: float, providers: Sequence[str] = ("a",), **fields: Any) -> Exchange:
    tried = [
        attempt(id_, number, one, **({} if number == len(providers) else {"outcome": "error"}))
        for number, one in enumerate(providers, 1)
    ]
    given = {"asked": "m", "outcome": "ok", "attempts": tried, "endpoint": "/chat/completions"}
    return Exchange(id=id_, started_at=at, **{**given, **fields})


def traffic() -> Iterator[Exchange]:
    """Make exchanges of two organisations over two months, of every kind that counts or not."""
    times = [NOW - 40 * DAY_S, NOW - 25 * DAY_S, NOW - 3 * DAY_S, NOW - DAY_S, NOW - 60]
    for number, at in enumerate(times * 6):
        whose: dict[str, Any] = {
            "organisation_id": ("default", "org_2")[number % 2],
            "project_id": ("prj_1", "prj_2", None)[number % 3],
            "account_id": ("acc_1", None)[number % 2],
            **({"key_id": "key_1", "key": "team"} if number % 3 else {"key": "file"}),
        }
        yield exchange(f"req_{number:03}", at, ("a", "b")[: 1 + number % 2], **whose)
    unknown = {"cost_nanousd": None, "cost_source": "unknown"}
    free = {"usage": None, "cost_nanousd": 0, "cost_source": "free"}
    yield exchange("req_u1", NOW - 5, attempts=[attempt("req_u1", 1, "a", **unknown)])
    cut = attempt("req_u2", 1, "a", outcome="interrupted", usage=None, **unknown)
    yield exchange("req_u2", NOW - 5, attempts=[cut], outcome="interrupted")
    failed = attempt("req_u3", 1, "a", outcome="error", **unknown)  # made, and no answer
    yield exchange("req_u3", NOW - 5, attempts=[failed], outcome="error")
    for number, at in enumerate((NOW - 3 * DAY_S, NOW - 5)):
        id_ = f"req_h{number}"
        lost = attempt(id_, 1, "a", outcome="interrupted", usage=None, **unknown)
        yield exchange(id_, at, attempts=[lost, attempt(id_, 2, "b", kind="hedge")])
    full = {"outcome": "error", "error": "provider_limit", "usage": None, **free}
    yield exchange("req_full", NOW - 5, attempts=[attempt("req_full", 1, "a", **full)])
    passed_over = [attempt("req_over", 1, "a", **full), attempt("req_over", 2, "b")]
    yield exchange("req_over", NOW - 5, attempts=passed_over)
    yield exchange("req_none", NOW - 5, attempts=[], outcome="error")
    yield exchange("req_kept", NOW - 5, attempts=[], replayed="cache")
    yield exchange("req_count", NOW - 5, endpoint="/messages/count_tokens")
    looked = [attempt("req_looked", 1, "a", **free)]
    yield exchange("req_looked", NOW - 5, endpoint="/responses/{id}", attempts=looked)
    yield exchange("req_settled", NOW - 5, endpoint="/responses/{id}/cancel")
    untold = [attempt("req_untold", 1, "a", **unknown)]
    yield exchange("req_untold", NOW - 5, endpoint="/responses/{id}", attempts=untold)
    dead = attempt("req_dead", 1, "a", outcome="interrupted", usage=None, **unknown)
    yield exchange("req_dead", NOW - 5, endpoint="/responses/{id}", attempts=[dead])
    yield exchange("req_demo", NOW - 5, tag="demo")
    yield exchange("req_shadow", NOW - 5, tag="shadow")


UNCOUNTED = {"req_count", "req_looked", "req_dead", "req_demo"}
SETTLED = {"req_settled", "req_untold"}
"""What was used before is told there: that counts, and the request does not."""


def expected(allowance: Allowance, exchanges: Sequence[Exchange]) -> dict[str, int]:
    """Say what would have been counted, one exchange after the other."""
    since = find_span(allowance.period, NOW)[0]
    found: dict[str, int] = {}
    for one in exchanges:
        of = allowance.organisation_id
        if one.started_at < since or one.id in UNCOUNTED or one.organisation_id != of:
            continue
        if one.id in SETTLED and allowance.measure == "requests":
            continue
        key = one.key_id or (f"file:{one.key}" if one.key else None)
        subjects: dict[str, set[str | None]] = {
            "organisation": {one.organisation_id},
            "project": {one.project_id},
            "member": {one.account_id},
            "key": {key},
            "provider": {each.provider for each in one.attempts},
            "model": {f"{each.provider}/{each.model}" for each in one.attempts},
        }
        for subject in subjects[allowance.kind]:
            if subject is None or allowance.subject not in (subject, "*"):
                continue
            charge = charge_of(allowance, subject, since)
            found[subject] = found.get(subject, 0) + taken(charge, one)
    return {subject: amount for subject, amount in found.items() if amount}


@pytest.mark.parametrize(
    ("id_", "kind", "subject", "requests"),
    [
        ("req_full", "organisation", "default", 0),
        ("req_full", "provider", "a", 0),
        ("req_over", "organisation", "default", 1),
        ("req_over", "provider", "a", 0),
        ("req_over", "provider", "b", 1),
        ("req_u3", "provider", "a", 1),
    ],
)
def test_a_request_counts_where_it_came_to_a_provider(
    id_: str, kind: Any, subject: str, requests: int
) -> None:
    (one,) = [each for each in traffic() if each.id == id_]
    charge = Charge(allowance_id="x", kind=kind, subject=subject, measure="requests", since=0)
    assert taken(charge, one) == requests


@pytest.fixture
def desk(place: Place) -> Iterator[Desk]:
    with closing(Desk(place, clock=lambda: NOW)) as opened, opened.read() as connection:
        for id_ in ("org_2",):
            columns = ("id", "name", "title", "created_at", "updated_at")
            connection.insert("organisation", columns, [(id_, id_, id_, 0.0, 0.0)])
        yield opened


def used(desk: Desk, allowance: Allowance) -> dict[str, int]:
    with desk.read() as connection:
        found = burn_down(connection, allowance, NOW)
    return {one.subject: one.used for one in found if one.used}


DRAFTS = [
    Draft(
        kind=kind,  # type: ignore[arg-type]
        subject=subject,
        measure=measure,  # type: ignore[arg-type]
        period=period,  # type: ignore[arg-type]
        amount=Decimal(1000),
        unknown="assume" if measure == "spend" else "allow",
        assumed_usd=Decimal("0.5") if measure == "spend" else None,
    )
    for kind, subject in (("organisation", None), ("project", "*"), ("member", "*"), ("key", "*"),
                          ("provider", "b"), ("provider", "*"), ("model", "a/m"))
    for measure in ("requests", "tokens", "spend")
    for period in ("hour", "day", "week", "month", "total")
]  # fmt: skip


def test_a_budget_begins_with_what_it_would_have_counted(desk: Desk, place: Place) -> None:
    exchanges = list(traffic())
    with Ledger(place, followers=[rollups.follow]) as ledger:
        ledger.record_all(exchanges, source="gateway")
        ledger.record_all([exchange("req_cli", NOW - 9)], source="cli")
    for of in ("default", "org_2"):
        for number, draft in enumerate(DRAFTS):
            made = put_allowance(desk, SYSTEM, of, f"limit-{number}", draft)
            assert used(desk, made) == expected(made, exchanges), draft


def test_what_retention_has_deleted_still_counts(desk: Desk, place: Place) -> None:
    exchanges = list(traffic())
    with Ledger(place, followers=[rollups.follow]) as ledger:
        ledger.record_all(exchanges, source="gateway")
        old = exchange("req_cli", NOW - 30 * DAY_S, ("c",))
        ledger.record_all([old], source="cli")
    with desk.read() as connection:
        assert delete_due(connection, LedgerSettings(requests_days=2), NOW)["exchange"] > 0
    for number, draft in enumerate(DRAFTS):
        if draft.measure != "requests" or draft.kind == "organisation":
            made = put_allowance(desk, SYSTEM, "default", f"limit-{number}", draft)
            assert used(desk, made) == expected(made, exchanges), draft


def test_another_period_begins_anew_and_another_amount_does_not(desk: Desk, place: Place) -> None:
    with Ledger(place, followers=[rollups.follow]) as ledger:
        ledger.record_all([exchange("req_1", NOW - 3 * DAY_S)], source="gateway")
    month = Draft(measure="requests", period="month", amount=Decimal(5))
    first = put_allowance(desk, SYSTEM, "default", "team", month)
    with desk.read() as connection:
        connection.write("UPDATE consumption SET amount = 3")  # as if more had been asked
    more = Draft(measure="requests", period="month", amount=Decimal(9))
    assert used(desk, put_allowance(desk, SYSTEM, "default", "team", more)) == {"default": 3}
    day = Draft(measure="requests", period="day", amount=Decimal(9))
    assert used(desk, put_allowance(desk, SYSTEM, "default", "team", day)) == {}
    again = put_allowance(desk, SYSTEM, "default", "team", month)
    assert used(desk, again) == {"default": 1}
    assert again.id != first.id
    delete_allowance(desk, SYSTEM, "default", "team")
    with desk.read() as connection:
        assert connection.rows("SELECT * FROM consumption") == []


def test_nothing_is_lost_or_twice_when_limits_are_set_while_exchanges_are_written(
    desk: Desk, place: Place
) -> None:
    """Two drains write all the while; none of them knows of a limit before it is set."""
    stopping = threading.Event()
    failures: list[BaseException] = []
    late = [LateCharges(lambda: ()) for _ in range(2)]

    def write(worker: int) -> None:
        try:
            with Ledger(place, followers=[accounting.follow, _follow(late[worker])]) as ledger:
                number = 0
                while not stopping.is_set():
                    rows = [
                        exchange(f"req_{worker}_{number:05}_{n}", NOW - 60, key="file")
                        for n in range(3)
                    ]
                    ledger.record_all(rows, source="gateway")
                    number += 1
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    made = [
        put_allowance(
            desk,
            SYSTEM,
            "default",
            f"limit-{number}",
            Draft(measure="requests", period="month", amount=Decimal(10**6)),
        )
        for number in range(30)
    ]
    stopping.set()
    for thread in threads:
        thread.join()
    assert not failures, failures
    with closing(open_database(place)) as connection:
        (row,) = connection.rows("SELECT count(*) AS number FROM exchange")
        earlier = read_earlier(connection)
    for one in made:
        assert used(desk, one) == {"default": row["number"]}
        assert earlier[one.id, "default", find_span("month", NOW)[0]] == row["number"]


def _follow(late: LateCharges) -> Callable[[Any, Sequence[Exchange]], None]:
    def follow(connection: Any, exchanges: Sequence[Exchange]) -> None:
        late.follow(connection, exchanges)

    return follow


def test_who_was_let_through_before_is_charged_when_written(desk: Desk, place: Place) -> None:
    draft = Draft(kind="provider", subject="*", measure="tokens", period="day", amount=Decimal(99))
    made = put_allowance(desk, SYSTEM, "default", "each", draft)
    late = LateCharges(lambda: ())
    charged = Charge(
        allowance_id=made.id,
        kind="provider",
        subject="a",
        measure="tokens",
        since=find_span("day", NOW)[0],
    )
    with Ledger(place, followers=[accounting.follow, _follow(late)]) as ledger:
        ledger.record_all([exchange("req_1", NOW, ("a", "b"))], source="gateway")
        ledger.record_all([exchange("req_2", NOW, charges=(charged,))], source="gateway")
        ledger.record_all([exchange("req_3", NOW, organisation_id="org_2")], source="gateway")
        ledger.record_all([exchange("req_1", NOW, ("a", "b"))], source="gateway")  # once more
    assert used(desk, made) == {"a": 20, "b": 10}


def test_what_counts_for_nothing_hides_nobody_who_was_let_through_before(
    desk: Desk, place: Place
) -> None:
    draft = Draft(kind="organisation", measure="requests", period="day", amount=Decimal(99))
    made = put_allowance(desk, SYSTEM, "default", "all", draft)
    late = _follow(LateCharges(lambda: ()))
    together = [
        exchange("req_1", NOW, endpoint="/messages/count_tokens"),
        exchange("req_2", NOW),
        exchange("req_3", NOW),
    ]
    with Ledger(place, followers=[accounting.follow, late]) as ledger:
        ledger.record_all(together, source="gateway")
    assert used(desk, made) == {"default": 2}


def test_what_is_settled_late_is_charged_when_written(desk: Desk, place: Place) -> None:
    drafts = {"tokens": Draft(measure="tokens", period="day", amount=Decimal(99)),
              "asked": Draft(measure="requests", period="day", amount=Decimal(99))}  # fmt: skip
    made = {name: put_allowance(desk, SYSTEM, "default", name, one) for name, one in drafts.items()}
    late = _follow(LateCharges(lambda: ()))
    free = {"usage": None, "cost_nanousd": 0, "cost_source": "free"}
    together = [
        exchange("req_1", NOW, endpoint="/responses/{id}", attempts=[attempt("1", 1, "a", **free)]),
        exchange("req_2", NOW, endpoint="/responses/{id}"),
    ]
    with Ledger(place, followers=[accounting.follow, late]) as ledger:
        ledger.record_all(together, source="gateway")
    assert used(desk, made["tokens"]) == {"default": 10}
    assert used(desk, made["asked"]) == {}
