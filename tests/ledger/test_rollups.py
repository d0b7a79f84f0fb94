"""Hourly sums say what the exchanges say, however they came to be."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from dragoman.ledger.rebuilding import rebuild
from dragoman.ledger.rollups import KEY, LATENCY_KEY, LATENCY_SUMS, SUMS, Tally, follow, tally
from dragoman.store import Ledger, Place
from dragoman.store.database import Connection, open_database
from dragoman.store.forgotten import FORGOTTEN
from dragoman.store.records import Records
from dragoman.store.sums import By
from dragoman.store.tables import accounting
from dragoman.types.exchange import Exchange
from tests.ledger.traffic import BEGAN, traffic


def write(place: Place, exchanges: Sequence[Exchange]) -> None:
    with Ledger(place, followers=[follow]) as ledger:
        for exchange in exchanges:
            ledger.record(exchange, source="gateway")


def write_all(place: Place, exchanges: Sequence[Exchange]) -> None:
    with Ledger(place) as ledger:
        ledger.record_all(exchanges, source="gateway")
    with closing(open_database(place)) as connection, connection.transaction():
        follow(connection, exchanges)


def sums_in(connection: Connection) -> Tally:
    found = []
    for table, columns in (("hourly", (*KEY, *SUMS)), ("latency", (*LATENCY_KEY, *LATENCY_SUMS))):
        rows = connection.rows(f"SELECT {', '.join(columns)} FROM {table}")
        found.append(sorted(tuple(dict(row).values()) for row in rows))
    return Tally(*found)


def hourly(connection: Connection) -> list[tuple[Any, ...]]:
    return list(sums_in(connection).hourly)


def test_the_columns_are_those_of_the_tables() -> None:
    assert (*KEY, *SUMS) == (*accounting.HOURLY_KEY, *accounting.HOURLY_SUMS)
    assert (*LATENCY_KEY, *LATENCY_SUMS) == (*accounting.LATENCY_KEY, *accounting.LATENCY_SUMS)


def test_sums_written_one_by_one_at_once_and_anew_are_the_same(place: Place) -> None:
    exchanges = list(traffic(100))
    write(place, exchanges)
    with closing(open_database(place)) as connection:
        written = sums_in(connection)
        assert written == tally(exchanges)
        connection.write("UPDATE hourly SET cost_nanousd = cost_nanousd + 1, requests = 0")
        connection.write("UPDATE latency SET took_3 = took_3 + 1")
        done = rebuild(connection)
        assert sums_in(connection) == written
        assert (done.hours, done.exchanges, done.left) == (36, 100, None)
        assert rebuild(connection) == done
        assert sums_in(connection) == written


@pytest.mark.parametrize("by", ["model", "provider"])
def test_each_level_adds_up_to_what_the_attempts_add_up_to(place: Place, by: By) -> None:
    write_all(place, list(traffic(200, seed=2)))
    with Records(place) as records:
        expected = {one.name: one for one in records.sums(by)}
    name = "provider || '/' || model" if by == "model" else "provider"
    shared = [n for n in SUMS if n in next(iter(expected.values())).__struct_fields__]
    assert len(shared) == 12
    with closing(open_database(place)) as connection:
        for level in ("model", "model day", "all"):
            rows = connection.rows(
                f"SELECT {name} AS name, CAST(sum(failed_attempts) AS BIGINT) AS failing,"
                f" {', '.join(f'CAST(sum({n}) AS BIGINT) AS {n}' for n in shared)}"
                f" FROM hourly WHERE level = '{level}' AND attempts > 0 GROUP BY {name}"
            )
            assert {row["name"] for row in rows} == set(expected)
            for row in rows:
                one = expected[row["name"]]
                assert row["failing"] == one.failed
                for column in shared:
                    if column != "failed":  # of exchanges here, of attempts there
                        assert row[column] == getattr(one, column), column


def test_every_level_adds_up_to_the_same(place: Place) -> None:
    write_all(place, list(traffic(200, seed=3)))
    sums = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in SUMS)
    with closing(open_database(place)) as connection:
        rows = connection.rows(f"SELECT level, {sums} FROM hourly GROUP BY level ORDER BY level")
        found = [dict(row) for row in rows]
    assert [row.pop("level") for row in found] == [
        *("all", "key", "key day", "model", "model day", "total"),
    ]
    assert found[0]["requests"] == 200
    assert all(row == found[0] for row in found)


def test_rebuilding_a_range_touches_whole_hours_of_it_and_no_others(place: Place) -> None:
    write_all(place, list(traffic(100)))
    hour = int(BEGAN // 3600) * 3600 + 3600
    with closing(open_database(place)) as connection:
        right = hourly(connection)
        connection.write("UPDATE hourly SET requests = requests + 7")
        done = rebuild(connection, since=hour + 1800, until=hour + 3600 + 1)
        assert done.hours == 2
        at = KEY.index("hour")
        for was, now in zip(right, hourly(connection), strict=True):
            if not was[KEY.index("level")].endswith(" day"):  # those are made of their hours
                assert (was == now) == (was[at] in (hour, hour + 3600))


def test_sums_of_hours_whose_exchanges_were_deleted_stay(place: Place) -> None:
    write_all(place, list(traffic(100)))
    gone = BEGAN + 2 * 3600
    with closing(open_database(place)) as connection:
        right = hourly(connection)
        connection.write("DELETE FROM exchange WHERE started_at < :gone", {"gone": gone})
        columns = ("name", "value", "created_at", "updated_at")
        connection.insert("setting", columns, [(FORGOTTEN, f"{gone}", gone, gone)])
        done = rebuild(connection)
        assert hourly(connection) == right
        assert done.left == gone


def test_a_failed_transaction_adds_nothing(place: Place) -> None:
    first, second = list(traffic(2, organisations=("default",)))
    write(place, [first])
    with closing(open_database(place)) as connection:
        before = hourly(connection)

        def stop() -> None:
            with connection.transaction():
                follow(connection, [second])
                raise KeyError("stopped")

        with pytest.raises(KeyError, match="stopped"):
            stop()
        assert hourly(connection) == before


def test_writers_and_a_rebuild_at_the_same_time_lose_and_double_nothing(place: Place) -> None:
    open_database(place).close()
    parts = [list(traffic(60, seed=seed, span_s=1800)) for seed in (1, 2, 3)]
    threads = [threading.Thread(target=write, args=(place, part)) for part in parts]
    for thread in threads:
        thread.start()
    with closing(open_database(place)) as connection:
        while any(thread.is_alive() for thread in threads):
            rebuild(connection)
        for thread in threads:
            thread.join()
        assert sums_in(connection) == tally([one for part in parts for one in part])
