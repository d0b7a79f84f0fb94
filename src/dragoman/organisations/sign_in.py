"""Signing in with a password: who guesses is slowed down, and learns nothing by it.

Failures are counted in windows: by account and address, by address, and by account, each with a
limit of its own, so that who guesses at one address cannot lock out somebody at another. A try
counts before its password is looked at: many at once are counted as many.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from dragoman.errors import InvalidRequest, Unauthorized
from dragoman.organisations.accounts import Account, actor_of, find_account, find_by_email
from dragoman.organisations.desk import Desk
from dragoman.organisations.passwords import digest_password, is_outdated, matches
from dragoman.organisations.sessions import end_by_token, open_session, sweep_sessions
from dragoman.organisations.texts import read_email
from dragoman.organisations.tries import count_try, digest_try, take_back
from dragoman.types.credential import Secret

log = logging.getLogger("dragoman.control")

PAIR_LIMIT = 5
ADDRESS_LIMIT = 50
ACCOUNT_LIMIT = 100


class SignedIn(NamedTuple):
    """Who has signed in, and the token of the new session."""

    account: Account
    token: Secret


def sign_in(
    desk: Desk,
    email: str,
    password: str,
    *,
    address: str,
    agent: str | None = None,
    old_token: str | None = None,
) -> SignedIn:
    """Sign in. A session that there was (`old_token`) is over: no token outlives who is behind it.

    Raises: Unauthorized, the same whether there is such an account or not; LimitExceeded.
    """
    try:
        email = read_email(email)
    except InvalidRequest:
        email = ""
    keys = _count(desk, email, address)
    with desk.read() as connection:
        account = find_by_email(connection, email)
    if not matches(password, account.password if account is not None else None):
        log.warning("a wrong password, or no such account, from %s", address or "somewhere")
        raise _wrong()
    if account is None or not account.enabled:
        raise _wrong()
    _forget(desk, keys)
    if account.password is not None and is_outdated(account.password):
        account = _digest_anew(desk, account, password)
    return start_session(
        desk, account, "password", address=address, agent=agent, old_token=old_token
    )


def confirm_password(desk: Desk, account: Account, password: str, *, address: str) -> None:
    """See that somebody who has signed in knows their password: guesses count as at signing in.

    Raises: Unauthorized, LimitExceeded.
    """
    keys = _count(desk, account.email, address)
    if not matches(password, account.password):
        log.warning("a wrong old password from %s", address or "somewhere")
        raise Unauthorized("the old password is wrong", code="sign_in_failed")
    _forget(desk, keys)


def start_session(
    desk: Desk,
    account: Account,
    way: str,
    *,
    address: str,
    agent: str | None = None,
    old_token: str | None = None,
) -> SignedIn:
    """Make a session for somebody who has proved who they are; `way` says how.

    `account` is as it was when they did. Raises: Unauthorized when it was disabled or deleted
    since, or got another password, which ends all sessions: this one would outlive it.
    """
    with desk.read() as connection:
        actor = actor_of(connection, account, address)
    with desk.change(actor, "sign_in", "account", account.email) as change:
        connection = change.connection
        now = find_account(connection, account.id)
        if now is None or not now.enabled or now.password != account.password:
            raise _wrong()
        sweep_sessions(connection, change.now)
        if old_token is not None:
            end_by_token(connection, old_token)
        token = open_session(connection, account.id, change.now, address=address, agent=agent)
        change.note(None, {"way": way})
    return SignedIn(account, token)


def _digest_anew(desk: Desk, account: Account, password: str) -> Account:
    """Keep a digest of today's strength, unless somebody has set another password meanwhile."""
    digest = digest_password(password)
    with desk.read() as connection:
        connection.write(
            "UPDATE account SET password = :digest WHERE id = :id AND password = :before",
            {"digest": digest, "id": account.id, "before": account.password},
        )
        now = find_account(connection, account.id)
    return now if now is not None and matches(password, now.password) else account


def _wrong() -> Unauthorized:
    return Unauthorized(
        "the e-mail address or the password is wrong",
        hint="an operator of this gateway can set a new password",
        code="sign_in_failed",
    )


def _count(desk: Desk, email: str, address: str) -> list[str]:
    """Count a try, before it is known how it ends. Raises: LimitExceeded."""
    limits = {
        digest_try("pair", email, address): PAIR_LIMIT,
        digest_try("address", address): ADDRESS_LIMIT,
        digest_try("account", email): ACCOUNT_LIMIT,
    }
    count_try(desk, limits)
    return list(limits)


def _forget(desk: Desk, keys: list[str]) -> None:
    """Take back what was counted of a try that was right; who knows the password starts anew."""
    pair, address, account = keys
    take_back(desk, [address], anew=[pair, account])
