"""Whether a server is one's own: on this machine or in this network."""

from __future__ import annotations

import ipaddress

from dragoman.types.http import parse_url

_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_local(base_url: str) -> bool:
    """Tell by the name in the URL; nothing is looked up."""
    try:
        url = parse_url(base_url)
    except ValueError:
        return False
    host = url.host.lower()
    if url.scheme == "demo" or not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith(_LOCAL_NAMES)
    return address.is_private or address.is_loopback
