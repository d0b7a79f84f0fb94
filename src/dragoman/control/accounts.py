"""`/accounts`: who may sign in, for operators."""

from __future__ import annotations

from litestar import delete, get, patch, post, put
from msgspec import Struct

from dragoman.control.paging import Listed, listed
from dragoman.organisations import accounts
from dragoman.organisations.accounts import Account
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import NotFound
from dragoman.types.paging import Page


class AccountShown(Struct, frozen=True, kw_only=True):
    """An account. `password` and `provider`: how one signs in to it."""

    id: str
    email: str
    name: str
    operator: bool
    enabled: bool
    password: bool
    provider: str | None
    created_at: float
    updated_at: float
    version: int


class NewAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a new account; without a password one signs in by OIDC alone."""

    email: str
    name: str | None = None
    password: str | None = None
    operator: bool = False

    def __repr__(self) -> str:
        return "NewAccount(…)"


class AccountChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; the rest stays."""

    name: str | None = None
    operator: bool | None = None
    enabled: bool | None = None
    version: int | None = None


class PasswordReset(Struct, frozen=True, forbid_unknown_fields=True):
    """The password that is to be."""

    password: str

    def __repr__(self) -> str:
        return "PasswordReset(…)"


@get("/accounts", opt={"operator": True}, sync_to_thread=True)
def list_accounts(desk: Desk, page: Page) -> Listed[AccountShown]:
    """List all accounts, by e-mail address."""
    with desk.read() as connection:
        found = accounts.list_accounts(connection, page)
    return listed(found, _show)


@post("/accounts", opt={"operator": True, "session": True}, sync_to_thread=True)
def create_account(desk: Desk, actor: Actor, data: NewAccount) -> AccountShown:
    """Make an account."""
    made = accounts.create_account(
        desk, actor, data.email, name=data.name, password=data.password, operator=data.operator
    )
    return _show(made)


@get("/accounts/{account:str}", opt={"operator": True}, sync_to_thread=True)
def show_account(desk: Desk, account: str) -> AccountShown:
    """Show an account."""
    with desk.read() as connection:
        found = accounts.find_account(connection, account)
    if found is None:
        raise NotFound("there is no such account")
    return _show(found)


@patch("/accounts/{account:str}", opt={"operator": True, "session": True}, sync_to_thread=True)
def change_account(desk: Desk, actor: Actor, account: str, data: AccountChange) -> AccountShown:
    """Change an account. What somebody disabled has opened ends.

    That is their sessions and tokens, their invitations, and gateway keys of their own.
    """
    changed = accounts.update_account(
        desk,
        actor,
        account,
        name=data.name,
        operator=data.operator,
        enabled=data.enabled,
        version=data.version,
    )
    return _show(changed)


@put(
    "/accounts/{account:str}/password",
    opt={"operator": True, "session": True},
    status_code=204,
    sync_to_thread=True,
)
def reset_password(desk: Desk, actor: Actor, account: str, data: PasswordReset) -> None:
    """Set somebody's password: they are signed out everywhere, and their tokens are deleted."""
    accounts.set_password(desk, actor, account, data.password)


@delete("/accounts/{account:str}", opt={"operator": True, "session": True}, sync_to_thread=True)
def delete_account(desk: Desk, actor: Actor, account: str) -> None:
    """Delete an account; what it did stays in the records."""
    accounts.delete_account(desk, actor, account)


def _show(account: Account) -> AccountShown:
    return AccountShown(
        id=account.id,
        email=account.email,
        name=account.name,
        operator=account.operator,
        enabled=account.enabled,
        password=account.password is not None,
        provider=account.issuer,
        created_at=account.created_at,
        updated_at=account.updated_at,
        version=account.version,
    )


HANDLERS = (
    list_accounts,
    create_account,
    show_account,
    change_account,
    reset_password,
    delete_account,
)
