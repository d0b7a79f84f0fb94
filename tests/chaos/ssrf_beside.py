"""Addresses inside, named to a gateway as webhooks and as places where people sign in."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from urllib.parse import parse_qsl

from dragoman.control.oidc_client import OidcClient
from dragoman.errors import DragomanError
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.delivery import NotDelivered, deliver
from dragoman.organisations.oidc import OidcSettings
from dragoman.organisations.webhooks import Webhook, purpose_of, put_webhook
from dragoman.server.admission.network import find_own
from dragoman.server.sockets import bound_to
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.transport.dial import Network
from dragoman.transport.egress import parse_grant
from dragoman.types.credential import Secret
from dragoman.types.exchange import DEFAULT_ORGANISATION
from tests.server.tenancy import Team
from tests.upstream.fault import FaultUpstream, redirect
from tests.upstream.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider

Resolve = Callable[[str], Sequence[str]]
BACK = "https://gateway.example/api/v1/oidc/callback"
REBOUND = "rebound.example"


def beside(
    team: Team,
    organisation: str,
    canaries: Sequence[socket.socket],
    tried: Sequence[str],
    resolve: Resolve,
) -> int:
    """Name each of them in every such place; gives how many were asked for."""
    return asyncio.run(_Places(team, organisation, canaries, resolve).name(tried))


class _Places:
    """Where addresses can be named; the `canaries` listen on loopback, all on one port."""

    def __init__(
        self,
        team: Team,
        organisation: str,
        canaries: Sequence[socket.socket],
        resolve: Resolve,
    ) -> None:
        self._team = team
        self._organisation = organisation
        self._port = canaries[0].getsockname()[1]
        self._resolve = resolve
        # What the operator writes may lead inside, but never to services of the gateway's own.
        own = find_own(bound_to(canaries), None, {})
        self._plain = Network(resolve=resolve)
        self._own = Network(resolve=resolve, deny=own)
        self._attempts = 0
        self._sends_on = ""

    async def name(self, tried: Sequence[str]) -> int:
        with (
            OidcProvider() as provider,
            FaultUpstream(lambda _: redirect(self._sends_on), record=False) as hook,
        ):
            for url in tried:
                await self._name(url, provider, hook)
        await self._rebound()
        return self._attempts

    async def _name(self, url: str, provider: OidcProvider, hook: FaultUpstream) -> None:
        self._write(url)
        for of, network in (
            (self._organisation, self._plain),
            (DEFAULT_ORGANISATION, self._own),
        ):
            await self._deliver(of, url, network)
        await self._begin(url, self._own)
        for field in ("token_endpoint", "jwks_uri"):
            await self._sign_in(provider, says={field: url})
        for path in ("/.well-known/openid-configuration", "/token", "/keys"):
            await self._sign_in(provider, redirects={path: url})
        await self._led_astray(url, hook)

    # -- webhooks

    def _write(self, url: str) -> None:
        """Set a webhook up: what is refused at once is delivered all the same, below."""
        self._attempts += 1
        with suppress(DragomanError, ValueError):
            put_webhook(
                self._team.desk, self._team.safe, SYSTEM, self._organisation, "hook", url=url
            )

    async def _deliver(self, organisation: str, url: str, network: Network) -> None:
        self._attempts += 1
        with suppress(DragomanError, ValueError):
            await self._send(organisation, url, network)

    async def _send(self, organisation: str, url: str, network: Network) -> None:
        sealed = self._team.safe.seal("whsec_x", purpose_of(organisation, "hook"))
        webhook = Webhook(
            organisation_id=organisation,
            name="hook",
            url=url,
            secret=sealed,
            events=("budget.warning",),
            enabled=True,
            created_at=0.0,
            updated_at=0.0,
            version=1,
        )
        transport = AsyncDefaultTransport(network)
        try:
            await deliver(transport, self._team.safe, webhook, "dlv_1", b"{}")
        finally:
            await transport.close()

    async def _led_astray(self, url: str, hook: FaultUpstream) -> None:
        """Have a webhook that may be told answer with a redirect."""
        self._attempts += 1
        answered: int | None = None
        self._sends_on = _written(url)
        try:
            await self._send(DEFAULT_ORGANISATION, f"http://127.0.0.1:{hook.port}/", self._plain)
        except NotDelivered as error:
            answered = error.answered
        assert answered is not None, f"a redirect to {url} counts as taken"
        assert 300 <= answered < 400, (url, answered)

    # -- signing in

    async def _begin(self, issuer: str, network: Network) -> None:
        """Sign in somewhere, as far as it goes."""
        self._attempts += 1
        transport = AsyncDefaultTransport(network)
        client = OidcClient(transport)
        settings = OidcSettings(issuer=issuer, client_id=CLIENT_ID)
        try:
            with suppress(DragomanError, ValueError):
                await client.begin(settings, BACK, "/", None, 0.0)
        finally:
            await transport.close()

    async def _sign_in(
        self,
        provider: OidcProvider,
        *,
        says: Mapping[str, str] = {},
        redirects: Mapping[str, str] = {},
    ) -> None:
        """Sign in at a provider that names an address inside, or sends us there."""
        self._attempts += 1
        provider.description, provider.redirects = dict(says), dict(redirects)
        transport = AsyncDefaultTransport(self._plain)
        client = OidcClient(transport)
        settings = OidcSettings(issuer=provider.issuer, client_id=CLIENT_ID)
        try:
            with suppress(DragomanError, ValueError):
                where, asked = await client.begin(settings, BACK, "/", None, 0.0)
                back = parse_qsl(provider.sign_in(where).partition("?")[2])
                await client.finish(settings, Secret(CLIENT_SECRET), asked, dict(back), 0.0)
                raise AssertionError("somebody was signed in")
        finally:
            await transport.close()

    # -- names that lead elsewhere each time

    async def _rebound(self) -> None:
        """Name hosts that are allowed when they are looked up, and inside when they are again."""
        with ExitStack() as stack:
            honest = stack.enter_context(socket.create_server(("127.0.0.2", self._port)))
            honest.listen(100)
            for first in (0, 1):
                addresses = itertools.cycle([("127.0.0.2",), ("127.0.0.1",)])
                for _ in range(first):
                    next(addresses)

                def resolve(host: str, addresses: itertools.cycle[tuple[str, ...]] = addresses):  # type: ignore[no-untyped-def]
                    return next(addresses) if host == REBOUND else self._resolve(host)

                grant = parse_grant(f"127.0.0.2:{self._port}")
                network = Network(resolve=resolve, allow=(grant,))
                inside = Network(resolve=resolve, deny=(parse_grant(f"127.0.0.1:{self._port}"),))
                url = f"https://{REBOUND}:{self._port}/v1"
                for _ in range(4):
                    await asyncio.wait_for(
                        asyncio.gather(
                            self._quickly(self._deliver(self._organisation, url, network)),
                            self._quickly(self._begin(url, inside)),
                        ),
                        10,
                    )

    @staticmethod
    async def _quickly(work: object) -> None:
        """Give up on the honest one, which answers nothing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(work, 0.2)  # type: ignore[arg-type]


def _written(url: str) -> str:
    """Write a URL as far as a header can hold it."""
    return "".join(letter for letter in url if " " < letter < "\x7f")
