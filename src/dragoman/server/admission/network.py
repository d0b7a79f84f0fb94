"""Where the gateway itself may connect to: what the operator grants, and what is our own.

Nobody's base URL leads to the gateway's listeners, its database or its Redis, whoever wrote it and
whatever was granted.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from dragoman.store.database import Place, Server, StoreError
from dragoman.store.redis import redis_address
from dragoman.transport.dial import Network
from dragoman.types.grant import Grant, IPAddress, parse_grant
from dragoman.types.server import ServerSettings

_PORTS = {"postgresql": 5432, "redis": 6379, "rediss": 6379}
_HERE = tuple(map(ip_network, ("127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128")))
"""Addresses under which a machine reaches itself, whatever it is called."""


def make_network(
    settings: ServerSettings, env: Mapping[str, str], deny: Iterable[Grant] = ()
) -> Network:
    """Say what may be connected to. `env` has the proxies."""
    allow = tuple(map(parse_grant, settings.egress_allow))
    return Network(env=env, allow=allow, deny=tuple(deny))


def find_own(
    listening: Iterable[tuple[str, int]], database: Place | None, env: Mapping[str, str]
) -> tuple[Grant, ...]:
    """Find the addresses of our own services; `listening` are hosts and ports of our listeners.

    Looks names up: call it from a thread.
    """
    found: dict[Grant, None] = {}
    for host, port in listening:
        found.update(dict.fromkeys(_listener(host, port)))
    urls = [database.url] if isinstance(database, Server) else []
    with contextlib.suppress(StoreError):  # whoever uses it says what is wrong with it
        if (redis := redis_address(env)) is not None:
            urls.append(redis.url)
    for url in urls:
        found.update(dict.fromkeys(_service(url)))
    return tuple(found)


def _listener(host: str, port: int) -> Iterator[Grant]:
    """What leads to a socket that is bound there."""
    address = ip_address(host)
    if not (address.is_unspecified or address.is_loopback):
        yield Grant(ip_network(host), port)
        return
    yield from (Grant(network, port) for network in _HERE)
    if address.is_unspecified:
        yield from (Grant(ip_network(str(own)), port) for own in _own_addresses())


def _own_addresses() -> set[IPAddress]:
    """Find the addresses of this machine, as far as the system tells."""
    found = set(_resolve(socket.gethostname(), 0))
    probes = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
    for family, elsewhere in probes:
        # Nothing is sent: the system only says from which address it would be.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((elsewhere, 9))
            found.add(ip_address(sock.getsockname()[0]))
    return found


def _service(url: str) -> Iterator[Grant]:
    """What leads to the service of a URL; nothing for one that is a file."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return  # whoever uses it says what is wrong with it
    if not host or not port:
        return
    for address in _resolve(host, port):
        if address.is_loopback or address.is_unspecified:
            yield from (Grant(network, port) for network in _HERE)
        yield Grant(ip_network(str(address)), port)


def _resolve(host: str, port: int) -> list[IPAddress]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []  # it cannot be reached under this name either
    return [ip_address(str(row[4][0]).partition("%")[0]) for row in rows]
