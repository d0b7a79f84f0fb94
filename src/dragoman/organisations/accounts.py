"""Accounts: the people (and the operators among them) who sign in."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Change, Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.invitation_rows import withdraw_invitations_of
from dragoman.organisations.keys import revoke_keys_of
from dragoman.organisations.passwords import check_password, digest_password
from dragoman.organisations.texts import check_title, read_email
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.types.identifier import new_id
from dragoman.types.paging import Page, Slice, cut

_COLUMNS = (
    "id, email, name, password, issuer, subject, operator, enabled, created_at, updated_at, version"
)


class Account(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. `password` is a digest, None for who has none."""

    id: str
    email: str
    name: str
    password: str | None
    issuer: str | None
    subject: str | None
    operator: bool
    enabled: bool
    created_at: float
    updated_at: float
    version: int

    def __repr__(self) -> str:
        return f"Account({self.id})"


def has_operator(connection: Connection) -> bool:
    """Whether somebody can sign in as operator: without one, who sits at the machine is it."""
    return bool(connection.rows("SELECT 1 FROM account WHERE operator = 1 AND enabled = 1 LIMIT 1"))


def find_account(connection: Connection, account_id: str) -> Account | None:
    """Find an account by its id."""
    return _find(connection, "id = :id", {"id": account_id})


def find_by_email(connection: Connection, email: str) -> Account | None:
    """Find an account by its e-mail address, written as it is kept."""
    return _find(connection, "email = :email", {"email": email})


def find_by_subject(connection: Connection, issuer: str, subject: str) -> Account | None:
    """Find the account of somebody who signs in elsewhere."""
    return _find(
        connection,
        "issuer = :issuer AND subject = :subject",
        {"issuer": issuer, "subject": subject},
    )


def link_account(
    change: Change, account: Account, issuer: str, subject: str, *, theirs: bool
) -> Account:
    """Note by whom somebody is known elsewhere, inside a change.

    Unless it is known to be `theirs`, whatever opened the account before ends: an address was
    never verified here, so anybody may have made the account under it. Roles stay: organisations
    gave them to the address.
    """
    if not theirs:
        _shut_out(change, account)
        if account.password is not None:
            change.note({"password": "a password"}, None)
    change.connection.write(
        "UPDATE account SET issuer = :issuer, subject = :subject, password = :password,"
        " updated_at = :now, version = version + 1 WHERE id = :id",
        {
            "id": account.id,
            "issuer": issuer,
            "subject": subject,
            "password": account.password if theirs else None,
            "now": change.now,
        },
    )
    change.note(None, {"linked": issuer})
    return _get(change.connection, account.id)


def actor_of(connection: Connection, account: Account, address: str | None) -> Actor:
    """Say what an account may do: its roles as they are now."""
    rows = connection.rows(
        "SELECT organisation_id, role FROM member WHERE account_id = :id", {"id": account.id}
    )
    roles: dict[str, Role] = {row["organisation_id"]: row["role"] for row in rows}
    return Actor(
        name=account.email,
        account_id=account.id,
        operator=account.operator,
        roles=roles,
        address=address,
    )


def list_accounts(connection: Connection, page: Page) -> Slice[Account]:
    """List all accounts by e-mail address."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM account WHERE email > :after"  # noqa: S608
        " ORDER BY email LIMIT :limit",
        {"after": page.after or "", "limit": page.limit + 1},
    )
    return cut([read_account(row) for row in rows], page, lambda one: one.email)


def make_account(
    change: Change,
    email: str,
    *,
    name: str | None = None,
    password: str | None = None,
    operator: bool = False,
    issuer: str | None = None,
    subject: str | None = None,
) -> Account:
    """Make an account, inside a change; `password` is a digest.

    Raises: InvalidRequest, Conflict for an address that has one.
    """
    email = read_email(email)
    shown = check_title(name or email.partition("@")[0], "name")
    if find_by_email(change.connection, email) is not None:
        raise Conflict("there is an account with this e-mail address already", hint="sign in")
    made = new_id("acc")
    columns = ("id", "email", "name", "password", "operator", "issuer", "subject")
    row = (made, email, shown, password, int(operator), issuer, subject, change.now, change.now)
    change.connection.insert("account", (*columns, "created_at", "updated_at"), [row])
    return _get(change.connection, made)


def create_account(
    desk: Desk,
    actor: Actor,
    email: str,
    *,
    name: str | None = None,
    password: str | None = None,
    operator: bool = False,
) -> Account:
    """Make an account, as operators do. Raises: InvalidRequest, Conflict."""
    digest = None if password is None else digest_password(check_password(password))
    with desk.change(actor, "create", "account", read_email(email)) as change:
        made = make_account(change, email, name=name, password=digest, operator=operator)
        change.note(None, _noted(made))
        return made


def update_account(
    desk: Desk,
    actor: Actor,
    account_id: str,
    *,
    name: str | None = None,
    operator: bool | None = None,
    enabled: bool | None = None,
    version: int | None = None,
) -> Account:
    """Change what is given. Who is disabled has nothing open any more, nor has it when enabled.

    Sessions, tokens, invitations that nobody has accepted, and gateway keys of their own end.

    Raises: NotFound, InvalidRequest, ChangedMeanwhile, Conflict for the last operator.
    """
    if name is not None:
        check_title(name, "name")
    with desk.read() as connection:
        email = _get(connection, account_id).email
    with desk.change(actor, "update", "account", email) as change:
        old = _get(change.connection, account_id)
        check_version(version, old.version, "the account")
        new = msgspec.structs.replace(
            old,
            name=old.name if name is None else name,
            operator=old.operator if operator is None else operator,
            enabled=old.enabled if enabled is None else enabled,
        )
        if new == old:
            return old
        if not (new.operator and new.enabled):
            _keep_an_operator(change.connection, old)
        change.connection.write(
            "UPDATE account SET name = :name, operator = :operator, enabled = :enabled,"
            " updated_at = :now, version = version + 1 WHERE id = :id",
            {
                "id": old.id,
                "name": new.name,
                "operator": int(new.operator),
                "enabled": int(new.enabled),
                "now": change.now,
            },
        )
        if not new.enabled:
            _shut_out(change, old)
        change.note(_noted(old), _noted(new))
        return _get(change.connection, old.id)


def set_password(
    desk: Desk, actor: Actor, account_id: str, password: str, *, keep_session: str | None = None
) -> None:
    """Set a new password: every session but that one ends, and every token of the API.

    Raises: NotFound, InvalidRequest.
    """
    digest = digest_password(check_password(password))
    with desk.read() as connection:
        email = _get(connection, account_id).email
    with desk.change(actor, "set_password", "account", email) as change:
        _get(change.connection, account_id)
        values = {"id": account_id, "digest": digest, "now": change.now, "but": keep_session or ""}
        change.connection.write(
            "UPDATE account SET password = :digest, updated_at = :now, version = version + 1"
            " WHERE id = :id",
            values,
        )
        change.connection.write("DELETE FROM session WHERE account_id = :id AND id <> :but", values)
        change.connection.write("DELETE FROM api_token WHERE account_id = :id", values)
        change.note(None, {"password": "a new one"})


def delete_account(desk: Desk, actor: Actor, account_id: str) -> None:
    """Delete an account; what it did stays in the records, and nothing it opened stays open.

    Raises: NotFound, Conflict for the last operator, or the last owner of an organisation.
    """
    with desk.read() as connection:
        email = _get(connection, account_id).email
    with desk.change(actor, "delete", "account", email) as change:
        old = _get(change.connection, account_id)
        _keep_an_operator(change.connection, old)
        alone = change.connection.rows(
            "SELECT organisation.name FROM member JOIN organisation"
            " ON organisation.id = member.organisation_id"
            " WHERE member.account_id = :id AND member.role = 'owner' AND NOT EXISTS"
            " (SELECT 1 FROM member other WHERE other.organisation_id = member.organisation_id"
            " AND other.role = 'owner' AND other.account_id <> :id) LIMIT 1",
            {"id": old.id},
        )
        if alone:
            raise Conflict(
                f"it is the last owner of the organisation '{alone[0]['name']}'",
                hint="make somebody else owner first",
            )
        _shut_out(change, old)
        change.connection.write("DELETE FROM account WHERE id = :id", {"id": old.id})
        change.note(_noted(old), None)


def _keep_an_operator(connection: Connection, old: Account) -> None:
    """Raises: Conflict when nobody would be left to run the gateway."""
    if not (old.operator and old.enabled):
        return
    others = connection.rows(
        "SELECT 1 FROM account WHERE operator = 1 AND enabled = 1 AND id <> :id LIMIT 1",
        {"id": old.id},
    )
    if not others:
        raise Conflict("it is the last operator", hint="make somebody else operator first")


def _shut_out(change: Change, account: Account) -> None:
    """End what somebody has opened: sessions, tokens, gateway keys of their own, invitations."""
    for what, table in (("sessions", "session"), ("tokens", "api_token")):
        ended = change.connection.rows(
            f"DELETE FROM {table} WHERE account_id = :id RETURNING id",  # noqa: S608
            {"id": account.id},
        )
        if ended:
            change.note({what: len(ended)}, None)
    revoke_keys_of(change, account.id)
    withdraw_invitations_of(change, account.email)


def _noted(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "operator": account.operator,
        "enabled": account.enabled,
    }


def _get(connection: Connection, account_id: str) -> Account:
    found = find_account(connection, account_id)
    if found is None:
        raise NotFound("there is no such account")
    return found


def _find(connection: Connection, where: str, values: dict[str, Any]) -> Account | None:
    rows = connection.rows(f"SELECT {_COLUMNS} FROM account WHERE {where}", values)  # noqa: S608
    return read_account(rows[0]) if rows else None


def read_account(row: Any) -> Account:
    """Read a row of the table."""
    return Account(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        password=row["password"],
        issuer=row["issuer"],
        subject=row["subject"],
        operator=bool(row["operator"]),
        enabled=bool(row["enabled"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
