"""Where requests may go: the policy, pure. Trust follows who wrote the URL.

`local` (command line, library) and `operator` reach everything but link-local, cloud metadata and
what is no unicast address. `organisation` (a tenant wrote the URL) reaches the public internet.

Addresses are judged by structure: `ipaddress.is_global` passes NAT64, 6to4 and others that lead
inside. An IPv4 address inside an IPv6 one is judged too, before and apart from its wrapping.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from dragoman.errors import DestinationDenied
from dragoman.types.grant import Grant as Grant
from dragoman.types.grant import IPAddress as IPAddress
from dragoman.types.grant import parse_grant as parse_grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dragoman.types.http import Url
    from dragoman.types.provider import EgressPolicy

# Where clouds tell a machine its secrets. Link-local ones are covered by being link-local.
# Source: AWS, GCP, Alibaba, Azure, Oracle and Scaleway instance metadata guides (read 2026-11)
METADATA = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "fd00:ec2::254", "fd20:ce::254", "fd00:42::42",
    )
)  # fmt: skip

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 §2.5.5.1
_UNICAST = IPv6Network("2000::/3")  # RFC 4291 §2.4
# Teredo, ORCHID, benchmarks; documentation; 6to4. Source: IANA special-purpose registry (2026-11)
_NOT_PUBLIC = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)
_NOT_PUBLIC_V4 = tuple(
    map(
        ip_network,
        ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
         "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
         "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
         "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
)  # fmt: skip

_label = r"(?!-)[a-z0-9_-]{1,63}"
_is_name = re.compile(rf"{_label}(?:\.{_label})*\.?", re.I).fullmatch
# What inet_aton(3) or the WHATWG URL parser would take for an IPv4 address: "ends in a number".
_ends_in_number = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.I | re.S).fullmatch


def check_url(url: Url, policy: EgressPolicy) -> None:
    """Refuse what can be refused before any name is looked up.

    Raises: DestinationDenied.
    """
    if policy == "organisation" and url.scheme != "https":
        raise DestinationDenied(
            "only https:// destinations are allowed", hint="use an https:// base URL"
        )
    check_host(url.host)


def check_host(host: str) -> IPAddress | None:
    """Return the address when a host is one, None when it is a name.

    Raises: DestinationDenied for a number that is no canonical address (`127.1`, `0x7f000001`,
    `2130706433`, a trailing dot, a zone), which resolvers read in ways of their own, and for what
    is neither a name nor an address.
    """
    if ":" in host:
        if "%" not in host:
            try:
                return IPv6Address(host)
            except ValueError:
                pass
        raise DestinationDenied(f"{host!r} is not an IPv6 address", hint="write it in full")
    if _ends_in_number(host):
        try:
            return IPv4Address(host)
        except ValueError:
            raise DestinationDenied(
                f"{host!r} looks like a number but is not a plain IPv4 address",
                hint="write it as four decimal numbers: 127.0.0.1",
            ) from None
    if len(host) > 253 or not _is_name(host):
        raise DestinationDenied(f"{host!r} is not a host name", hint="check the base URL")
    return None


@lru_cache(maxsize=4096)
def embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Find the IPv4 addresses that an IPv6 address may lead to: translated, tunnelled or mapped."""
    found: list[IPv4Address] = []
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    mapped, teredo = address.ipv4_mapped, address.teredo
    if mapped is not None:
        found.append(mapped)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if teredo is not None:
        found += teredo
    if address in _NAT64 or address in _TRANSLATED:
        found.append(low)
    if address in _COMPATIBLE and number > 1:
        found.append(low)
    if (number >> 32) & 0xFDFFFFFF == 0x00005EFE:  # ISATAP: RFC 5214 §6.1
        found.append(low)
    if address in _NAT64_LOCAL:
        found += _in_local_prefix(number)
    return tuple(found)


def _in_local_prefix(number: int) -> list[IPv4Address]:
    """Every place where a prefix of 48, 56, 64 or 96 bits puts the IPv4 address: RFC 6052 §2.2.

    Bits 64 to 71 are skipped.
    """
    skipped = ((number >> 64) << 56) | (number & ((1 << 56) - 1))  # without the eight bits
    places = [IPv4Address((skipped >> shift) & 0xFFFFFFFF) for shift in (40, 32, 24)]
    return [*places, IPv4Address(number & 0xFFFFFFFF)]


def check_address(
    address: IPAddress,
    policy: EgressPolicy,
    *,
    port: int = 443,
    allow: Sequence[Grant] = (),
    deny: Sequence[Grant] = (),
) -> None:
    """Refuse an address to which requests of this policy may not go.

    `allow` are the operator's exceptions (for `operator`: link-local and metadata too; for
    `organisation`: private ones, never metadata nor link-local; `local` takes none). `deny` are
    our own listeners, database and the like, which nobody reaches, whatever `allow` says.

    Raises: DestinationDenied; to an organisation it does not tell what was found.
    """
    inner = embedded_ipv4(address) if isinstance(address, IPv6Address) else ()
    everyone: tuple[IPAddress, ...] = (address, *inner)
    granted = any(grant.covers(one, port) for grant in allow for one in everyone)
    if any(grant.covers(one, port) for grant in deny for one in everyone):
        why: str | None = "one of this gateway's own services"
    else:
        why = _judge(address, inner, policy, granted=granted)
    if why is None:
        return
    if policy == "organisation":
        raise DestinationDenied("this destination is not allowed")
    raise DestinationDenied(
        f"{address} is {why}: requests may not go there",
        hint="check what the base URL's host name resolves to",
    )


def _judge(
    address: IPAddress, inner: Sequence[IPv4Address], policy: EgressPolicy, *, granted: bool
) -> str | None:
    """Say what is wrong with an address, or None."""
    everyone = (address, *inner)
    if any(map(_is_metadata, everyone)):
        return None if granted and policy == "operator" else "link-local or cloud metadata"
    if any(map(_is_nowhere, everyone)):
        return "no address of a single host"
    if policy != "organisation" or granted:
        return None
    if inner and isinstance(address, IPv6Address):
        # With DNS64, every IPv4-only host of the internet has such an address: RFC 6147.
        through = address in _NAT64 or address.ipv4_mapped is not None
        public = all(map(_is_public, inner)) and (through or _is_public(address))
    else:
        public = _is_public(address)
    return None if public else "not a public address"


def _is_metadata(address: IPAddress) -> bool:
    return address.is_link_local or address in METADATA


def _is_nowhere(address: IPAddress) -> bool:
    """Multicast, broadcast, reserved. 0.0.0.0 and :: lead to loopback, and people write them."""
    if isinstance(address, IPv4Address):
        return int(address) >= 0xE0000000
    return address.is_multicast


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _UNICAST and not any(address in network for network in _NOT_PUBLIC)
