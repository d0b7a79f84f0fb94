"""HTTP proxies: which one a request goes through, by the provider's setting or the environment."""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dragoman.types.credential import Secret
    from dragoman.types.http import Url


class Proxy(Struct, frozen=True):
    """An http:// proxy. `headers` prove who we are; they hold a secret, `str` does not show it."""

    host: str
    port: int
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({self})"


def find_proxy(url: Url, own: Secret | None, env: Mapping[str, str]) -> Proxy | None:
    """Find the proxy for a URL: the provider's `own`, else the environment's, else None.

    The environment's are HTTPS_PROXY or HTTP_PROXY, then ALL_PROXY, lower case first, unless
    NO_PROXY names the host; loopback is never sent through them.

    Raises: ConfigError for a proxy that we cannot speak to; it shows no password.
    """
    if own:
        return parse_proxy(own.reveal(), "proxy")
    if is_loopback(url.host) or _is_exempt(url, _variable(env, "NO_PROXY")[1]):
        return None
    for name in (f"{url.scheme.upper()}_PROXY", "ALL_PROXY"):
        place, value = _variable(env, name)
        if value:
            return parse_proxy(value, place)
    return None


def parse_proxy(text: str, place: str) -> Proxy:
    """Read `http://user:password@host:port`; without a scheme, http is meant.

    Raises: ConfigError.
    """
    hint = "a proxy is written http://host:port or http://user:password@host:port"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        scheme, host, port = parts.scheme, parts.hostname, parts.port or 80
    except ValueError:  # its message may hold the password
        scheme, host, port = "http", None, 0
    if scheme != "http":
        raise ConfigError(
            f"proxies of the kind {scheme}:// are not supported", place=place, hint=hint
        )
    if not host:
        raise ConfigError("this is not the URL of a proxy", place=place, hint=hint)
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["proxy-authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return Proxy(host, port, headers)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _variable(env: Mapping[str, str], name: str) -> tuple[str, str]:
    """Look a variable up, lower case first; return its name and its value, `""` when unset."""
    for spelling in (name.lower(), name):
        # In CGI, HTTP_PROXY is a request header of the client's: https://httpoxy.org
        if spelling == "HTTP_PROXY" and "REQUEST_METHOD" in env:
            continue
        if spelling in env:
            return spelling, env[spelling].strip()
    return name, ""


def _is_exempt(url: Url, no_proxy: str) -> bool:
    """Whether NO_PROXY names this host: `*`, a domain and what is below it, an address, a network;
    each may end in `:port`."""
    return any(
        _matches(url, entry.strip().lower()) for entry in no_proxy.split(",") if entry.strip()
    )


def _matches(url: Url, entry: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(url.host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # one of the two is a name
        pass
    host, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        if int(port) != url.port:
            return False
        entry = host.strip("[]")
    entry = entry.removeprefix("*").removeprefix(".")
    return url.host == entry or url.host.endswith(f".{entry}")
