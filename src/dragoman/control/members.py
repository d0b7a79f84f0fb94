"""`/organisations/{org}/members`: who has which role in an organisation."""

from __future__ import annotations

from litestar import delete, get, put
from msgspec import Struct

from dragoman.control.paging import Listed, listed
from dragoman.organisations import members
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Desk
from dragoman.organisations.members import Member
from dragoman.organisations.organisations import Organisation
from dragoman.types.paging import Page


class MemberShown(Struct, frozen=True):
    """A member."""

    account: str
    email: str
    name: str
    enabled: bool
    role: Role
    created_at: float
    updated_at: float
    version: int


class MemberBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a member is to be; with `version`, only if they are at that (0: not there yet)."""

    role: Role
    version: int | None = None


@get("/organisations/{org:str}/members", opt={"least": "viewer"}, sync_to_thread=True)
def list_members(desk: Desk, organisation: Organisation, page: Page) -> Listed[MemberShown]:
    """List the members of an organisation, by e-mail address."""
    with desk.read() as connection:
        found = members.list_members(connection, organisation.id, page)
    return listed(found, _show)


@put("/organisations/{org:str}/members/{account:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_member(
    desk: Desk, actor: Actor, organisation: Organisation, account: str, data: MemberBody
) -> MemberShown:
    """Give a member another role, not above your own.

    Operators may also make an account a member; everybody else invites.
    """
    put = members.put_member(desk, actor, organisation.id, account, data.role, version=data.version)
    return _show(put)


@delete(
    "/organisations/{org:str}/members/{account:str}", opt={"least": "viewer"}, sync_to_thread=True
)
def remove_member(desk: Desk, actor: Actor, organisation: Organisation, account: str) -> None:
    """Remove a member: yourself, or as admin others who are not above you."""
    members.remove_member(desk, actor, organisation.id, account)


def _show(member: Member) -> MemberShown:
    return MemberShown(
        account=member.account_id,
        email=member.email,
        name=member.name,
        enabled=member.enabled,
        role=member.role,
        created_at=member.created_at,
        updated_at=member.updated_at,
        version=member.version,
    )


HANDLERS = (list_members, put_member, remove_member)
