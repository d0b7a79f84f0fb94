"""The other side of signing in elsewhere: what is asked of a provider, and whether it holds.

Authorisation code with PKCE. What was asked is kept in a sealed cookie of the browser that asked,
so that nobody is signed in with an answer that somebody else got. All fetches go through the
gateway's own transport. The operator wrote the issuer's URL, and it may be inside; other hosts that
its description names were written by nobody here, and are asked as a tenant's would be.

Sources: https://openid.net/specs/openid-connect-core-1_0.html,
https://openid.net/specs/openid-connect-discovery-1_0.html, RFC 7636, RFC 9207, RFC 9700
(read 2026-11)
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from dragoman.discretion import reason_of
from dragoman.errors import DragomanError, Unauthorized
from dragoman.organisations.oidc import Claims, OidcSettings, is_safe
from dragoman.types.credential import Secret
from dragoman.types.http import ConnectOptions, HttpRequest, parse_url
from dragoman.types.provider import EgressPolicy

if TYPE_CHECKING:
    from dragoman.transport.base import AsyncTransport

log = logging.getLogger("dragoman.control")

ALGORITHMS = ("RS256", "ES256")
"""What an id_token may be signed with. Never `none`, never one with a shared secret."""
LEEWAY_S = 60
KEEP_S = 3600.0
"""How long a provider's own description holds."""
AGAIN_S = 30.0
"""So often are its keys asked for again, when a token names one that is not known."""
TIMEOUT_S = 10.0
SIZE_LIMIT = 1024 * 1024


class ProviderFailed(DragomanError):
    """Who people sign in with does not answer, or nothing that holds."""

    status = 502
    code = "sign_in_provider_failed"


class Description(Struct, frozen=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where a browser and we are to go."""
        needed = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri)
        return needed if self.userinfo_endpoint is None else (*needed, self.userinfo_endpoint)

    def egress_to(self, url: str) -> EgressPolicy:
        """Say under which policy one of its URLs is asked. Raises: ValueError."""
        at_issuer = parse_url(url).origin == parse_url(self.issuer).origin
        return "operator" if at_issuer else "organisation"


class Asked(Struct, frozen=True, kw_only=True):
    """What a browser was sent away with; it comes back sealed, in its cookie.

    `session_id`: of the session it had then. Its cookie does not come back from another site.
    """

    issuer: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    onward: str
    session_id: str | None
    at: float


class OidcClient:
    """Asks one provider. `clock` is in seconds. For one event loop."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._described: dict[str, tuple[float, Description]] = {}
        self._keys: dict[str, tuple[float, Mapping[str, Any]]] = {}

    async def begin(
        self,
        settings: OidcSettings,
        redirect_uri: str,
        onward: str,
        session_id: str | None,
        now: float,
    ) -> tuple[str, Asked]:
        """Say where to send a browser, and what to remember. Raises: DragomanError."""
        found = await self._describe(settings.issuer, now)
        asked = Asked(
            issuer=settings.issuer,
            state=_random(),
            nonce=_random(),
            verifier=_random(),
            redirect_uri=redirect_uri,
            onward=onward,
            session_id=session_id,
            at=now,
        )
        challenge = _base64(hashlib.sha256(asked.verifier.encode()).digest())
        query = urlencode(
            {
                "response_type": "code",
                "client_id": settings.client_id,
                "redirect_uri": redirect_uri,
                "scope": " ".join(settings.scopes),
                "state": asked.state,
                "nonce": asked.nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            },
            quote_via=quote,
        )
        joint = "&" if "?" in found.authorization_endpoint else "?"
        return f"{found.authorization_endpoint}{joint}{query}", asked

    async def finish(
        self,
        settings: OidcSettings,
        secret: Secret | None,
        asked: Asked,
        answer: Mapping[str, str],
        now: float,
    ) -> Claims:
        """Take what a browser came back with for what it was sent away with.

        Raises: Unauthorized for what does not hold, ProviderFailed.
        """
        found = await self._describe(settings.issuer, now)
        if (
            not hmac.compare_digest(answer.get("state", "").encode(), asked.state.encode())
            or asked.issuer != settings.issuer
        ):
            raise _refused("it is no answer to what was asked")
        # RFC 9207: an answer of another provider, smuggled in, is not taken for this one's.
        tells = found.authorization_response_iss_parameter_supported or "iss" in answer
        if tells and answer.get("iss") != settings.issuer:
            raise _refused("it is another provider's answer")
        if "error" in answer or not answer.get("code"):
            said = answer.get("error", "no code")[:100]
            raise _refused(f"the provider said: {said if said.isprintable() else 'no'}")
        token, access = await self._redeem(found, settings, secret, asked, answer["code"])
        claims = await self._verify(found, settings, asked, token, now)
        if claims.email is None and found.userinfo_endpoint is not None and access is not None:
            return await self._complete(found, found.userinfo_endpoint, access, claims)
        return claims

    async def _redeem(
        self,
        found: Description,
        settings: OidcSettings,
        secret: Secret | None,
        asked: Asked,
        code: str,
    ) -> tuple[str, str | None]:
        """Give the id_token, and what opens the provider's userinfo."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": asked.redirect_uri,
            "code_verifier": asked.verifier,
        }
        headers = {}
        if secret is None:
            form["client_id"] = settings.client_id
        elif "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            pair = f"{quote(settings.client_id, safe='')}:{quote(secret.reveal(), safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": settings.client_id, "client_secret": secret.reveal()}
        egress = found.egress_to(found.token_endpoint)
        told = await self._fetch(found.token_endpoint, egress, headers, form)
        token = told.get("id_token")
        if not isinstance(token, str):
            raise ProviderFailed("the sign-in provider gave no id_token", hint=_HINT)
        return token, _text(told.get("access_token"))

    async def _complete(self, found: Description, url: str, access: str, claims: Claims) -> Claims:
        """Ask for what an id_token leaves out: some carry nothing but the subject.

        Raises: Unauthorized, ProviderFailed.
        Source: OpenID Connect Core, 5.3.2: `sub` is to be compared.
        """
        told = await self._fetch(url, found.egress_to(url), {"authorization": f"Bearer {access}"})
        if str(told.get("sub"))[:255] != claims.subject:
            raise _refused("the provider told who somebody else is")
        return msgspec.structs.replace(
            claims,
            email=_text(told.get("email")),
            email_verified=_is_true(told.get("email_verified")),
            name=claims.name or _text(told.get("name")),
        )

    async def _verify(
        self,
        found: Description,
        settings: OidcSettings,
        asked: Asked,
        token: str,
        now: float,
    ) -> Claims:
        import jwt

        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            raise _refused("the id_token is none") from None
        keys = await self._keys_of(found, now)
        key = _find_key(keys, key_id)
        if key is None and now - self._keys[found.jwks_uri][0] > AGAIN_S:
            key = _find_key(await self._keys_of(found, now, again=True), key_id)
        if key is None:
            raise _refused("the id_token is signed with a key that is not the provider's")
        try:
            claims = jwt.decode(
                token,
                jwt.PyJWK.from_dict(dict(key)).key,
                algorithms=[_algorithm(key)],
                audience=settings.client_id,
                issuer=settings.issuer,
                leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _refused(f"the id_token does not hold: {type(error).__name__}") from None
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), asked.nonce.encode()):
            raise _refused("the id_token was made for another sign-in")
        if claims.get("azp", settings.client_id) != settings.client_id:
            raise _refused("the id_token was made for another client")
        return Claims(
            issuer=settings.issuer,
            subject=str(claims["sub"])[:255],
            email=_text(claims.get("email")),
            email_verified=_is_true(claims.get("email_verified")),
            name=_text(claims.get("name")),
        )

    async def _describe(self, issuer: str, now: float) -> Description:
        at, found = self._described.get(issuer, (0.0, None))
        if found is not None and now - at < KEEP_S:
            return found
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = msgspec.convert(await self._fetch(url, "operator"), Description)
        except msgspec.ValidationError as error:
            raise ProviderFailed(
                f"the sign-in provider's description cannot be used: {error}", hint=_HINT
            ) from None
        if found.issuer != issuer:
            raise ProviderFailed(
                "the sign-in provider calls itself otherwise than configured",
                hint="set `issuer` to what it says, to the letter",
            )
        near = issuer.startswith("http:")
        if not all(map(_is_sound, found.endpoints)) or (
            not near and any(url.startswith("http:") for url in found.endpoints)
        ):
            raise ProviderFailed("the sign-in provider has an endpoint without TLS", hint=_HINT)
        self._described[issuer] = (now, found)
        return found

    async def _keys_of(
        self, found: Description, now: float, *, again: bool = False
    ) -> Mapping[str, Any]:
        at, keys = self._keys.get(found.jwks_uri, (0.0, None))
        if keys is None or again or now - at > KEEP_S:
            keys = await self._fetch(found.jwks_uri, found.egress_to(found.jwks_uri))
            self._keys[found.jwks_uri] = (now, keys)
        return keys

    async def _fetch(
        self,
        url: str,
        egress: EgressPolicy,
        headers: Mapping[str, str] = {},
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Ask for JSON. Raises: ProviderFailed, which repeats nothing of an answer."""
        sent = {"accept": "application/json", "user-agent": "dragoman", **headers}
        body = b""
        if form is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        try:
            request = HttpRequest(
                url=parse_url(url),
                method="GET" if form is None else "POST",
                headers=sent,
                body=body,
                options=ConnectOptions(egress=egress),
            )
            async with asyncio.timeout(TIMEOUT_S):
                status, answer = await self._perform(request)
        except (DragomanError, ValueError, TimeoutError) as error:
            # Nobody has signed in here: where the provider is, or a proxy, the log alone says.
            log.warning("the sign-in provider at %s cannot be asked: %s", url, error)
            why = reason_of(error) if isinstance(error, DragomanError) else "no answer in time"
            raise ProviderFailed(
                f"the sign-in provider cannot be asked: {why}", hint=_HINT
            ) from None
        if status != 200:
            raise ProviderFailed(f"the sign-in provider answered {status}", hint=_HINT)
        try:
            return msgspec.json.decode(answer, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError):
            raise ProviderFailed("the sign-in provider's answer is no JSON", hint=_HINT) from None

    async def _perform(self, request: HttpRequest) -> tuple[int, bytes]:
        response = await self._transport.send(
            request, connect_timeout_s=TIMEOUT_S, head_timeout_s=TIMEOUT_S
        )
        try:
            body = bytearray()
            while chunk := await response.read(TIMEOUT_S):
                body += chunk
                if len(body) > SIZE_LIMIT:
                    raise ProviderFailed("the sign-in provider's answer does not end", hint=_HINT)
            return response.status, bytes(body)
        finally:
            await response.close()


_HINT = "an operator of this gateway finds its settings at /api/v1/oidc/settings"


def _refused(why: str) -> Unauthorized:
    return Unauthorized(f"signing in failed: {why}", hint="try again", code="sign_in_failed")


def _find_key(keys: Mapping[str, Any], key_id: str | None) -> Mapping[str, Any] | None:
    """Find the key that a token names; without a name, the only one there is."""
    listed = keys.get("keys")
    usable = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict) and key.get("use", "sig") == "sig" and _algorithm(key)
    ]
    if key_id is None:
        return usable[0] if len(usable) == 1 else None
    return next((key for key in usable if key.get("kid") == key_id), None)


def _algorithm(key: Mapping[str, Any]) -> str:
    """Say what a key signs with: its kind decides, never a token. Empty for none of ours."""
    if key.get("kty") == "RSA":
        return "RS256" if key.get("alg", "RS256") == "RS256" else ""
    if key.get("kty") == "EC" and key.get("crv") == "P-256":
        return "ES256" if key.get("alg", "ES256") == "ES256" else ""
    return ""


def _is_sound(url: str) -> bool:
    try:
        return is_safe(parse_url(url))
    except ValueError:
        return False


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _random() -> str:
    return _base64(os.urandom(32))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _is_true(claim: object) -> bool:
    """Whether a claim says so; some write it as text. A number says nothing."""
    return claim is True or claim == "true"
