"""Members: which account has which role in an organisation.

Laws: nobody gives a role above their own, or touches somebody who is above them; an organisation
that has an owner keeps one.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations.accounts import Account, find_account
from dragoman.organisations.actor import ROLES, Actor, Role
from dragoman.organisations.desk import Change, Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.invitation_rows import withdraw_invitations_of
from dragoman.organisations.keys import revoke_keys_of
from dragoman.organisations.quotas import check_quota
from dragoman.organisations.texts import shown
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.types.paging import Page, Slice, cut

_SELECT = (
    "SELECT member.account_id, account.email, account.name, account.enabled, member.role,"
    " member.created_at, member.updated_at, member.version"
    " FROM member JOIN account ON account.id = member.account_id"
    " WHERE member.organisation_id = :organisation"
)


class Member(Struct, frozen=True, kw_only=True):
    """Somebody's role in an organisation. Times are seconds since 1970."""

    account_id: str
    email: str
    name: str
    enabled: bool
    role: Role
    created_at: float
    updated_at: float
    version: int


def read_role(role: str) -> Role:
    """Read a role. Raises: InvalidRequest."""
    for known in ROLES:
        if role == known:
            return known
    raise InvalidRequest(
        f"{shown(role)} is no role", param="role", hint=f"one of {', '.join(ROLES)}"
    )


def list_members(connection: Connection, organisation_id: str, page: Page) -> Slice[Member]:
    """List the members of an organisation by e-mail address."""
    rows = connection.rows(
        f"{_SELECT} AND account.email > :after ORDER BY account.email LIMIT :limit",
        {"organisation": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([_read(row) for row in rows], page, lambda one: one.email)


def find_member(connection: Connection, organisation_id: str, account_id: str) -> Member | None:
    """Find a member by the account's id."""
    rows = connection.rows(
        f"{_SELECT} AND member.account_id = :account",
        {"organisation": organisation_id, "account": account_id},
    )
    return _read(rows[0]) if rows else None


def put_member(
    desk: Desk,
    actor: Actor,
    organisation_id: str,
    account_id: str,
    role: Role,
    *,
    version: int | None = None,
) -> Member:
    """Give a member another role; an operator may also make an account a member.

    Raises: NotFound, Forbidden, Conflict for the last owner, ChangedMeanwhile, QuotaReached.
    """
    with desk.change(actor, "put", "member", account_id, organisation_id=organisation_id) as change:
        connection = change.connection
        old = find_member(connection, organisation_id, account_id)
        account = find_account(connection, account_id) if actor.operator else None
        if old is None and account is None:
            raise NotFound("there is no such member")
        check_version(version, old.version if old else 0, "the member")
        check_grant(actor, organisation_id, role)
        if old is None:
            assert account is not None
            check_quota(connection, organisation_id, "members", change.now)
            add_member(change, organisation_id, account, role)
        elif old.role != role:
            check_grant(actor, organisation_id, old.role)
            _keep_an_owner(connection, organisation_id, old)
            connection.write(
                "UPDATE member SET role = :role, updated_at = :now, version = version + 1"
                " WHERE organisation_id = :organisation AND account_id = :account",
                {
                    "organisation": organisation_id,
                    "account": account_id,
                    "role": role,
                    "now": change.now,
                },
            )
        new = find_member(connection, organisation_id, account_id)
        assert new is not None
        change.name(new.email)
        change.note(_noted(old) if old else None, _noted(new))
        return new


def remove_member(desk: Desk, actor: Actor, organisation_id: str, account_id: str) -> None:
    """Remove a member; everybody may go. Their gateway keys and open invitations here go as well.

    Raises: NotFound, Forbidden, Conflict for the last owner.
    """
    with desk.change(
        actor, "remove", "member", account_id, organisation_id=organisation_id
    ) as change:
        old = find_member(change.connection, organisation_id, account_id)
        if actor.account_id != account_id:
            if not actor.may("admin", organisation_id):
                raise Forbidden("that takes the role admin in this organisation")
            if old is not None:
                check_grant(actor, organisation_id, old.role)
        if old is None:
            raise NotFound("there is no such member")
        _keep_an_owner(change.connection, organisation_id, old)
        change.name(old.email)
        change.connection.write(
            "DELETE FROM member WHERE organisation_id = :organisation AND account_id = :account",
            {"organisation": organisation_id, "account": account_id},
        )
        revoke_keys_of(change, account_id, organisation_id)
        withdraw_invitations_of(change, old.email, organisation_id)
        change.note(_noted(old), None)


def add_member(change: Change, organisation_id: str, account: Account, role: Role) -> None:
    """Make an account a member, inside a change; who is one keeps the role that is higher."""
    old = find_member(change.connection, organisation_id, account.id)
    if old is None:
        change.connection.insert(
            "member",
            ("organisation_id", "account_id", "role", "created_at", "updated_at"),
            [(organisation_id, account.id, role, change.now, change.now)],
        )
    elif ROLES.index(role) > ROLES.index(old.role):
        change.connection.write(
            "UPDATE member SET role = :role, updated_at = :now, version = version + 1"
            " WHERE organisation_id = :organisation AND account_id = :account",
            {
                "organisation": organisation_id,
                "account": account.id,
                "role": role,
                "now": change.now,
            },
        )


def check_grant(actor: Actor, organisation_id: str, role: Role) -> None:
    """See that who asks is at least that themselves. Raises: Forbidden."""
    if not actor.may(role, organisation_id):
        raise Forbidden(f"that takes the role {role} in this organisation", hint="ask an owner")


def _keep_an_owner(connection: Connection, organisation_id: str, old: Member) -> None:
    """Raises: Conflict when no owner would be left."""
    if old.role != "owner":
        return
    others = connection.rows(
        "SELECT 1 FROM member WHERE organisation_id = :organisation AND role = 'owner'"
        " AND account_id <> :account LIMIT 1",
        {"organisation": organisation_id, "account": old.account_id},
    )
    if not others:
        raise Conflict("it is the last owner", hint="make somebody else owner first")


def _noted(member: Member) -> dict[str, Any]:
    return {"email": member.email, "role": member.role}


def _read(row: Any) -> Member:
    return Member(
        account_id=row["account_id"],
        email=row["email"],
        name=row["name"],
        enabled=bool(row["enabled"]),
        role=row["role"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
