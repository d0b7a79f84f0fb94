"""Signing in elsewhere (OpenID Connect): what the operator sets, and whose account somebody gets.

Source: https://openid.net/specs/openid-connect-core-1_0.html (read 2026-11)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations.accounts import (
    Account,
    find_by_email,
    find_by_subject,
    link_account,
    make_account,
)
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Change, Desk
from dragoman.organisations.failures import NotFound
from dragoman.organisations.invitations import is_invited
from dragoman.organisations.members import add_member, find_member
from dragoman.organisations.organisations import find_organisation
from dragoman.organisations.quotas import check_quota
from dragoman.organisations.sealing import Purpose
from dragoman.organisations.sessions import is_open
from dragoman.organisations.texts import check_title, read_email
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.credential import Secret
from dragoman.types.http import Url, parse_url

if TYPE_CHECKING:
    from dragoman.organisations.safe import Safe

log = logging.getLogger("dragoman.control")

NAME, SECRET = "oidc", "oidc_secret"
"""Two rows of `setting`: what may be read, and the sealed secret."""
PURPOSE = Purpose("", "setting", SECRET)


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one signs in elsewhere.

    `domains`: only e-mail addresses of these; empty for all that the provider lets in.
    `organisation` is the name of one whose member (as `role`) everybody becomes who signs in;
    without it, only who has an account gets anywhere, or an invitation for exactly their address.
    `trust_email`: addresses hold although the provider does not say that it has verified them.
    """

    issuer: str
    client_id: str
    title: str = "Single sign-on"
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    domains: tuple[str, ...] = ()
    organisation: str | None = None
    role: Role = "member"
    trust_email: bool = False


class Oidc(Struct, frozen=True, kw_only=True):
    """The settings as they stand; `has_secret` says whether there is a client secret."""

    settings: OidcSettings
    has_secret: bool
    updated_at: float
    version: int


class Claims(Struct, frozen=True, kw_only=True):
    """What a provider says of somebody; its signature has been checked."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None


def find_oidc(connection: Connection) -> Oidc | None:
    """Find the settings; None where nobody signs in elsewhere, or they cannot be read."""
    rows = connection.rows(
        "SELECT name, value, updated_at, version FROM setting WHERE name IN (:name, :secret)",
        {"name": NAME, "secret": SECRET},
    )
    found = {row["name"]: row for row in rows}
    if NAME not in found:
        return None
    settings, unread = read_json(found[NAME]["value"], OidcSettings, None)
    if settings is None:
        log.warning("nobody signs in elsewhere: how cannot be read: %s", unread)
        return None
    return Oidc(
        settings=settings,
        has_secret=SECRET in found,
        updated_at=found[NAME]["updated_at"],
        version=found[NAME]["version"],
    )


def open_secret(connection: Connection, safe: Safe) -> Secret | None:
    """Open the client secret, if there is one. Raises: ConfigError."""
    rows = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": SECRET})
    return safe.open(rows[0]["value"], PURPOSE) if rows else None


def put_oidc(
    desk: Desk,
    safe: Safe,
    actor: Actor,
    settings: OidcSettings,
    *,
    secret: str | None = None,
    version: int | None = None,
) -> Oidc:
    """Set how one signs in elsewhere. Without a `secret` the one that was stays.

    A secret is its issuer's: with another issuer it has to be given again.

    Raises: InvalidRequest, ChangedMeanwhile, ConfigError for a missing master key.
    """
    _check(settings)
    sealed = safe.seal(secret, PURPOSE) if secret else None
    with desk.change(actor, "put", "oidc", settings.issuer) as change:
        connection = change.connection
        old = find_oidc(connection)
        check_version(version, old.version if old else 0, "the settings")
        if settings.organisation and find_organisation(connection, settings.organisation) is None:
            raise InvalidRequest("there is no such organisation", param="organisation")
        value = msgspec.json.encode(settings).decode()
        _put(change, NAME, value)
        if sealed is None and (old is None or old.settings.issuer != settings.issuer):
            connection.write("DELETE FROM setting WHERE name = :name", {"name": SECRET})
        if sealed is not None:
            _put(change, SECRET, sealed)
        before = msgspec.to_builtins(old.settings) if old else None
        after = msgspec.to_builtins(settings)
        change.note(before, {**after, **({"secret": "a new one"} if sealed else {})})
        new = find_oidc(connection)
        assert new is not None
        return new


def delete_oidc(desk: Desk, actor: Actor) -> None:
    """Have nobody sign in elsewhere any more; accounts stay. Raises: NotFound."""
    with desk.change(actor, "delete", "oidc", NAME) as change:
        old = find_oidc(change.connection)
        if old is None:
            raise NotFound("nobody signs in elsewhere")
        for name in (NAME, SECRET):
            change.connection.write("DELETE FROM setting WHERE name = :name", {"name": name})
        change.note(msgspec.to_builtins(old.settings), None)


def admit(
    desk: Desk,
    settings: OidcSettings,
    claims: Claims,
    *,
    address: str,
    session_id: str | None = None,
) -> Account:
    """Find the account of somebody who has signed in elsewhere, or make it.

    They are known by issuer and subject. An account of the same e-mail address is theirs when the
    address is verified; unless they had signed in to it (`session_id`), what opened it before
    ends. A new account is made only for members of the default organisation, and for an address
    that somebody has invited; what makes them a member is that they accept.

    Raises: Forbidden, the same for every reason that says something about accounts; QuotaReached.
    """
    email = _email(settings, claims)
    actor = Actor(name=email or claims.subject, address=address)
    with desk.change(actor, "sign_in", "oidc", claims.issuer) as change:
        connection = change.connection
        account = find_by_subject(connection, claims.issuer, claims.subject)
        if account is None and email is not None:
            account = find_by_email(connection, email)
            if account is not None:
                if account.issuer is not None:
                    raise _refused()
                account = link_account(
                    change.part("link", "account", email),
                    account,
                    claims.issuer,
                    claims.subject,
                    theirs=is_open(connection, session_id, account.id, change.now),
                )
        if account is None:
            if email is None or not (
                settings.organisation or is_invited(connection, email, change.now)
            ):
                raise _refused()
            account = make_account(
                change,
                email,
                name=_name(claims),
                issuer=claims.issuer,
                subject=claims.subject,
            )
            change.note(None, {"account": email})
        if not account.enabled:
            raise _refused()
        _join(change, settings, account)
    return account


def _join(change: Change, settings: OidcSettings, account: Account) -> None:
    """Make somebody a member of the default organisation, who is none there."""
    if settings.organisation is None:
        return
    organisation = find_organisation(change.connection, settings.organisation)
    if organisation is None or find_member(change.connection, organisation.id, account.id):
        return
    check_quota(change.connection, organisation.id, "members", change.now)
    add_member(change, organisation.id, account, settings.role)
    change.organisation_id = organisation.id
    change.note(None, {"member": account.email, "role": settings.role})


def _email(settings: OidcSettings, claims: Claims) -> str | None:
    """Find the address that holds. Raises: Forbidden for one of another domain."""
    verified = claims.email_verified or settings.trust_email
    try:
        email = read_email(claims.email) if claims.email and verified else None
    except InvalidRequest:
        email = None
    if settings.domains and (email is None or email.rpartition("@")[2] not in settings.domains):
        raise _refused()
    return email


def _refused() -> Forbidden:
    return Forbidden(
        "you have signed in, and may not use this gateway",
        hint="ask for an invitation, for the e-mail address that you sign in with",
    )


def _name(claims: Claims) -> str | None:
    name = (claims.name or "").strip()
    return name if name.isprintable() and 0 < len(name) <= 200 else None


def _check(settings: OidcSettings) -> None:
    """Raises: InvalidRequest."""
    try:
        url = parse_url(settings.issuer)
    except ValueError as error:
        raise InvalidRequest(f"the issuer is no URL: {error}", param="issuer") from None
    if not is_safe(url) or "?" in settings.issuer:
        raise InvalidRequest(
            "the issuer cannot be used", param="issuer", hint="like https://id.example.com"
        )
    check_title(settings.client_id, "client_id")
    check_title(settings.title, "title")
    for scope in settings.scopes:
        check_title(scope, "scopes")
    if "openid" not in settings.scopes:
        raise InvalidRequest("the scopes lack `openid`", param="scopes")
    for domain in settings.domains:
        if read_email(f"a@{domain}") != f"a@{domain}":
            raise InvalidRequest("domains are written in lower case", param="domains")


def is_safe(url: Url) -> bool:
    """Whether secrets may go there: over TLS, or not out of this machine."""
    return url.scheme == "https" or url.host in ("localhost", "127.0.0.1", "::1")


def _put(change: Change, name: str, value: str) -> None:
    change.connection.write(
        "INSERT INTO setting (name, value, created_at, updated_at)"
        " VALUES (:name, :value, :now, :now) ON CONFLICT (name) DO UPDATE SET value = :value,"
        " updated_at = :now, version = setting.version + 1",
        {"name": name, "value": value, "now": change.now},
    )
