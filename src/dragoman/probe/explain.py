"""Why a step failed, in words for whoever may read them, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from dragoman.config.secrets import looked
from dragoman.errors import (
    AuthFailed,
    BillingError,
    ConfigError,
    ConnectFailed,
    DragomanError,
    NotFound,
    PermissionDenied,
    UpstreamError,
)
from dragoman.probe.container import host_from_inside
from dragoman.transport.proxy import is_loopback
from dragoman.types.http import parse_url
from dragoman.types.provider import Provider

_LISTED = 5


def words_for(error: DragomanError, provider: Provider) -> str:
    """Say what went wrong. To an organisation nothing of what the server wrote is repeated."""
    if provider.egress == "organisation" and isinstance(error, UpstreamError):
        status = error.upstream_status
        return f"the server said no{f' ({status})' if status else ''}"
    if isinstance(error, ConfigError) and error.place:
        return error.message.removeprefix(f"{error.place}: ")
    status = getattr(error, "upstream_status", None)
    return f"{status}: {error.message}" if status else error.message


def fix_for(
    error: DragomanError,
    provider: Provider,
    env: Mapping[str, str],
    *,
    with_key: bool = False,
    models: Sequence[str] = (),
    new: bool = False,
) -> str | None:
    """Say what to do. `with_key`: a key was sent; `models` are those that the provider lists.

    `new`: the provider stands in no file yet.
    """
    if isinstance(error, AuthFailed | PermissionDenied):
        return _key_fix(provider, with_key=with_key, new=new)
    if isinstance(error, BillingError):
        return "the account at the provider has no credit left: top it up there"
    if isinstance(error, NotFound) and models:
        asked = error.model or ""
        near = difflib.get_close_matches(asked, models, n=_LISTED, cutoff=0.4)
        return f"it has {', '.join(near or models[:_LISTED])}"
    if isinstance(error, ConnectFailed) and isinstance(error.__cause__, ConnectionRefusedError):
        inside = container_fix(provider.base_url, env)
        return inside or error.hint
    return error.hint


def container_fix(base_url: str, env: Mapping[str, str]) -> str | None:
    """Where `localhost` cannot be reached from inside a container, name the machine around it."""
    url = parse_url(base_url)
    host = host_from_inside(env) if is_loopback(url.host) else None
    if host is None:
        return None
    port = f":{url.port}" if url.port not in (80, 443) else ""
    outside = f"{url.scheme}://{host}{port}{url.target.rstrip('/')}"
    return f"you are inside a container; if the server runs around it: --base-url {outside}"


def _key_fix(provider: Provider, *, with_key: bool, new: bool) -> str:
    if new:
        what = "the key is wrong, expired, or another server's" if with_key else "it wants a key"
        return f"{what}: add it with --key-env NAME, or with --key-stdin"
    if with_key:
        return (
            "the key is wrong, expired, or another server's: check it, then"
            f" dragoman keys set {provider.name}"
        )
    names = [name for name in looked(provider.credentials) if name.startswith("$")]
    first = f"set {names[0][1:]}, or run " if names else ""
    return f"it wants a key: {first}dragoman keys set {provider.name}"
