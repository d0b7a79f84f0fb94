"""`/oidc`: signing in elsewhere, and how operators set it up."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.datastructures import State
from msgspec import Struct

from dragoman.control.browser import (
    make_cookie,
    public_url,
    read_cookie,
    read_session_cookie,
    session_cookie,
)
from dragoman.control.context import Context
from dragoman.control.oidc_client import Asked, OidcClient
from dragoman.control.sessions import peer_of
from dragoman.errors import InvalidRequest, LimitExceeded, Unauthorized
from dragoman.organisations import oidc
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.oidc import Oidc, OidcSettings
from dragoman.organisations.sealing import Purpose, Unreadable
from dragoman.organisations.sessions import find_session
from dragoman.organisations.sign_in import SignedIn, start_session
from dragoman.organisations.tries import count_try, digest_try
from dragoman.types.credential import Secret

COOKIE, SECURE_COOKIE = "dragoman_oidc", "__Host-dragoman_oidc"
WAIT_S = 600
"""How long somebody may take to sign in elsewhere; who has is remembered for longer."""
HOME = "/"

_PURPOSE = Purpose("", "cookie", "oidc")
_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_ONWARD = re.compile(r"/(?![/\\])[!-\[\]-~]{0,500}")
"""A path on this very host: `//other.example` and `/\\other.example` lead elsewhere."""


class OidcShown(Struct, frozen=True):
    """Whether one can sign in elsewhere, and what the button says."""

    enabled: bool
    title: str | None


class OidcSettingsShown(Struct, frozen=True, kw_only=True):
    """The settings; the client secret is never shown."""

    issuer: str
    client_id: str
    title: str
    scopes: list[str]
    domains: list[str]
    organisation: str | None
    role: Role
    trust_email: bool
    has_secret: bool
    redirect_uri: str
    updated_at: float
    version: int


class OidcBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings are to be; without `client_secret` the one that was stays."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    title: str = "Single sign-on"
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    domains: tuple[str, ...] = ()
    organisation: str | None = None
    role: Role = "member"
    trust_email: bool = False
    version: int | None = None

    def __repr__(self) -> str:
        return "OidcBody(…)"


@get("/oidc", opt={"open": True}, sync_to_thread=True)
def show_oidc(desk: Desk) -> OidcShown:
    """Show whether one can sign in elsewhere."""
    with desk.read() as connection:
        found = oidc.find_oidc(connection)
    return OidcShown(found is not None, found.settings.title if found else None)


@get("/oidc/start", opt={"open": True, "navigation": True}, status_code=302)
async def start_oidc(
    context: Context, request: Request[Any, Any, Any], onward: str = HOME
) -> Response[None]:
    """Send the browser to where one signs in; from there it comes back to `onward`, a path.

    Who is signed in here already links their account, and keeps its password and all it has.
    """
    if _ONWARD.fullmatch(onward) is None:
        raise InvalidRequest("that leads somewhere else", param="onward", hint="a path, like /")
    settings = (await asyncio.to_thread(_find, context.desk)).settings
    headers = dict(request.headers.items())
    redirect_uri = _redirect_uri(context, headers)
    client = client_of(request.app.state, context)
    session_id = await asyncio.to_thread(_session_id, context, request)
    now = context.desk.clock()
    url, asked = await client.begin(settings, redirect_uri, onward, session_id, now)
    sealed = await asyncio.to_thread(
        context.safe.seal, msgspec.json.encode(asked).decode(), _PURPOSE
    )
    secure = redirect_uri.startswith("https://")
    # Lax: the way back from another site is the one on which it has to come along.
    cookie = make_cookie(
        SECURE_COOKIE if secure else COOKIE, sealed, WAIT_S, secure=secure, samesite="lax"
    )
    return Response(None, status_code=302, headers={"location": url}, cookies=[cookie])


@get("/oidc/callback", opt={"open": True, "navigation": True}, status_code=302)
async def finish_oidc(context: Context, request: Request[Any, Any, Any]) -> Response[None]:
    """Take what the browser came back with, and sign in. The sign-in provider leads it here."""
    asked = await asyncio.to_thread(_read_asked, context, request)
    settings = (await asyncio.to_thread(_find, context.desk)).settings
    secret = await asyncio.to_thread(_open_secret, context)
    answer = {name: str(value) for name, value in request.query_params.items()}
    client = client_of(request.app.state, context)
    claims = await client.finish(settings, secret, asked, answer, context.desk.clock())

    def sign_in() -> SignedIn:
        _use_up(context.desk, asked)
        address = peer_of(request)
        account = oidc.admit(
            context.desk, settings, claims, address=address, session_id=asked.session_id
        )
        return start_session(
            context.desk,
            account,
            "oidc",
            address=address,
            agent=request.headers.get("user-agent"),
            old_token=read_session_cookie(context, request.cookies),
        )

    signed_in = await asyncio.to_thread(sign_in)
    headers = {"host": request.headers.get("host", "")}
    cookie = session_cookie(context, headers, signed_in.token)
    return Response(None, status_code=302, headers={"location": asked.onward}, cookies=[cookie])


@get("/oidc/settings", opt={"operator": True}, sync_to_thread=True)
def show_oidc_settings(
    desk: Desk, context: Context, request: Request[Any, Any, Any]
) -> OidcSettingsShown:
    """Show how one signs in elsewhere."""
    return _show(_find(desk), context, request)


@put("/oidc/settings", opt={"operator": True}, sync_to_thread=True)
def put_oidc_settings(
    desk: Desk,
    context: Context,
    actor: Actor,
    request: Request[Any, Any, Any],
    data: OidcBody,
) -> OidcSettingsShown:
    """Set how one signs in elsewhere. Another issuer needs its own client secret."""
    settings = OidcSettings(
        issuer=data.issuer,
        client_id=data.client_id,
        title=data.title,
        scopes=data.scopes,
        domains=data.domains,
        organisation=data.organisation,
        role=data.role,
        trust_email=data.trust_email,
    )
    put = oidc.put_oidc(
        desk, context.safe, actor, settings, secret=data.client_secret, version=data.version
    )
    return _show(put, context, request)


@delete("/oidc/settings", opt={"operator": True}, sync_to_thread=True)
def delete_oidc_settings(desk: Desk, actor: Actor) -> None:
    """Have nobody sign in elsewhere any more; their accounts stay."""
    oidc.delete_oidc(desk, actor)


def client_of(state: State, context: Context) -> OidcClient:
    """Find what asks the provider; it remembers what the provider says of itself."""
    client: OidcClient | None = getattr(state, "oidc_client", None)
    if client is None:
        client = state.oidc_client = OidcClient(context.transport)
    return client


def _find(desk: Desk) -> Oidc:
    with desk.read() as connection:
        found = oidc.find_oidc(connection)
    if found is None:
        raise NotFound("nobody signs in elsewhere", hint="an operator can set it up")
    return found


def _session_id(context: Context, request: Request[Any, Any, Any]) -> str | None:
    """Find the session that this browser has, if it has one."""
    token = read_session_cookie(context, request.cookies)
    if token is None:
        return None
    with context.desk.read() as connection:
        found = find_session(connection, token, context.desk.clock())
    return found[0].id if found else None


def _open_secret(context: Context) -> Secret | None:
    with context.desk.read() as connection:
        return oidc.open_secret(connection, context.safe)


def _read_asked(context: Context, request: Request[Any, Any, Any]) -> Asked:
    """Read what this browser was sent away with. Raises: Unauthorized."""
    sealed = read_cookie(context, request.cookies, SECURE_COOKIE, COOKIE)
    if sealed:
        try:
            asked = msgspec.json.decode(context.safe.open(sealed, _PURPOSE).reveal(), type=Asked)
            if 0 <= context.desk.clock() - asked.at <= WAIT_S:
                return asked
        except (Unreadable, msgspec.MsgspecError):
            pass
    raise _not_begun()


def _use_up(desk: Desk, asked: Asked) -> None:
    """See that nobody has signed in by this before: it is good for once. Raises: Unauthorized."""
    try:
        count_try(desk, {digest_try("oidc", asked.state): 1})
    except LimitExceeded:
        raise _not_begun() from None


def _not_begun() -> Unauthorized:
    return Unauthorized(
        "this browser has not begun to sign in, or too long ago",
        hint="begin again",
        code="sign_in_failed",
    )


def _redirect_uri(context: Context, headers: dict[str, str]) -> str:
    """Say where the browser comes back to: what is configured, or this machine, nothing else.

    Raises: Conflict.
    """
    host = headers.get("host", "")
    if context.config().server.public_url is None and _LOCAL_HOST.fullmatch(host) is None:
        raise Conflict(
            "to sign in elsewhere, the gateway has to know where people reach it",
            hint='set `public_url = "https://…"` under [server]',
        )
    return f"{public_url(context, headers)}/api/v1/oidc/callback"


def _show(found: Oidc, context: Context, request: Request[Any, Any, Any]) -> OidcSettingsShown:
    settings = found.settings
    base = public_url(context, dict(request.headers.items()))
    return OidcSettingsShown(
        issuer=settings.issuer,
        client_id=settings.client_id,
        title=settings.title,
        scopes=list(settings.scopes),
        domains=list(settings.domains),
        organisation=settings.organisation,
        role=settings.role,
        trust_email=settings.trust_email,
        has_secret=found.has_secret,
        redirect_uri=f"{base}/api/v1/oidc/callback",
        updated_at=found.updated_at,
        version=found.version,
    )


HANDLERS = (
    show_oidc,
    start_oidc,
    finish_oidc,
    show_oidc_settings,
    put_oidc_settings,
    delete_oidc_settings,
)
