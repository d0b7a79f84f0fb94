"""Nobody's base URL leads to the gateway itself, its database or its Redis."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from dragoman.errors import DestinationDenied
from dragoman.server.admission.network import find_own, make_network
from dragoman.server.assembly import Assembly, Work
from dragoman.server.sockets import bound_to
from dragoman.store.database import Server
from dragoman.transport.dial import Network
from dragoman.transport.egress import check_address
from dragoman.types.provider import EgressPolicy
from dragoman.types.server import ServerSettings
from tests.library.asking import configure
from tests.server.process import Process, wait_until

DATABASE = Server("postgresql://me:secret@127.0.0.1:5433/db")
REDIS = {"DRAGOMAN_REDIS_URL": "redis://:secret@localhost:6380/0"}


@pytest.mark.parametrize("policy", ["local", "operator", "organisation"])
@pytest.mark.parametrize("service", ["listener", "database", "redis"])
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::ffff:127.0.0.1"]
)
def test_our_own_services_are_denied_to_everybody_whatever_was_granted(
    policy: EgressPolicy, service: str, address: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        own = find_own(bound_to([sock]), DATABASE, REDIS)
    granted = ServerSettings(egress_allow=("127.0.0.0/8", "::1", "0.0.0.0"))
    network = make_network(granted, {}, own)
    ports = {"listener": port, "database": 5433, "redis": 6380}
    rules = {"allow": network.allow, "deny": network.deny}
    with pytest.raises(DestinationDenied):
        check_address(ip_address(address), policy, port=ports[service], **rules)
    if policy != "organisation" or address in ("127.0.0.1", "127.9.9.9"):
        check_address(ip_address(address), policy, port=port + 1, **rules)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_redis_that_a_file_names_is_our_own_too(tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "url"
    file.write_text(f"{scheme}://:secret@127.0.0.1\n")
    own = find_own([], None, {"DRAGOMAN_REDIS_URL_FILE": str(file)})
    assert {(str(one.network), one.port) for one in own} >= {("127.0.0.1/32", 6379)}


def test_a_gateway_that_everybody_reaches_knows_its_own_addresses() -> None:
    with socket.create_server(("0.0.0.0", 0)) as sock:
        own = find_own(bound_to([sock]), None, {})
        port = sock.getsockname()[1]
    assert all(grant.port == port for grant in own)
    assert any(grant.covers(ip_address("127.0.0.1"), port) for grant in own)


def test_no_request_is_answered_before_our_own_services_are_known(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    reading = (configure({}), {}, env)

    async def begin(sock: socket.socket) -> Network:
        parts = Assembly(Work(reading, lambda: reading, "127.0.0.1"), [sock])
        await parts.begin()
        network = parts.transport.network
        await parts.close()
        return network

    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        denied = asyncio.run(begin(sock)).deny
    assert any(grant.covers(ip_address("127.0.0.1"), port) for grant in denied)


def test_a_request_that_goes_round_in_circles_is_stopped(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in "ab"]
    for home in homes:
        home.mkdir()
    one = Process(homes[0], "")
    try:
        two = Process(homes[1], f'[providers.a]\nbase_url = "{one.url}/v1"\n')
        try:
            one.file.write_text(
                f'[providers.b]\nbase_url = "{two.url}/v1"\n'
                f'[providers.me]\nbase_url = "{one.url}/v1"\n'
            )
            wait_until(lambda: one.chat("b/demo/echo")[0] == 200)
            assert one.chat("b/a/demo/echo")[0] == 200
            status, said = one.chat("b/a/b/a/b/a/demo/echo")
            assert (status, "goes round in circles" in str(said)) == (400, True)
            status, said = one.chat("me/demo/echo")
            assert (status, said["error"]["code"]) == (400, "destination_not_allowed")
        finally:
            two.stop()
    finally:
        one.stop()
