"""Who asks the control plane, and whether they may: one reader of credentials, one guard.

Law: a handler says who may call it, as data, and the guard on the matched route enforces that.
What says nothing is served to nobody.

    opt={"least": "admin"}      a role in the organisation named in the path, `{org}`
    opt={"operator": True}      operators
    opt={"signed_in": True}     everybody who has signed in
    opt={"open": True}          everybody, also while the gateway waits to be set up

With them may stand `session`: no program's token will do, somebody has to have signed in, and
`navigation`: it is where another site's page leads a browser to, and so may come from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from dragoman.control.browser import read_session_cookie
from dragoman.control.context import Context
from dragoman.errors import Forbidden, InvalidRequest, RequestError, Unauthorized
from dragoman.organisations.accounts import Account, actor_of, has_operator
from dragoman.organisations.actor import ROLES, Actor, Role
from dragoman.organisations.api_tokens import find_by_token
from dragoman.organisations.organisations import (
    Organisation,
    find_organisation,
    no_organisation,
)
from dragoman.organisations.sessions import Session, find_session
from dragoman.types.inbound import FORMS, media_type, read_keys, was_forwarded

OPERATOR = "operator"
"""What the audit log calls who sits at the machine, while there is no account of an operator."""

_KINDS = ("least", "operator", "signed_in", "open")
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


class Rule(NamedTuple):
    """Who may call a handler."""

    kind: str
    least: Role | None = None
    session: bool = False
    navigation: bool = False


class Identity(Struct, frozen=True):
    """Who asks: `session` is None for programs, and for who sits at the machine."""

    actor: Actor
    session: Session | None = None
    account: Account | None = None


class NoSuchPath(RequestError):
    """Nothing is served under this path."""

    status = 404
    code = "not_found"


class WrongMediaType(InvalidRequest):
    """The body is not said to be JSON."""

    status = 415
    code = "unsupported_media_type"


def read_rule(opt: Mapping[str, Any]) -> Rule | None:
    """Read who may call a handler; None when it does not say, or two things."""
    kinds = [kind for kind in _KINDS if opt.get(kind)]
    least = opt.get("least")
    if len(kinds) != 1 or least not in (None, *ROLES):
        return None
    return Rule(kinds[0], least, bool(opt.get("session")), bool(opt.get("navigation")))


def check_rule(opt: Mapping[str, Any], path: str) -> None:
    """See that a handler says who may call it. Raises: ValueError."""
    rule = read_rule(opt)
    if rule is None or (rule.least is not None and "{org:" not in path):
        raise ValueError(
            f"{path}: its `opt` must say who may call it, by one of {', '.join(_KINDS)};"
            " `least` is a role in the organisation of the path, {org:str}"
        )


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Decide; note who asks, and in which organisation. Raises: RequestError, StoreError."""
    context: Context = connection.app.state.context
    rule = read_rule(handler.opt)
    if rule is None:
        raise NoSuchPath("nothing is served under this path")
    headers = dict(connection.headers.items())
    if connection.scope.get("method") in _UNSAFE:
        context.check_own_origin(headers)
        _check_kind(headers)
    elif not rule.navigation:
        context.check_origin(headers)
    state = connection.scope["state"]
    if rule.kind == "open":
        return
    client = connection.client
    credential = read_credential(headers, read_session_cookie(context, connection.cookies))
    name = str(connection.path_params["org"]) if rule.least is not None else None
    # A thread, because it reads the database.
    identity, organisation = await asyncio.to_thread(
        _look, context, credential, headers, client.host if client else "", name
    )
    if rule.kind == "operator" and not identity.actor.operator:
        raise Forbidden("only operators of this gateway may do that")
    if rule.session and identity.session is None and identity.actor.account_id is not None:
        raise Forbidden(
            "a program's token may not do that", hint="sign in in a browser, and do it there"
        )
    if rule.least is not None:
        if organisation is None or identity.actor.role_in(organisation.id) is None:
            raise no_organisation()
        if not identity.actor.may(rule.least, organisation.id):
            raise Forbidden(
                f"that takes the role {rule.least} in this organisation",
                hint="ask one of its owners",
            )
    state["identity"], state["organisation"] = identity, organisation


def read_credential(headers: Mapping[str, str], session: str | None) -> str | None:
    """Find what somebody identifies with: the one place that does. Raises: Unauthorized for two."""
    given = read_keys(headers)
    if session is not None:
        given.add(session)
    if len(given) > 1:
        raise _unauthorized("two different credentials were sent", "send one of them")
    return given.pop() if given else None


def identify(
    context: Context, credential: str | None, headers: Mapping[str, str], peer: str
) -> Identity:
    """Find out who asks. Raises: Unauthorized, Forbidden, StoreError."""
    now = context.desk.clock()
    with context.desk.read() as connection:
        if credential is not None:
            found = find_session(connection, credential, now)
            if found is not None:
                session, account = found
                return Identity(actor_of(connection, account, peer), session, account)
            owner = find_by_token(connection, credential, now)
            if owner is not None:
                return Identity(actor_of(connection, owner, peer), None, owner)
        operated = has_operator(connection)
    if not operated and context.closed():
        raise _unauthorized(
            "this gateway is not set up",
            "open the link that it printed when it started; a new start prints a new one",
        )
    if credential is None and not operated and _is_here(peer, headers):
        context.check_host(headers)
        return Identity(Actor(name=OPERATOR, operator=True, address=peer))
    if credential is None and not operated:
        raise Forbidden(
            "without an operator's account, only who sits at this machine may do that",
            hint="make one: set DRAGOMAN_ADMIN_PASSWORD, and start the gateway again",
        )
    if credential is None:
        raise _unauthorized("nobody has signed in", "sign in, or send a token: Bearer dt_…")
    raise _unauthorized(
        "the session has ended, or the token is not valid",
        "sign in again; gateway keys and providers' keys do not open the control plane",
    )


def _look(
    context: Context,
    credential: str | None,
    headers: Mapping[str, str],
    peer: str,
    name: str | None,
) -> tuple[Identity, Organisation | None]:
    identity = identify(context, credential, headers, peer)
    if name is None or not name.isprintable():
        return identity, None
    with context.desk.read() as connection:
        return identity, find_organisation(connection, name)


def _is_here(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine, and from no proxy on it."""
    from ipaddress import ip_address

    try:
        near = ip_address(peer).is_loopback
    except ValueError:
        return False
    return near and not was_forwarded(headers)


def _check_kind(headers: Mapping[str, str]) -> None:
    """See that a body is JSON: what a web page may send anywhere is not. Raises: WrongMediaType."""
    kind = media_type(headers)
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if kind in FORMS or (has_body and kind != "application/json"):
        raise WrongMediaType(
            "the body is not said to be JSON", hint="send `content-type: application/json`"
        )


def _unauthorized(message: str, hint: str) -> Unauthorized:
    return Unauthorized(message, hint=hint, code="unauthorized")
