"""What the control plane and a browser hold between them: where people reach us, and cookies.

A session's cookie is out of scripts' reach (HttpOnly), never sent on from another site's page
(SameSite=Strict), and over https kept to https and to this very host (`__Host-`).
Source: https://www.rfc-editor.org/rfc/rfc6265 and its draft rfc6265bis (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from litestar.datastructures import Cookie

from dragoman.organisations.sessions import ABSOLUTE_S
from dragoman.types.credential import Secret

if TYPE_CHECKING:
    from dragoman.control.context import Context

SECURE_COOKIE = "__Host-dragoman"
PLAIN_COOKIE = "dragoman_session"


def public_url(context: Context, headers: Mapping[str, str]) -> str:
    """Say where people reach us: as configured, else as who asks has reached us. No slash ends it.

    Never put it into what somebody else is sent: a Host header may say anything.
    """
    configured = context.config().server.public_url
    if configured:
        return configured.rstrip("/")
    secure = headers.get("origin", "").lower().startswith("https://")
    return f"{'https' if secure else 'http'}://{headers.get('host', '')}"


def read_session_cookie(context: Context, cookies: Mapping[str, str]) -> str | None:
    """Find the token of a session; see `read_cookie`."""
    return read_cookie(context, cookies, SECURE_COOKIE, PLAIN_COOKIE)


def read_cookie(
    context: Context, cookies: Mapping[str, str], secure: str, plain: str
) -> str | None:
    """Find a cookie by its two names. Where we are at https, only one that https has set.

    The plain one any neighbouring host, and whoever sits on the wire, could have set.
    """
    names = [secure]
    if not (context.config().server.public_url or "").lower().startswith("https://"):
        names.append(plain)
    return next((cookies[name] for name in names if cookies.get(name)), None)


def session_cookie(context: Context, headers: Mapping[str, str], token: Secret | None) -> Cookie:
    """Make the cookie of a session; None takes it away."""
    secure = public_url(context, headers).lower().startswith("https://")
    name = SECURE_COOKIE if secure else PLAIN_COOKIE
    if token is None:
        return make_cookie(name, "", 0, secure=secure)
    return make_cookie(name, token.reveal(), int(ABSOLUTE_S), secure=secure)


def make_cookie(
    name: str,
    value: str,
    max_age_s: int,
    *,
    secure: bool,
    samesite: Literal["strict", "lax"] = "strict",
) -> Cookie:
    """Make a cookie for this host alone that no script can read."""
    return Cookie(
        name,
        path="/",
        value=value,
        max_age=max_age_s,
        secure=secure,
        httponly=True,
        samesite=samesite,
    )
