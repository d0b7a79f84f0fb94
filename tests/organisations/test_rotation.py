"""The change from one master key to another: online, in batches, again after being cut short."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from dragoman.organisations import rotation
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.rotation import SEALED, count_sealed, rotate, stale
from dragoman.organisations.safe import Safe
from dragoman.organisations.sealing import MasterKey, MasterKeys, Purpose
from dragoman.store.schema import TABLES

COUNT = 23


@pytest.fixture
def old() -> MasterKeys:
    return MasterKeys([MasterKey(os.urandom(32))])


@pytest.fixture
def both(old: MasterKeys) -> MasterKeys:
    return MasterKeys([MasterKey(os.urandom(32)), old.current])


def fill(desk: Desk, keys: MasterKeys, count: int = COUNT) -> None:
    """Seal secrets of two organisations, of which some have the same names."""
    with desk.read() as connection, connection.transaction():
        connection.insert(
            "organisation",
            ("id", "name", "title", "created_at", "updated_at"),
            [("org_b", "b", "B", 1.0, 1.0)],
        )
        for organisation_id in ("default", "org_b"):
            for number in range(count):
                name = f"p{number}"
                purpose = Purpose(organisation_id, "provider", name)
                sealed = keys.seal(f"sk-{organisation_id}-{name}", purpose)
                connection.insert(
                    "provider",
                    ("organisation_id", "name", "token", "created_at", "updated_at"),
                    [(organisation_id, name, sealed, 1.0, 1.0)],
                )
        connection.insert(
            "provider",
            ("organisation_id", "name", "created_at", "updated_at"),
            [("default", "keyless", 1.0, 1.0)],
        )


def opened(desk: Desk, keys: MasterKeys) -> Iterator[tuple[str, str]]:
    with desk.read() as connection:
        rows = connection.rows(
            "SELECT organisation_id, name, token FROM provider WHERE token IS NOT NULL"
        )
    for row in rows:
        purpose = Purpose(row["organisation_id"], "provider", row["name"])
        yield f"sk-{purpose[0]}-{purpose[2]}", keys.open(row["token"], purpose).reveal()


def test_every_column_of_sealed_texts_is_there() -> None:
    for place in SEALED:
        assert {place.column, place.name} <= set(TABLES[place.table])


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_everything_is_on_the_new_key_and_opens_with_it_alone(
    batch: int, desk: Desk, old: MasterKeys, both: MasterKeys
) -> None:
    fill(desk, old)
    done = rotate(desk, both, SYSTEM, batch=batch)
    assert done == (both.current.id, 2 * COUNT, ())
    new = MasterKeys([both.current])
    assert [count[1:] for count in count_sealed(desk, new)] == [(new.current.id, 2 * COUNT, True)]
    assert all(expected == got for expected, got in opened(desk, new))
    revision = desk.revision()
    assert rotate(desk, both, SYSTEM).rows == 0
    assert desk.revision() == revision


def test_a_rotation_that_was_cut_short_goes_on(
    desk: Desk, old: MasterKeys, both: MasterKeys
) -> None:
    fill(desk, old)
    steps = rotation._batches(desk, both, SEALED[0], 5)
    next(steps)
    next(steps)
    steps.close()
    assert stale(count_sealed(desk, both), both) == 2 * COUNT - 10
    assert rotate(desk, both, SYSTEM).rows == 2 * COUNT - 10
    assert all(expected == got for expected, got in opened(desk, both))


def test_what_opens_with_no_key_is_named_and_stays(
    desk: Desk, old: MasterKeys, both: MasterKeys
) -> None:
    fill(desk, old)
    with desk.read() as connection:
        connection.write("UPDATE provider SET token = 'v1.0123456789abcdef.AAAA' WHERE name = 'p3'")
    done = rotate(desk, both, SYSTEM, batch=4)
    assert done.rows == 2 * COUNT - 2
    assert done.unreadable == ("provider 'p3' of default", "provider 'p3' of org_b")
    assert rotate(desk, both, SYSTEM, batch=4).unreadable == done.unreadable
    unknown = [count for count in count_sealed(desk, both) if not count.known]
    assert [(count.key_id, count.rows) for count in unknown] == [("0123456789abcdef", 2)]


def test_two_rotations_and_a_change_at_a_time_lose_nothing(
    desk: Desk, old: MasterKeys, both: MasterKeys
) -> None:
    fill(desk, old)
    failures: list[BaseException] = []

    def in_thread(work: object) -> threading.Thread:
        def run() -> None:
            try:
                assert callable(work)
                work()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def change() -> None:
        purpose = Purpose("default", "provider", "p22")
        with desk.change(SYSTEM, "update", "provider", "p22") as written:
            written.connection.write(
                "UPDATE provider SET token = :token"
                " WHERE organisation_id = 'default' AND name = 'p22'",
                {"token": old.seal("sk-changed", purpose)},
            )

    def turn() -> None:
        rotate(desk, both, SYSTEM, batch=2)

    threads = [in_thread(turn), in_thread(turn), in_thread(change)]
    for thread in threads:
        thread.join()
    assert failures == []
    rotate(desk, both, SYSTEM)
    found = dict(opened(desk, MasterKeys([both.current])))
    assert found.pop("sk-default-p22") == "sk-changed"
    assert all(expected == got for expected, got in found.items())


def test_tokens_hold_on_after_the_rotation(desk: Desk) -> None:
    before, after = new_key(), new_key()
    token = Safe(desk, {"DRAGOMAN_SECRET_KEY": before}).make_token("dk")
    between = Safe(desk, {"DRAGOMAN_SECRET_KEY": after, "DRAGOMAN_SECRET_KEYS_OLD": before})
    assert rotate(desk, between.keys(), SYSTEM).rows == 1
    alone = Safe(desk, {"DRAGOMAN_SECRET_KEY": after})
    assert alone.digest(token.text.reveal()) == token.digest
