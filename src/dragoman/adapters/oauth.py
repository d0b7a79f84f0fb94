"""OAuth 2: a token for the client itself, fetched, kept and renewed, before a request is sent.

    adapter = "oauth"
    options = { token_url = "https://login.acme.example/token", client_id = "dragoman",
                client_secret = "env:ACME_SECRET", scope = "llm" }

What an adapter of one's own needs is `Tokens`, or `OAuth` to derive from.

Law: one request at a time asks for a token, all others wait for what it gets, success or failure.
A token goes to the base URL's origin and to nobody else; neither it nor the secret gets into a
message.

Source: RFC 6749, sections 2.3.1, 4.4 and 5; RFC 6750 (read 2026-11)
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Generator
from typing import Any, Literal, Protocol, cast
from urllib.parse import quote_plus, urlencode

from msgspec import Struct
from msgspec.structs import replace

from dragoman.adapters.adapter import Adapter, Aside, AuthFlow, Pause
from dragoman.adapters.ask import Ask
from dragoman.adapters.token_answer import Token, read_token, refused
from dragoman.errors import AdapterError, ConfigError, DragomanError
from dragoman.types.credential import Secret
from dragoman.types.http import ConnectOptions, HttpAnswer, HttpRequest, parse_url

AuthStyle = Literal["basic", "post"]

USELESS_S = 30.0
"""How long a token that a provider refuses, though it is new, is not fetched anew."""

_PAUSES_S = (0.01, 0.02, 0.05, 0.1)
"""How long to wait before looking again whether somebody else's token has come."""

_Fetched = Generator[HttpRequest | Aside | Pause, HttpAnswer, Token]


class AnyGrant(Protocol):
    """What a token is asked for with, whatever it is; equal ones get the same token."""

    @property
    def token_url(self) -> str:
        """Who is asked."""
        ...

    @property
    def client_secret(self) -> Secret:
        """What nobody may be told."""
        ...

    def request(self, options: ConnectOptions, ask: Ask) -> HttpRequest:
        """Make the request for a token. Raises: ConfigError."""
        ...


class Grant(Struct, frozen=True, kw_only=True):
    """Client credentials. `auth_style`: how the secret is sent."""

    token_url: str
    client_id: str
    client_secret: Secret
    scope: str | None = None
    audience: str | None = None
    auth_style: AuthStyle = "basic"

    def request(self, options: ConnectOptions, ask: Ask) -> HttpRequest:
        """See `AnyGrant`."""
        return token_request(self, options, ask.provider.place)


def grant_of(ask: Ask) -> Grant:
    """Read a grant from a provider's options. Raises: ConfigError."""
    style = ask.option("auth_style") or "basic"
    if style not in ("basic", "post"):
        raise ConfigError(
            f"provider '{ask.provider.name}': auth_style is {style!r}",
            place=ask.provider.place,
            hint='"basic" sends client_id and client_secret as a header, "post" in the body',
        )
    return Grant(
        token_url=ask.need("token_url"),
        client_id=ask.need("client_id"),
        client_secret=Secret(ask.need("client_secret")),
        scope=ask.option("scope") or None,
        audience=ask.option("audience") or None,
        auth_style=cast("AuthStyle", style),
    )


class _Fetch:
    """A request for a token that is under way; `error` is why it failed."""

    error: DragomanError | None = None


class Tokens:
    """Keeps the token of one provider, for all its requests, from any thread.

    Example:
        class Acme(Adapter):
            def __init__(self):
                self.tokens = Tokens()

            def auth_flow(self, request, ask):
                return self.tokens.send(request, ask, grant_of(ask))
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grant: AnyGrant | None = None
        self._token: Token | None = None
        self._fetch: _Fetch | None = None
        self._useless_until = 0.0

    def send(
        self, request: HttpRequest, ask: Ask, grant: AnyGrant, origin: str | None = None
    ) -> AuthFlow:
        """Send a request with a token; after a 401 once more, with a new one.

        The token goes to `origin` alone, by default where the base URL is.

        Raises: DragomanError, for a token that cannot be had.
        """
        ask.hide(grant.client_secret.reveal())
        token = yield from self._get(ask, grant, request.options)
        answer = yield _bearing(request, token, ask, origin)
        if answer.status != 401 or ask.clock() < self._useless_until:
            return
        self._drop(token)
        token = yield from self._get(ask, grant, request.options)
        answer = yield _bearing(request, token, ask, origin)
        if answer.status == 401:
            self._useless_until = ask.clock() + USELESS_S

    def _get(self, ask: Ask, grant: AnyGrant, options: ConnectOptions) -> _Fetched:
        """Get the token that is kept, or a new one: its own, or what another request fetches."""
        waited = 0
        while True:
            with self._lock:
                token, fetch = self._kept(grant, ask.clock()), self._fetch
                if token is not None and (fetch is not None or ask.clock() < token.renew_at):
                    return token
                if fetch is None:
                    fetch = self._fetch = _Fetch()
                    break
            yield Pause(_PAUSES_S[min(waited, len(_PAUSES_S) - 1)])
            waited += 1
            if fetch.error is not None:
                raise _same(fetch.error)
        return (yield from self._renew(fetch, token, ask, grant, options))

    def _renew(
        self, fetch: _Fetch, old: Token | None, ask: Ask, grant: AnyGrant, options: ConnectOptions
    ) -> _Fetched:
        """Fetch a token. Whoever waits is told, also when this request is given up."""
        try:
            try:
                answer = yield Aside(grant.request(options, ask))
            except DragomanError as error:
                raise refused(grant.token_url, error) from error
            token = read_token(
                answer, grant.token_url, grant.client_secret.reveal(), now=ask.clock()
            )
        except DragomanError as error:
            if old is not None:
                return old  # good for some seconds yet; the next request tries again
            fetch.error = error
            raise
        else:
            with self._lock:
                self._grant, self._token = grant, token
            return token
        finally:
            with self._lock:
                self._fetch = None

    def _kept(self, grant: AnyGrant, now: float) -> Token | None:
        """Find the token, if it is this grant's and good. A clock that went back proves nothing."""
        token = self._token
        if token is None or self._grant != grant or not token.fetched_at <= now < token.until:
            return None
        return token

    def _drop(self, token: Token) -> None:
        """Forget a token that was refused, unless another one has taken its place."""
        with self._lock:
            if self._token is token:
                self._token = None


class OAuth(Adapter):
    """A provider that speaks its wire format, behind OAuth's client credentials.

    Options: `token_url`, `client_id`, `client_secret`, `scope`, `audience`, `auth_style`.
    """

    name = "oauth"

    def __init__(self) -> None:
        self.tokens = Tokens()

    def grant(self, ask: Ask) -> Grant:
        """Say what a token is asked for with. Raises: ConfigError."""
        return grant_of(ask)

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """See `Adapter.auth_flow`."""
        return self.tokens.send(request, ask, self.grant(ask))


def token_request(grant: Grant, options: ConnectOptions, place: str | None) -> HttpRequest:
    """Make the request for a token. Raises: ConfigError."""
    try:
        url = parse_url(grant.token_url)
    except ValueError as error:
        raise ConfigError(
            f"token_url is wrong: {error}", place=place, hint="write it like https://host/token"
        ) from None
    form: dict[str, Any] = {"grant_type": "client_credentials"}
    headers = {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
    }
    secret = grant.client_secret.reveal()
    if grant.auth_style == "basic":
        pair = f"{quote_plus(grant.client_id)}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": grant.client_id, "client_secret": secret}
    form |= {"scope": grant.scope} if grant.scope else {}
    form |= {"audience": grant.audience} if grant.audience else {}
    return HttpRequest(url=url, headers=headers, body=urlencode(form).encode(), options=options)


def _bearing(request: HttpRequest, token: Token, ask: Ask, origin: str | None) -> HttpRequest:
    """Put the token on a request. Raises: AdapterError when it goes anywhere but to its origin."""
    origin = origin or parse_url(ask.base_url).origin
    if request.url.origin != origin:
        raise AdapterError(
            f"the adapter of {ask.provider.name} would send its token to {request.url.origin}",
            hint=f"a token goes to {origin} only, where base_url is",
        )
    text = token.text.reveal()
    ask.hide(text)
    return replace(request, headers={**request.headers, "authorization": f"Bearer {text}"})


def _same(error: DragomanError) -> DragomanError:
    """Tell somebody else's failure again, as an error of its own."""
    again = type(error).__new__(type(error), error.message)
    again.__dict__.update(error.__dict__)
    again.exchange = again.partial = None
    return again
