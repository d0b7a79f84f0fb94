"""`/setup`, `/session`, `/sessions`, `/password`: signing in and out, and who one is."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from msgspec import Struct

from dragoman import __version__
from dragoman.control.authentication import Identity
from dragoman.control.browser import read_session_cookie, session_cookie
from dragoman.control.context import Context
from dragoman.control.paging import Listed
from dragoman.organisations import accounts, sessions, setup, sign_in
from dragoman.organisations.accounts import Account
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import Conflict
from dragoman.organisations.sign_in import SignedIn
from dragoman.types.credential import Secret


class Me(Struct, frozen=True):
    """Who asks. `roles` are by the organisation's name; an operator may do everything.

    `version` is the gateway's.
    """

    name: str
    account: str | None
    operator: bool
    roles: dict[str, Role]
    version: str


class SetUp(Struct, frozen=True, forbid_unknown_fields=True):
    """The token of the link that was printed, and the first operator's account."""

    token: str
    email: str
    password: str
    name: str | None = None

    def __repr__(self) -> str:
        return "SetUp(…)"


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """What one signs in with."""

    email: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    """The password that was, and the one that is to be."""

    old: str
    new: str

    def __repr__(self) -> str:
        return "NewPassword(…)"


class SessionShown(Struct, frozen=True):
    """A session; `current` is the one that asks."""

    id: str
    created_at: float
    used_at: float
    expires_at: float
    address: str | None
    agent: str | None
    current: bool


@post("/setup", opt={"open": True}, sync_to_thread=True)
def set_up(
    desk: Desk, context: Context, request: Request[Any, Any, Any], data: SetUp
) -> Response[Me]:
    """Make the first operator, with the link that the gateway printed; it is valid once."""
    made = setup.finish_setup(desk, data.token, data.email, data.password, name=data.name)
    return begin_session(context, request, made, "setup")


@post("/session", opt={"open": True}, status_code=200, sync_to_thread=True)
def open_session(
    desk: Desk, context: Context, request: Request[Any, Any, Any], data: Credentials
) -> Response[Me]:
    """Sign in with a password: the answer sets a cookie."""
    signed_in = sign_in.sign_in(
        desk,
        data.email,
        data.password,
        address=peer_of(request),
        agent=request.headers.get("user-agent"),
        old_token=read_session_cookie(context, request.cookies),
    )
    return welcome(context, request, signed_in)


@get("/session", opt={"signed_in": True}, sync_to_thread=True)
def show_session(desk: Desk, actor: Actor) -> Me:
    """Show who asks, and their roles."""
    return show_me(desk, actor)


@delete("/session", opt={"signed_in": True}, status_code=200, sync_to_thread=True)
def close_session(
    desk: Desk,
    context: Context,
    request: Request[Any, Any, Any],
    actor: Actor,
    identity: Identity,
) -> Response[None]:
    """Sign out: the session ends, and its cookie is taken away."""
    if identity.session is not None:
        sessions.end_session(desk, actor, identity.session.id)
    cookie = session_cookie(context, dict(request.headers.items()), None)
    return Response(None, cookies=[cookie])


@get("/sessions", opt={"signed_in": True}, sync_to_thread=True)
def list_sessions(desk: Desk, actor: Actor, identity: Identity) -> Listed[SessionShown]:
    """List your sessions, the newest first."""
    current = identity.session.id if identity.session else None
    with desk.read() as connection:
        found = sessions.list_sessions(connection, actor.account_id or "", desk.clock())
    shown = [
        SessionShown(
            id=one.id,
            created_at=one.created_at,
            used_at=one.used_at,
            expires_at=one.expires_at,
            address=one.address,
            agent=one.agent,
            current=one.id == current,
        )
        for one in found
    ]
    return Listed(shown, None)


@delete("/sessions/{session:str}", opt={"signed_in": True}, sync_to_thread=True)
def end_session(desk: Desk, actor: Actor, session: str) -> None:
    """End one of your sessions."""
    sessions.end_session(desk, actor, session)


@put("/password", opt={"signed_in": True, "session": True}, status_code=204, sync_to_thread=True)
def change_password(
    desk: Desk,
    request: Request[Any, Any, Any],
    actor: Actor,
    identity: Identity,
    data: NewPassword,
) -> None:
    """Change your password: your other sessions end, and your tokens are deleted."""
    account, session = identity.account, identity.session
    if account is None or session is None:
        raise Conflict("who asks has no account", hint="make one: POST /api/v1/accounts")
    sign_in.confirm_password(desk, account, data.old, address=peer_of(request))
    accounts.set_password(desk, actor, account.id, data.new, keep_session=session.id)


def begin_session(
    context: Context, request: Request[Any, Any, Any], account: Account, way: str
) -> Response[Me]:
    """Begin a session for somebody who has proved who they are, `way` says how."""
    signed_in = sign_in.start_session(
        context.desk,
        account,
        way,
        address=peer_of(request),
        agent=request.headers.get("user-agent"),
        old_token=read_session_cookie(context, request.cookies),
    )
    return welcome(context, request, signed_in)


def welcome(context: Context, request: Request[Any, Any, Any], signed_in: SignedIn) -> Response[Me]:
    """Answer who has signed in, with the cookie of the session."""
    with context.desk.read() as connection:
        actor = accounts.actor_of(connection, signed_in.account, peer_of(request))
    cookie = cookie_for(context, request, signed_in.token)
    return Response(show_me(context.desk, actor), cookies=[cookie])


def cookie_for(context: Context, request: Request[Any, Any, Any], token: Secret) -> Any:
    """Make the cookie of a session for who asks."""
    return session_cookie(context, dict(request.headers.items()), token)


def peer_of(request: Request[Any, Any, Any]) -> str:
    """Say which address a request comes from."""
    return request.client.host if request.client else ""


def show_me(desk: Desk, actor: Actor) -> Me:
    """Show who asks to themselves."""
    with desk.read() as connection:
        rows = connection.rows(
            "SELECT organisation.name, member.role FROM member"
            " JOIN organisation ON organisation.id = member.organisation_id"
            " WHERE member.account_id = :id ORDER BY organisation.name",
            {"id": actor.account_id or ""},
        )
    roles: dict[str, Role] = {row["name"]: row["role"] for row in rows}
    return Me(actor.name, actor.account_id, actor.operator, roles, __version__)


HANDLERS = (
    set_up,
    open_session,
    show_session,
    close_session,
    list_sessions,
    end_session,
    change_password,
)
