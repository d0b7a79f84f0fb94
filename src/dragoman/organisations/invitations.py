"""Invitations: a link by which somebody becomes a member, valid once and for a while.

Law: it gives what whoever made it may give when it is accepted.
"""

from __future__ import annotations

from typing import NamedTuple

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations.accounts import (
    Account,
    actor_of,
    find_account,
    find_by_email,
    make_account,
)
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Change, Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.invitation_rows import COLUMNS, Invitation, read_invitation
from dragoman.organisations.members import add_member, check_grant, find_member
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.passwords import check_password, digest_password
from dragoman.organisations.quotas import check_quota
from dragoman.organisations.sign_in import ACCOUNT_LIMIT, ADDRESS_LIMIT, PAIR_LIMIT
from dragoman.organisations.texts import is_email, read_email
from dragoman.organisations.tokens import digest_of, make_token
from dragoman.organisations.tries import count_try, digest_try, take_back
from dragoman.store.database import Connection
from dragoman.types.credential import Secret
from dragoman.types.identifier import new_id
from dragoman.types.paging import Page, Slice, cut

KIND = "iv"
LIFE_S = 7 * 86_400.0
LIFE_LIMIT_S = 30 * 86_400.0

_PEPPER = b"dragoman invitation"


class Invited(NamedTuple):
    """A new invitation, and the token that is in its link; it is shown once."""

    invitation: Invitation
    token: Secret


def list_invitations(connection: Connection, organisation_id: str, page: Page) -> Slice[Invitation]:
    """List the invitations that nobody has accepted yet, the oldest first."""
    rows = connection.rows(
        f"SELECT {COLUMNS} FROM invitation WHERE organisation_id = :organisation"  # noqa: S608
        " AND accepted_at IS NULL AND id > :after ORDER BY id LIMIT :limit",
        {"organisation": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([read_invitation(row) for row in rows], page, lambda one: one.id)


def invite(
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    role: Role,
    *,
    email: str | None = None,
    life_s: float = LIFE_S,
) -> Invited:
    """Invite somebody. Raises: Forbidden for a role above one's own, InvalidRequest, QuotaReached.

    Invitations that have expired are removed here.
    """
    check_grant(actor, organisation.id, role)
    if not 60 <= life_s <= LIFE_LIMIT_S:
        raise InvalidRequest("an invitation is valid for 1 minute to 30 days", param="expires_in")
    kept = None if email is None else read_email(email)
    made = new_id("inv")
    with desk.change(
        actor, "create", "invitation", kept or made, organisation_id=organisation.id
    ) as change:
        connection = change.connection
        connection.write(
            "DELETE FROM invitation WHERE accepted_at IS NULL AND expires_at <= :now",
            {"now": change.now},
        )
        check_quota(connection, organisation.id, "members", change.now)
        token = make_token(KIND, _PEPPER)
        columns = ("id", "organisation_id", "digest", "role", "email", "created_at", "created_by")
        row = (made, organisation.id, token.digest, role, kept, change.now, actor.name)
        connection.insert("invitation", (*columns, "expires_at"), [(*row, change.now + life_s)])
        change.note(None, {"role": role, "email": kept})
        rows = connection.rows(
            f"SELECT {COLUMNS} FROM invitation WHERE id = :id",  # noqa: S608
            {"id": made},
        )
    return Invited(read_invitation(rows[0]), token.text)


def withdraw(desk: Desk, actor: Actor, organisation_id: str, invitation_id: str) -> None:
    """Withdraw an invitation that nobody has accepted. Raises: NotFound."""
    with desk.change(
        actor, "delete", "invitation", invitation_id, organisation_id=organisation_id
    ) as change:
        rows = change.connection.rows(
            f"SELECT {COLUMNS} FROM invitation WHERE id = :id"  # noqa: S608
            " AND organisation_id = :organisation AND accepted_at IS NULL",
            {"id": invitation_id, "organisation": organisation_id},
        )
        if not rows:
            raise NotFound("there is no such invitation")
        old = read_invitation(rows[0])
        change.name(old.email or old.id)
        change.connection.write("DELETE FROM invitation WHERE id = :id", {"id": old.id})
        change.note({"role": old.role, "email": old.email}, None)


def resolve_invitation(connection: Connection, token: str, now: float) -> Invitation:
    """Find the invitation of a link. Raises: NotFound, the same whatever is wrong with it."""
    rows = connection.rows(
        f"SELECT {COLUMNS} FROM invitation WHERE digest = :digest"  # noqa: S608
        " AND accepted_at IS NULL AND expires_at > :now",
        {"digest": digest_of(token, _PEPPER), "now": now},
    )
    found = read_invitation(rows[0]) if rows else None
    if found is None or not _holds(connection, found):
        raise NotFound("the invitation is not valid, or not any more", hint="ask for a new one")
    return found


def is_invited(connection: Connection, email: str, now: float) -> bool:
    """Whether an invitation for this address alone can be accepted."""
    rows = connection.rows(
        f"SELECT {COLUMNS} FROM invitation WHERE email = :email"  # noqa: S608
        " AND accepted_at IS NULL AND expires_at > :now",
        {"email": email, "now": now},
    )
    return any(_holds(connection, read_invitation(row)) for row in rows)


def _holds(connection: Connection, invitation: Invitation) -> bool:
    """Whether whoever made it may still give its role. Who sits at the machine has no account."""
    maker = invitation.created_by or ""
    if not is_email(maker):
        return True
    account = find_by_email(connection, maker)
    if account is None or not account.enabled:
        return False
    return actor_of(connection, account, None).may(invitation.role, invitation.organisation_id)


def accept(desk: Desk, actor: Actor, token: str) -> Invitation:
    """Become a member with the account that one has.

    Raises: NotFound, Forbidden, Conflict, QuotaReached.
    """
    with desk.read() as connection:
        of = resolve_invitation(connection, token, desk.clock()).organisation_id
    with desk.change(actor, "accept", "invitation", actor.name, organisation_id=of) as change:
        invitation = resolve_invitation(change.connection, token, change.now)
        account = find_account(change.connection, actor.account_id or "")
        if account is None:
            raise Conflict(
                "nobody has signed in with an account", hint="make one with the invitation"
            )
        _take(change, invitation, account)
    return invitation


def register(
    desk: Desk, token: str, email: str, password: str, *, name: str | None, address: str
) -> Account:
    """Make an account, and become a member with it.

    Raises: NotFound, Forbidden, InvalidRequest, QuotaReached, Conflict for an address that has an
    account, and LimitExceeded for who tries addresses to hear that.
    """
    email = read_email(email)
    with desk.read() as connection:
        found = resolve_invitation(connection, token, desk.clock())
    of = found.organisation_id
    check_password(password)
    tries = {
        digest_try("invitation", found.id): PAIR_LIMIT,
        digest_try("address", address): ADDRESS_LIMIT,
        digest_try("inviter", found.created_by or ""): ACCOUNT_LIMIT,
    }
    count_try(desk, tries)
    digest = digest_password(password)
    actor = Actor(name=email, address=address)
    with desk.change(actor, "accept", "invitation", email, organisation_id=of) as change:
        invitation = resolve_invitation(change.connection, token, change.now)
        if invitation.email not in (None, email):
            raise _for_another()
        account = make_account(change, email, name=name, password=digest)
        _take(change, invitation, account)
    take_back(desk, tries)
    return account


def _take(change: Change, invitation: Invitation, account: Account) -> None:
    if invitation.email not in (None, account.email):
        raise _for_another()
    of = invitation.organisation_id
    if find_member(change.connection, of, account.id) is None:
        # Fewer may be allowed by now than were invited: the first to come are let in.
        check_quota(change.connection, of, "members", change.now, invited=False)
    change.connection.write(
        "UPDATE invitation SET accepted_at = :now, accepted_by = :account WHERE id = :id",
        {"now": change.now, "account": account.id, "id": invitation.id},
    )
    add_member(change, of, account, invitation.role)
    change.note(None, {"email": account.email, "role": invitation.role})


def _for_another() -> Forbidden:
    return Forbidden(
        "the invitation is for another e-mail address", hint="ask for one for your own"
    )
