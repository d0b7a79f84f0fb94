"""Signing in while somebody else changes the account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from dragoman.errors import Unauthorized
from dragoman.organisations.accounts import (
    Account,
    create_account,
    delete_account,
    find_account,
    set_password,
    update_account,
)
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.passwords import is_outdated
from dragoman.organisations.sessions import list_sessions
from dragoman.organisations.sign_in import sign_in
from tests.organisations.overtaken import Overtaken

OLD, NEW = "a long old password", "a long new password"
EMAIL = "ada@example.com"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Overtaken]:
    with closing(Overtaken(tmp_path / "dragoman.db")) as desk:
        yield desk


@pytest.fixture
def ada(desk: Overtaken) -> Account:
    return create_account(desk, SYSTEM, EMAIL, password=OLD)


def ask(desk: Desk, password: str) -> Account:
    return sign_in(desk, EMAIL, password, address="127.0.0.1").account


def weaken(desk: Desk, account: Account) -> None:
    """Keep the password as an earlier version would have."""
    digest = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(OLD)
    with desk.read() as connection:
        connection.write(
            "UPDATE account SET password = :digest WHERE id = :id",
            {"digest": digest, "id": account.id},
        )


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda desk, ada: set_password(desk, SYSTEM, ada.id, NEW),
        lambda desk, ada: update_account(desk, SYSTEM, ada.id, enabled=False),
        lambda desk, ada: delete_account(desk, SYSTEM, ada.id),
    ],
    ids=["another password", "disabled", "deleted"],
)
def test_no_session_outlives_what_ends_all_sessions(
    desk: Overtaken, ada: Account, meanwhile: Callable[[Desk, Account], object]
) -> None:
    desk.before = lambda: meanwhile(desk, ada)
    with pytest.raises(Unauthorized):
        ask(desk, OLD)
    with desk.read() as connection:
        assert list_sessions(connection, ada.id, desk.clock()) == []


def test_a_password_that_was_changed_meanwhile_does_not_come_back(
    desk: Overtaken, ada: Account
) -> None:
    weaken(desk, ada)
    desk.before = lambda: set_password(desk, SYSTEM, ada.id, NEW)
    with pytest.raises(Unauthorized):
        ask(desk, OLD)
    assert ask(desk, NEW).id == ada.id


def test_signing_in_makes_a_weak_digest_strong(desk: Overtaken, ada: Account) -> None:
    weaken(desk, ada)
    ask(desk, OLD)
    with desk.read() as connection:
        kept = find_account(connection, ada.id)
    assert kept is not None
    assert kept.password is not None
    assert not is_outdated(kept.password)
    assert ask(desk, OLD).id == ada.id
