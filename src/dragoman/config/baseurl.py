"""Base URLs that variables of other programs say: whole, or only the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from dragoman.config import fields, kinds

_URL = fields.table(fields.PROVIDER)["base_url"]
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


def variable_url(
    base_url: str | None,
    url_variables: Iterable[str],
    host_variables: Iterable[str],
    env: Mapping[str, str],
) -> str | None:
    """Find the base URL that a variable says; None when none is set.

    Raises: kinds.Wrong, when what it says is no URL.
    """
    for variable in url_variables:
        if env.get(variable, "").strip():
            return _checked(env[variable], variable)
    for variable in host_variables:
        if base_url and env.get(variable, "").strip():
            return _checked(replace_host(base_url, env[variable].strip()), variable)
    return None


def _checked(url: str, variable: str) -> str:
    try:
        return kinds.url(url, _URL)
    except kinds.Wrong as wrong:
        raise kinds.Wrong(f"the variable {variable} {wrong}") from None


def replace_host(base_url: str, host: str) -> str:
    """Put `host` (a host, host and port, or URL) into a base URL.

    A host alone keeps the port, a URL without one has its scheme's; an address that servers listen
    on (0.0.0.0) becomes one that can be called.

    Source: https://github.com/ollama/ollama, envconfig/config.go, Host (read 2026-08)
    """
    old = urlsplit(base_url)
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = old.scheme, host
    authority, _, path = rest.partition("/")
    name, port = _split_port(authority)
    name = _ANY_ADDRESS.get(name, name)
    if ":" in name:
        name = f"[{name}]"
    if not port and not separator and old.port:
        port = str(old.port)
    path = f"/{path.rstrip('/')}" if path.rstrip("/") else ""
    return f"{scheme}://{name}{f':{port}' if port else ''}{path}{old.path}"


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        name, _, port = authority[1:].partition("]")
        return name, port.removeprefix(":")
    if authority.count(":") > 1:  # an IPv6 address without brackets
        return authority, ""
    name, _, port = authority.partition(":")
    return name, port
