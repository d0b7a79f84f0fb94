"""Addresses inside, in many spellings, through every way by which a tenant can name one."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from tempfile import TemporaryDirectory

from dragoman.config import Secrets
from dragoman.errors import DragomanError
from dragoman.organisations.definition import check_definition
from dragoman.probe.ladder import Ladder
from dragoman.probe.listing import list_models
from dragoman.server.telemetry.checks import Checks
from dragoman.transport.default import AsyncDefaultTransport
from dragoman.transport.dial import Network
from dragoman.transport.egress import parse_grant
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import ConnectOptions, HttpRequest, parse_url
from dragoman.types.provider import Provider
from tests.chaos.spellings import NAMES, urls
from tests.chaos.ssrf_beside import beside
from tests.server.serving import Served, ask
from tests.server.tenancy import Team

ENDPOINTS = ("chat/completions", "embeddings", "images/generations")


class Canary:
    """Listens inside, at every address of loopback that there is, and sings when somebody comes."""

    def __init__(self) -> None:
        self.visits = 0
        self.sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self.sockets[0].getsockname()[1]
        if socket.has_dualstack_ipv6():
            six = socket.socket(socket.AF_INET6)
            six.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            six.bind(("::1", self.port))
            six.listen()
            self.sockets.append(six)
        self._threads = [threading.Thread(target=self._listen, args=(s,)) for s in self.sockets]
        for thread in self._threads:
            thread.start()

    def _listen(self, sock: socket.socket) -> None:
        while True:
            try:
                visitor, _ = sock.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()

    def close(self) -> None:
        for sock in self.sockets:
            sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join()


def resolve(host: str) -> Sequence[str]:
    """Look a name up: what the harness says, else nothing."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return ("127.0.0.1", "::1")
    if name in NAMES:
        return NAMES[name]
    return (socket.inet_ntoa(socket.inet_aton(host)),)  # as resolvers read numbers


def ssrf(*, full: bool) -> Mapping[str, float]:
    """Try 300 spellings of addresses inside at every entry point: the canaries stay silent."""
    with ExitStack() as stack:
        canary = Canary()
        stack.callback(canary.close)
        spelled = list(urls(canary.port))
        assert len(spelled) >= 300, len(spelled)
        tried = spelled if full else spelled[:: len(spelled) // 60]
        folder = Path(stack.enter_context(TemporaryDirectory()))
        team = stack.enter_context(Team(folder / "team.db"))
        _prove_that_it_sings(canary)
        network = Network(resolve=resolve)
        attempts = 0
        for url in tried:
            attempts += _as_a_form(url, network)
        attempts += _through_the_gateway(team, network, tried)
        organisation = team.organisation("blue")
        attempts += beside(team, organisation, canary.sockets, tried, resolve)
        assert canary.visits == 0, f"{canary.visits} visits"
    return {"spellings": len(spelled), "tried": len(tried), "attempts": attempts}


def _prove_that_it_sings(canary: Canary) -> None:
    """See that a visit would be noticed: the operator's own words lead here, and a grant does."""
    granted = Network(resolve=resolve, allow=(parse_grant(f"127.0.0.1:{canary.port}"),))
    tenant = ConnectOptions(egress="organisation")
    for url, network, options in (
        (f"http://localhost:{canary.port}/v1", Network(resolve=resolve), ConnectOptions()),
        (f"https://inside.example:{canary.port}/v1", granted, tenant),
    ):
        before = canary.visits
        with SyncTransport(network=network) as transport:
            request = HttpRequest(
                url=parse_url(url), method="GET", headers={}, body=b"", options=options
            )
            with suppress(DragomanError):
                transport.send(request, connect_timeout_s=5, head_timeout_s=5)
        assert canary.visits > before, f"{url} did not reach the canary"
    canary.visits = 0


def _as_a_form(url: str, network: Network) -> int:
    """Name it where a provider is entered, tested, and asked for its models."""
    # What is refused at once here is tried all the same: another guard stands behind it.
    with suppress(DragomanError):
        check_definition("acme", {"base_url": url}, "organisation")
    provider = Provider(name="acme", base_url=url, egress="organisation")
    with SyncTransport(network=network) as transport:
        with suppress(DragomanError, ValueError):
            list_models(provider, Secrets({}), transport)
        ladder = Ladder(provider, env={}, model="m", transport=transport, network=network)
        with suppress(DragomanError, ValueError):
            list(ladder.climb())
    return 3


def _through_the_gateway(team: Team, network: Network, tried: Sequence[str]) -> int:
    """Write each into a tenant's row, and ask for it; and in places where others listen to it."""
    organisation = team.organisation("red")
    key = team.key(organisation)[1]
    names = ["".join(letters) for letters in islice(product(ascii_lowercase, repeat=4), len(tried))]
    columns = ("organisation_id", "name", "definition", "egress", "created_at", "updated_at")
    rows = [
        (organisation, name, json.dumps({"base_url": url, "check": True}), "organisation", 0.0, 0.0)
        for name, url in zip(names, tried, strict=True)
    ]
    with team.desk.read() as connection, connection.transaction():
        connection.insert("provider", columns, rows)
        connection.write("UPDATE revision SET number = number + 1")
    attempts = 0
    with Served({}, team=team, transport=AsyncDefaultTransport(network)) as served:
        for name, url in zip(names, tried, strict=True):
            for path in ENDPOINTS:
                picture = {"type": "image_url", "image_url": {"url": url}}
                body = {"model": f"{name}/m", "prompt": "x", "input": "x",
                        "messages": [{"role": "user", "content": [picture]}]}  # fmt: skip
                status, _, answer = ask(
                    f"{served.base_url}/{path}", json.dumps(body).encode(), x_api_key=key
                )
                assert status >= 400, (url, path, answer)
                attempts += 1
            for field in ("api_base", "base_url"):
                said = {"model": "demo/echo", "messages": [], field: url}
                status, _, _ = ask(
                    f"{served.base_url}/chat/completions", json.dumps(said).encode(), x_api_key=key
                )
                assert status == 400, (url, field)
                attempts += 1
        tenants = served.gateway.reception.tenants
        assert tenants is not None
        checks = Checks(lambda: served.gateway.snapshot, tenants, lambda: network)
        own = [provider for view in tenants.views() for provider in view.own]
        for provider in own:
            if not provider.problems:
                checks._ask(provider)
            attempts += 1
        asyncio.run(checks.look())
    return attempts
