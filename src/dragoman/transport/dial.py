"""The one dialler: resolve, check every address, connect to that literal address, TLS by name.

`dial` thinks and does no I/O: it yields steps, which the drivers (`sync`, `pooled`) perform, each
in its own way, and is told how they went; an OSError is thrown into it.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.errors import ConfigError, ConnectFailed, DestinationDenied
from dragoman.transport.egress import Grant, check_address, check_host, check_url
from dragoman.transport.http1 import Incoming, render_connect
from dragoman.transport.proxy import Proxy, find_proxy

if TYPE_CHECKING:
    import ssl

    from dragoman.transport.egress import IPAddress
    from dragoman.transport.resolve import Resolver
    from dragoman.types.http import ConnectOptions, Url
    from dragoman.types.provider import EgressPolicy

STAGGER_S = 0.25  # "Connection Attempt Delay": RFC 8305 §5

Key: TypeAlias = "tuple[str, str, int, ConnectOptions]"
"""Scheme, host, port and options: requests that agree in these may share a connection."""


class Resolve(Struct, frozen=True):
    """Look a name up; answered by addresses as text."""

    host: str


class Start(Struct, frozen=True):
    """Begin a connection, beside those that have begun; answered at once by None."""

    address: IPAddress
    port: int


class Wait(Struct, frozen=True):
    """Wait for one of the connections begun, for so long (None: as long as it takes).

    Answered by True when one is made (the others are dropped), by the OSError of one that failed,
    by False when the time is over.
    """

    seconds: float | None


class Talk(Struct, frozen=True):
    """Send bytes, if any, and answer with some that came; `b""` at the end."""

    data: bytes


class Secure(Struct, frozen=True):
    """Speak TLS from here on, with the server of this name; answered by None."""

    context: ssl.SSLContext
    server_name: str


Step: TypeAlias = Resolve | Start | Wait | Talk | Secure
Dial: TypeAlias = Generator[Step, Any, "Proxy | None"]


class Network(Struct, frozen=True, kw_only=True):
    """What the dialler needs to know of its surroundings.

    `env` has the proxy variables. `allow` and `deny` are for `egress.check_address`.
    """

    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    resolve: Resolver | None = None
    allow: tuple[Grant, ...] = ()
    deny: tuple[Grant, ...] = ()


def dial(url: Url, options: ConnectOptions, network: Network) -> Dial:
    """Open a connection for requests to this origin.

    Returns the proxy to which requests are then written with their whole URL; None when the
    connection leads to the origin itself, directly or through a tunnel.

    Raises: ConnectFailed, DestinationDenied, ConfigError.
    """
    check_url(url, options.egress)
    secure = _secure_step(url, options) if url.scheme == "https" else None
    proxy = find_proxy(url, options.proxy, network.env)
    if proxy is not None:
        yield from _connect_through(proxy, url, options, network)
    else:
        addresses = yield from _resolve(url.host, url.port, options.egress, network)
        yield from _race(addresses, url.port, url.origin)
    if secure is None:
        return proxy
    yield from _secure(secure, url.host)
    return None


def check_written(url: Url, policy: EgressPolicy, network: Network) -> None:
    """Refuse an address that stands in a URL; what a name leads to is found when it is asked.

    Raises: DestinationDenied.
    """
    if (address := check_host(url.host)) is not None:
        check_address(address, policy, port=url.port, allow=network.allow, deny=network.deny)


def _resolve(
    host: str, port: int, policy: EgressPolicy, network: Network
) -> Generator[Step, Any, list[IPAddress]]:
    """Find a host's addresses, and refuse them all if one is forbidden."""
    address = check_host(host)
    if address is not None:
        found = [address]
    elif host == "localhost" or host.endswith(".localhost"):
        texts: Sequence[str] = ("127.0.0.1", "::1")  # RFC 6761 §6.3: without asking anybody
        if network.resolve is not None:
            texts = yield Resolve(host)
        found = [ip_address(text) for text in texts]
    else:
        try:
            found = [ip_address(text) for text in (yield Resolve(host))]
        except OSError as error:
            raise ConnectFailed(
                f"no address is known for {host} ({error.strerror or error})",
                hint="check the host name in the base URL, and the network",
            ) from error
    for one in found:
        check_address(one, policy, port=port, allow=network.allow, deny=network.deny)
    if not found:
        raise ConnectFailed(f"no address is known for {host}", hint="check the base URL")
    return interleave(found)


def interleave(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """Alternate the families, beginning with the first address's: RFC 8305 §4. No doubles."""
    unique = list(dict.fromkeys(addresses))
    first = [one for one in unique if one.version == unique[0].version]
    second = [one for one in unique if one.version != unique[0].version]
    pairs = chain.from_iterable(zip_longest(first, second))
    return [one for one in pairs if one is not None]


def _race(addresses: Sequence[IPAddress], port: int, what: str) -> Generator[Step, Any, None]:
    """Connect to whichever address answers first; each failure starts the next one at once."""
    waiting = deque(addresses)
    errors: list[OSError] = []
    running = 0
    while waiting or running:
        if waiting:
            yield Start(waiting.popleft(), port)
            running += 1
        outcome = yield Wait(STAGGER_S if waiting else None)
        if outcome is True:
            return
        if outcome is not False:
            errors.append(outcome)
            running -= 1
    raise explain_connect(errors, what)


_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


def explain_connect(errors: Sequence[OSError], what: str) -> ConnectFailed:
    """Turn the failures of all addresses into one, the one that tells most."""
    for error in errors:
        if error.errno == errno.ECONNREFUSED:
            failed = ConnectFailed(
                f"{what} refused the connection", hint="is the server running, on that port?"
            )
            break
    else:
        error = next((e for e in errors if e.errno not in _UNREACHABLE), errors[0])
        # asyncio puts words of its own in place of the system's.
        words = os.strerror(error.errno) if error.errno else str(error)
        failed = ConnectFailed(
            f"{what} cannot be reached ({words})",
            hint="check the network, a VPN, or whether a proxy is needed",
        )
    failed.__cause__ = error
    return failed


def _connect_through(
    proxy: Proxy, url: Url, options: ConnectOptions, network: Network
) -> Generator[Step, Any, None]:
    """Connect to a proxy and, for https, have it open a tunnel.

    The operator chose the proxy, and it resolves names by its own lights. For an organisation's
    URL we resolve and check ourselves and ask for that literal address.
    """
    target = url.host
    if options.egress == "organisation":
        target = str((yield from _resolve(url.host, url.port, options.egress, network))[0])
    else:
        check_written(url, options.egress, network)
    try:
        addresses = yield from _resolve(proxy.host, proxy.port, "operator", network)
    except DestinationDenied as error:
        raise ConfigError(f"the proxy {proxy} cannot be used: {error}") from error
    yield from _race(addresses, proxy.port, f"the proxy {proxy}")
    if url.scheme == "https":
        authority = f"[{target}]:{url.port}" if ":" in target else f"{target}:{url.port}"
        yield from _tunnel(proxy, authority)


def _tunnel(proxy: Proxy, authority: str) -> Generator[Step, Any, None]:
    """Ask the proxy for a tunnel: RFC 9110 §9.3.6."""
    answer = Incoming("CONNECT")
    out = render_connect(authority, proxy.headers)
    while not (answer.head_done or answer.ended):
        try:
            data = yield Talk(out)
        except OSError as error:
            answer.feed_eof(error)
            break
        out = b""
        if data:
            answer.feed(data)
        else:
            answer.feed_eof()
    if answer.failure is not None:
        raise ConnectFailed(f"the proxy {proxy} failed: {answer.failure}")
    if answer.status == 407:
        raise ConnectFailed(
            f"the proxy {proxy} wants a user name and a password",
            hint="write them into its URL: http://user:password@host:port",
        )
    if not 200 <= answer.status < 300:
        raise ConnectFailed(f"the proxy {proxy} answered {answer.status} for {authority}")


def _secure_step(url: Url, options: ConnectOptions) -> Secure:
    """Prepare TLS, so that a fault of the configuration shows before anything is dialled."""
    from dragoman.transport.tls import find_context

    tls = options.tls
    if options.egress == "organisation" and not tls.verify:
        tls = msgspec.structs.replace(tls, verify=True)
    return Secure(find_context(tls), url.host.rstrip("."))


def _secure(step: Secure, host: str) -> Generator[Step, Any, None]:
    from ssl import SSLError

    from dragoman.transport.tls import explain_tls

    try:
        yield step
    except SSLError as error:
        raise explain_tls(error, host) from error
    except OSError as error:
        raise ConnectFailed(
            f"TLS with {host} failed: the server closed the connection",
            hint="does it speak TLS on this port?",
        ) from error
