"""Where a request comes from, and whether that is among the addresses that are meant."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from dragoman.server.http.messages import Request
from dragoman.types.grant import IPAddress, IPNetwork


class Proxies:
    """The proxies before the gateway, whose word on where a request comes from is believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(networks)

    def address_of(self, request: Request) -> str:
        """Say where a request comes from: before the proxies that are trusted, if it passed any.

        Of `X-Forwarded-For` that is the last address which none of them has: what stands before it
        may be anybody's invention.
        """
        before = request.peer
        if not self._networks or not is_among(before, self._networks):
            return before
        for text in reversed(request.headers.get("x-forwarded-for", "").split(",")):
            if not (address := text.strip()):
                break
            before = address
            if not is_among(address, self._networks):
                break
        return before


@lru_cache(maxsize=4096)
def is_among(text: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of the networks; what is no address is in none."""
    address = _read(text)
    return address is not None and any(address in network for network in _networks(networks))


@lru_cache(maxsize=1024)
def _networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    return tuple(map(ipaddress.ip_network, texts))


def _read(text: str) -> IPAddress | None:
    """Read an address; an IPv4 one that is written as IPv6 is that. None for what is none."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
