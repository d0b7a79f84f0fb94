"""`/organisations/{org}/invitations`, `/invitations`: links by which somebody becomes a member."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post
from msgspec import Struct

from dragoman.control.browser import public_url
from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.control.sessions import Me, begin_session, peer_of, show_me
from dragoman.organisations import invitations
from dragoman.organisations.accounts import actor_of, find_account
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Desk
from dragoman.organisations.invitation_rows import Invitation
from dragoman.organisations.invitations import LIFE_S
from dragoman.organisations.organisations import Organisation
from dragoman.types.paging import Page

PATH = "/invitation"


class InvitationShown(Struct, frozen=True):
    """An invitation; with `email`, only the account of that address may accept it."""

    id: str
    role: Role
    email: str | None
    created_at: float
    created_by: str | None
    expires_at: float


class InvitationMade(Struct, frozen=True):
    """An invitation with its link, which is shown this once."""

    id: str
    role: Role
    email: str | None
    expires_at: float
    token: str
    link: str


class NewInvitation(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite, and as what; `expires_in` is in seconds."""

    role: Role
    email: str | None = None
    expires_in: float = LIFE_S


class InvitationToken(Struct, frozen=True, forbid_unknown_fields=True):
    """The token of an invitation's link."""

    token: str

    def __repr__(self) -> str:
        return "InvitationToken(…)"


class Registration(Struct, frozen=True, forbid_unknown_fields=True):
    """The token of an invitation's link, and the account to make."""

    token: str
    email: str
    password: str
    name: str | None = None

    def __repr__(self) -> str:
        return "Registration(…)"


class InvitationSeen(Struct, frozen=True):
    """What who has a link may know of it."""

    organisation: str
    role: Role
    email: str | None
    expires_at: float


@get("/organisations/{org:str}/invitations", opt={"least": "admin"}, sync_to_thread=True)
def list_invitations(desk: Desk, organisation: Organisation, page: Page) -> Listed[InvitationShown]:
    """List the invitations that nobody has accepted yet, the oldest first."""
    with desk.read() as connection:
        found = invitations.list_invitations(connection, organisation.id, page)
    return listed(found, _show)


@post("/organisations/{org:str}/invitations", opt={"least": "admin"}, sync_to_thread=True)
def create_invitation(
    desk: Desk,
    context: Context,
    request: Request[Any, Any, Any],
    actor: Actor,
    organisation: Organisation,
    data: NewInvitation,
) -> InvitationMade:
    """Invite somebody, as no more than you are. The link is in the answer, and nowhere else."""
    made, token = invitations.invite(
        desk, actor, organisation, data.role, email=data.email, life_s=data.expires_in
    )
    base = public_url(context, dict(request.headers.items()))
    return InvitationMade(
        id=made.id,
        role=made.role,
        email=made.email,
        expires_at=made.expires_at,
        token=token.reveal(),
        link=f"{base}{PATH}#{token.reveal()}",
    )


@delete(
    "/organisations/{org:str}/invitations/{invitation:str}",
    opt={"least": "admin"},
    sync_to_thread=True,
)
def withdraw_invitation(
    desk: Desk, actor: Actor, organisation: Organisation, invitation: str
) -> None:
    """Withdraw an invitation that nobody has accepted."""
    invitations.withdraw(desk, actor, organisation.id, invitation)


@post("/invitations/look", opt={"open": True}, status_code=200, sync_to_thread=True)
def look_at_invitation(desk: Desk, data: InvitationToken) -> InvitationSeen:
    """Show what a link is for."""
    with desk.read() as connection:
        found = invitations.resolve_invitation(connection, data.token, desk.clock())
        (row,) = connection.rows(
            "SELECT title FROM organisation WHERE id = :id", {"id": found.organisation_id}
        )
    return InvitationSeen(row["title"], found.role, found.email, found.expires_at)


@post(
    "/invitations/accept",
    opt={"signed_in": True, "session": True},
    status_code=200,
    sync_to_thread=True,
)
def accept_invitation(desk: Desk, actor: Actor, data: InvitationToken) -> Me:
    """Become a member with the account that you are signed in with."""
    invitations.accept(desk, actor, data.token)
    with desk.read() as connection:
        account = find_account(connection, actor.account_id or "")
        if account is not None:
            actor = actor_of(connection, account, actor.address)
    return show_me(desk, actor)


@post("/invitations/register", opt={"open": True}, sync_to_thread=True)
def register_by_invitation(
    desk: Desk, context: Context, request: Request[Any, Any, Any], data: Registration
) -> Response[Me]:
    """Make an account, become a member with it, and sign in."""
    account = invitations.register(
        desk, data.token, data.email, data.password, name=data.name, address=peer_of(request)
    )
    return begin_session(context, request, account, "invitation")


def _show(invitation: Invitation) -> InvitationShown:
    return InvitationShown(
        id=invitation.id,
        role=invitation.role,
        email=invitation.email,
        created_at=invitation.created_at,
        created_by=invitation.created_by,
        expires_at=invitation.expires_at,
    )


HANDLERS = (
    list_invitations,
    create_invitation,
    withdraw_invitation,
    look_at_invitation,
    accept_invitation,
    register_by_invitation,
)
