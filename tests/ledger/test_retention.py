"""What has been kept long enough is deleted, by one worker, and nobody waits for it to write."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from dragoman.ledger.rebuilding import rebuild
from dragoman.ledger.retention import MOST, Retention, delete_due, take_lease
from dragoman.ledger.rollups import follow, tally
from dragoman.store import Ledger, Place
from dragoman.store.database import Connection, open_database
from dragoman.store.forgotten import forgotten_before
from dragoman.store.records import Records
from dragoman.store.selection import Selection
from dragoman.store.sqlite import File
from dragoman.store.sums import GROUPS, By, Sum
from dragoman.types.calendar import DAY_S
from dragoman.types.content import LedgerSettings
from dragoman.types.exchange import Exchange
from tests.ledger.test_rollups import sums_in, write_all
from tests.ledger.traffic import BEGAN, traffic

NOW = BEGAN + 10 * DAY_S
CONTENT = ("exchange_id", "organisation_id", "at", "mode", "request", "response")


def count(connection: Connection, table: str) -> int:
    (row,) = connection.rows(f"SELECT count(*) AS n FROM {table}")
    return int(row["n"])


def say(connection: Connection, rows: Sequence[tuple[str, str, float]]) -> None:
    connection.insert("content", CONTENT, [(*row, "full", "in", "out") for row in rows])


def test_requests_go_with_their_attempts_and_words_and_their_sums_stay(place: Place) -> None:
    exchanges = list(traffic(240, span_s=10 * DAY_S))
    write_all(place, exchanges)
    with Ledger(place) as ledger:  # a command line's own, as old as the oldest
        (own,) = traffic(1, seed=9, began=BEGAN)
        ledger.record(own, source="cli")
    with closing(open_database(place)) as connection:
        say(connection, [(one.id, one.organisation_id, one.started_at) for one in exchanges[:3]])
        before = sums_in(connection)
        settings = LedgerSettings(requests_days=4, content_days=0)
        swept = delete_due(connection, settings, NOW)
        limit = (NOW - 4 * DAY_S) // 3600 * 3600
        kept = [one for one in exchanges if one.started_at >= limit]
        assert swept["exchange"] == 240 - len(kept) > 100
        assert count(connection, "exchange") == len(kept) + 1
        attempts = sum(len(one.attempts) for one in [*kept, own])
        assert count(connection, "attempt") == attempts
        assert count(connection, "content") == 0
        assert sums_in(connection) == before
        rebuild(connection)
        assert sums_in(connection) == before
        assert delete_due(connection, settings, NOW)["exchange"] == 0


CHOSEN = {
    "anything": Selection(),
    "an organisation": Selection(organisation_id="acme"),
    "a project": Selection(project_id="prj_acme_1"),
    "a member": Selection(account_id="acc_default"),
    "a key": Selection(key="key_default_web"),
    "a key by its name": Selection(key="web"),
    "a tag": Selection(tag="demo"),
    "no tag": Selection(organisation_id="acme", key="batch", tag=""),
}


def record_both(place: Place, exchanges: Sequence[Exchange]) -> None:
    """As the gateway does; every fourth without a key is the command line's own."""
    with Ledger(place, followers=[follow]) as ledger:
        for number, one in enumerate(exchanges):
            own = one.key is None and number % 4 == 0
            ledger.record_all([one], source="cli" if own else "gateway")


@pytest.mark.parametrize("chosen", CHOSEN)
def test_usage_of_deleted_requests_is_told_as_before(place: Place, chosen: str) -> None:
    record_both(place, list(traffic(240, span_s=10 * DAY_S)))
    hour = (BEGAN + 2 * DAY_S) // 3600 * 3600
    told: list[dict[tuple[float | None, By], list[Sum]]] = []
    for days in (0, 4):
        with closing(open_database(place)) as connection:
            delete_due(connection, LedgerSettings(requests_days=days), NOW)
        with Records(place) as records:
            told.append(
                {
                    (since, by): records.sums(by, since=since, selection=CHOSEN[chosen])
                    for since in (None, hour, NOW - DAY_S)
                    for by in GROUPS
                }
            )
    for (since, by), sums in told[0].items():
        after = told[1][since, by]
        if by != "key":
            assert after == sums
            continue
        (known,) = sums
        # With which credential it was asked, no hourly sum knows.
        deleted = {"(deleted)"} if since != NOW - DAY_S else set()
        assert {one.name for one in after} - {"(none)"} == deleted
        for name in Sum.__struct_fields__[1:]:
            assert sum(getattr(one, name) for one in after) == getattr(known, name)


def test_deleted_requests_of_an_hour_count_together(place: Place) -> None:
    """Of when in it they were nothing is known."""
    hour = BEGAN // 3600 * 3600
    early, late = (next(traffic(1, seed=n, began=hour + n)) for n in (300, 3000))
    write_all(place, [early, late])
    with closing(open_database(place)) as connection:
        delete_due(connection, LedgerSettings(requests_days=4), NOW)
    with Records(place) as records:
        found = records.sums("day", since=hour + 1000)
        assert records.sums("day", since=hour + 3600) == []
    assert sum(one.attempts for one in found) == len(early.attempts) + len(late.attempts)


def test_what_was_deleted_stays_known_as_deleted_when_more_is_kept(place: Place) -> None:
    """As when a dead worker's journal brings what is old after the setting was raised."""
    write_all(place, list(traffic(20)))
    with closing(open_database(place)) as connection:
        delete_due(connection, LedgerSettings(requests_days=2), NOW)
        forgotten = forgotten_before(connection)
        write_all(place, list(traffic(1, seed=2, began=BEGAN - 30 * DAY_S)))
        assert delete_due(connection, LedgerSettings(requests_days=20), NOW)["exchange"] == 1
        assert forgotten_before(connection) == forgotten == (NOW - 2 * DAY_S) // 3600 * 3600


def test_nothing_is_deleted_where_nothing_is_said(place: Place) -> None:
    write_all(place, list(traffic(20)))
    with closing(open_database(place)) as connection:
        delete_due(connection, LedgerSettings(), NOW + 1000 * DAY_S)
        assert count(connection, "exchange") == 20


def test_words_are_kept_as_long_as_their_organisation_says_and_no_longer_than_the_operator(
    place: Place,
) -> None:
    with closing(open_database(place)) as connection:
        columns = ("id", "name", "title", "settings", "created_at", "updated_at")
        connection.insert(
            "organisation",
            columns,
            [
                ("short", "short", "S", '{"content_days": 2}', 1.0, 1.0),
                ("long", "long", "L", '{"content_days": 300}', 1.0, 1.0),
            ],
        )
        ages = (1, 5, 20)
        names = ("default", "short", "long", "gone")
        say(
            connection,
            [(f"{name}{age}", name, NOW - age * DAY_S) for name in names for age in ages],
        )
        delete_due(connection, LedgerSettings(content_days=10), NOW)
        found = {row["exchange_id"] for row in connection.rows("SELECT * FROM content")}
        assert found == {"default1", "default5", "short1", "long1", "long5"}


def test_what_has_expired_goes(place: Place) -> None:
    with closing(open_database(place)) as connection:
        audit = ("id", "at", "actor", "action", "kind", "object")
        connection.insert(
            "audit", audit, [(f"a{day}", NOW - day * DAY_S, "x", "y", "z", "o") for day in range(9)]
        )
        claim = ("organisation_id", "gateway_key", "value", "digest", "holder", "until")
        connection.insert(
            "idempotency",
            claim,
            [
                ("default", "", "old", "d", "h", NOW - 1),
                ("default", "", "new", "d", "h", NOW + 1),
                ("acme", "key", "old", "d", "h", NOW + 1),
            ],
        )
        swept = delete_due(connection, LedgerSettings(audit_days=4), NOW)
        assert (swept["audit"], swept["idempotency"]) == (4, 1)
        left = connection.rows("SELECT organisation_id, value FROM idempotency ORDER BY value")
        assert [tuple(dict(row).values()) for row in left] == [("default", "new"), ("acme", "old")]


def test_one_worker_does_it_until_its_lease_ends(place: Place) -> None:
    write_all(place, list(traffic(5)))
    now = [NOW]
    settings = LedgerSettings(requests_days=1)
    first, second = (Retention(place, lambda: settings, clock=lambda: now[0]) for _ in "12")
    assert first.sweep() is not None
    assert second.sweep() is None
    assert first.sweep() is not None
    now[0] += 3600
    assert second.sweep() is not None
    assert first.sweep() is None


def test_ten_minutes_hold_also_when_a_worker_dies_and_another_begins(place: Place) -> None:
    now = [NOW]
    first, second = (Retention(place, LedgerSettings, clock=lambda: now[0]) for _ in "12")
    assert (first.sweep() is not None, first.pause_s) == (True, 600)
    now[0] += 60  # the first is no more
    assert (second.sweep(), second.pause_s) == (None, 540)
    now[0] += second.pause_s
    assert (second.sweep() is not None, second.pause_s) == (True, 600)


def test_a_worker_looks_again_when_it_is_due(place: Place) -> None:
    """Also when deleting took longer than from one time to the next."""
    now = [NOW]
    slow = Retention(place, LedgerSettings, clock=lambda: now[0])
    slow.sweep()
    now[0] += 900
    assert slow.pause_s == 0


def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "dragoman.db"
    path.mkdir()  # no file, and nobody can make one
    tries = threading.Semaphore(0)

    def settings() -> LedgerSettings:
        tries.release()
        return LedgerSettings()

    async def wait() -> None:
        retention = Retention(path, settings, first_s=0.0, again_s=0.01)
        running = asyncio.ensure_future(retention.run())
        while caplog.text.count("must wait") < 1:
            await asyncio.sleep(0.01)
        path.rmdir()
        assert await asyncio.to_thread(tries.acquire, timeout=60)
        assert not running.done()
        running.cancel()

    asyncio.run(wait())
    assert caplog.text.count("must wait") == 1


def test_rows_that_were_written_without_sums_get_them(place: Place) -> None:
    """The change may come in the middle of a day, and of an hour."""
    exchanges = list(traffic(40, span_s=10 * 3600))
    older, newer = exchanges[:22], exchanges[22:]
    with Ledger(place) as ledger:
        ledger.record_all(older, source="gateway")
    write_all(place, newer)
    Retention(place, LedgerSettings, clock=lambda: NOW).sweep()
    with closing(open_database(place)) as connection:
        assert sums_in(connection) == tally(exchanges)


def test_a_lease_is_one_workers_whoever_asks_at_the_same_time(place: Place) -> None:
    open_database(place).close()
    taken: list[str] = []

    def take(name: str) -> None:
        with closing(open_database(place)) as connection:
            if take_lease(connection, name, NOW)[0]:
                taken.append(name)

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1


def test_who_writes_meanwhile_waits_for_one_small_transaction(tmp_path: Path) -> None:
    """Measured as work, and not as time: what one transaction deletes is bounded."""
    place = tmp_path / "dragoman.db"
    write_all(place, list(traffic(1500)))
    deleted: dict[str, int] = {}

    def trace(statement: str) -> None:  # is told again of each row that goes with another
        if statement.startswith("DELETE FROM exchange"):
            deleted[statement] = statement.count("req_")

    with closing(open_database(place)) as connection:
        assert isinstance(connection, File)
        connection.raw.set_trace_callback(trace)
        delete_due(connection, LedgerSettings(requests_days=1), NOW + 10 * DAY_S)
    assert sum(deleted.values()) == 1500
    assert max(deleted.values()) <= MOST
    assert len(deleted) >= 3
