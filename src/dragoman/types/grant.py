"""An exception from the rules of where requests may go, which the operator wrote."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress: TypeAlias = "IPv4Address | IPv6Address"
IPNetwork: TypeAlias = "IPv4Network | IPv6Network"


class Grant(Struct, frozen=True):
    """A network, and a port or every one."""

    network: IPNetwork
    port: int | None = None

    def covers(self, address: IPAddress, port: int) -> bool:
        """Whether this address and port are meant."""
        same = address.version == self.network.version
        return same and address in self.network and self.port in (None, port)


def parse_grant(text: str) -> Grant:
    """Read `10.0.0.5:8443`, `192.168.0.0/16`, `[fd00::5]:443` or an address alone.

    Raises: ValueError, with a sentence.
    """
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?", text)
    host, port = (match[1].strip("[]"), match[2]) if match else (text, None)
    try:
        network = ip_network(host)
    except ValueError as error:
        raise ValueError(f"{text!r} is not ADDRESS, ADDRESS:PORT or NETWORK/BITS") from error
    if port is not None and not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} has no valid port")
    return Grant(network, int(port) if port is not None else None)
