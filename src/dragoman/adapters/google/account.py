"""Credentials files of Google Cloud, and the requests that make access tokens of them.

A service account signs an assertion with its own key; a user's file, which
`gcloud auth application-default login` writes, holds a refresh token.

Source: https://developers.google.com/identity/protocols/oauth2/service-account (RFC 7523) and
RFC 6749, section 6 (read 2026-11); compared with google-auth in tests/adapters/test_vertex_sdk.py.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from dragoman.adapters.ask import Ask
from dragoman.errors import ConfigError
from dragoman.types.credential import Secret
from dragoman.types.http import ConnectOptions, HttpRequest, parse_url
from dragoman.wire.error_body import one_line
from dragoman.wire.json_text import decode, encode

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME_S = 3600
"""The longest that Google takes."""

_INSTALL = "pip install 'dragoman[vertex]'"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_NEEDED = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
"""The kinds of files that are known, and what must be in them."""


class Account(Struct, frozen=True, kw_only=True):
    """A credentials file, read: what a token is asked for with (see `oauth.AnyGrant`).

    `quota_project` pays for what a user asks.
    """

    kind: str
    fields: Mapping[str, Any]
    token_url: str
    project: str | None = None
    quota_project: str | None = None

    def __repr__(self) -> str:
        return f"Account({self.kind})"

    @property
    def client_secret(self) -> Secret:
        """What nobody may be told: the file's last needed field."""
        return Secret(self.fields[_NEEDED[self.kind][-1]])

    def request(self, options: ConnectOptions, ask: Ask) -> HttpRequest:
        """Make the request for a token. Raises: ConfigError for a key that cannot sign."""
        fields = self.fields
        if self.kind == "service_account":
            form = {"grant_type": _JWT_GRANT, "assertion": sign_assertion(fields, int(ask.clock()))}
        else:
            form = {name: fields[name] for name in _NEEDED["authorized_user"]}
            form = {"grant_type": "refresh_token", **form}
        try:
            url = parse_url(self.token_url)
        except ValueError as error:
            raise ConfigError(f"the credentials file's token_uri is wrong: {error}") from None
        return HttpRequest(
            url=url,
            headers={
                "accept": "application/json",
                "content-type": "application/x-www-form-urlencoded",
            },
            body=urlencode(form).encode(),
            options=options,
        )


def parse_account(text: str, place: str) -> Account:
    """Read a credentials file; `place` names it in errors. Raises: ConfigError."""
    try:
        value = decode(text.encode())
    except ValueError:
        value = None
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _NEEDED:
        raise ConfigError(
            f"{place} holds credentials of a kind that is not known: {one_line(str(kind))[:40]!r}"
            if kind
            else f"{place} is no credentials file of Google Cloud",
            hint="It must be the JSON key of a service account, or what"
            " gcloud auth application-default login writes.",
        )
    missing = [name for name in _NEEDED[kind] if not _is_text(value.get(name))]
    if missing:
        raise ConfigError(f"{place} lacks {', '.join(missing)}", hint="Download the key anew.")
    token_url = value.get("token_uri")
    return Account(
        kind=kind,
        fields=value,
        token_url=token_url if _is_text(token_url) else TOKEN_URL,
        project=_optional(value.get("project_id")),
        quota_project=_optional(value.get("quota_project_id")),
    )


def sign_assertion(fields: Mapping[str, Any], now: int) -> str:
    """Sign with a service account's key that it is itself who asks: a JWT, RS256.

    Raises: ConfigError for what is no private RSA key, and where `cryptography` is missing.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise ConfigError(
            "signing with a service account needs the package cryptography", hint=_INSTALL
        ) from None
    try:
        key = load_pem_private_key(fields["private_key"].encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(
            "the service account's private_key is no RSA key in PEM form",
            hint="Were its line breaks lost? Download the key anew.",
        )
    header = {"typ": "JWT", "alg": "RS256"}
    if _is_text(fields.get("private_key_id")):
        header["kid"] = fields["private_key_id"]
    claims = {
        "iat": now,
        "exp": now + LIFETIME_S,
        "iss": fields["client_email"],
        "aud": TOKEN_URL,
        "scope": SCOPE,
    }
    said = f"{_base64(encode(header))}.{_base64(encode(claims))}"
    return f"{said}.{_base64(key.sign(said.encode(), PKCS1v15(), SHA256()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _optional(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
