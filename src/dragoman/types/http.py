"""HTTP as data: what is sent, to where, over which kind of connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from dragoman.types.credential import Secret
from dragoman.types.provider import EgressPolicy, Tls

Headers: TypeAlias = Mapping[str, str]
"""Response headers: lower-case names; a name that came twice has its values joined by a comma."""

DEFAULT_PORTS = {"http": 80, "https": 443}


HOPS = "x-dragoman-hops"
"""Says how many gateways a request has come through, so that none goes round in circles."""


class Url(Struct, frozen=True):
    """An absolute http(s) URL, taken apart. `target` is path and query, as it stands in a request.

    `demo:` URLs have no host: the demo transport serves them; nor have `python:` URLs, of requests
    that are performed by code in this process.
    """

    scheme: Literal["http", "https", "demo", "python"]
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.origin}{self.target}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a key is bound to."""
        if not self.host:
            return f"{self.scheme}:"
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port as in a Host header: IPv6 in brackets, the default port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@lru_cache(maxsize=1024)
def parse_url(url: str) -> Url:
    """Take an absolute URL apart.

    Raises: ValueError, with a sentence, for a scheme other than http, https, demo and python, a
    missing host, a bad port, user information, a fragment, or white space and control characters.
    """
    if any(c <= " " or c == "\x7f" for c in url):
        raise ValueError("a URL has no spaces or control characters")
    parts = urlsplit(url)
    scheme = parts.scheme
    if scheme == "demo" or scheme == "python":
        return Url(scheme, "", 0, parts.path)  # type: ignore[arg-type]
    if scheme not in ("http", "https"):
        raise ValueError(f"a URL starts with http:// or https://, not {url.split(':', 1)[0]!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL carries no user name or password")
    if parts.fragment:
        raise ValueError("a URL has no fragment")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    port = parts.port  # ValueError when out of range
    host = parts.hostname
    if not host.isascii():
        host = host.encode("idna").decode()
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return Url(
        "https" if scheme == "https" else "http", host, port or DEFAULT_PORTS[scheme], target
    )


class ConnectOptions(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Which kind of connection: two requests share one only when these are equal.

    `proxy` is a URL that may hold a password, or None for the environment's.
    """

    tls: Tls = Tls()
    proxy: Secret | None = None
    egress: EgressPolicy = "local"


class Halt(Protocol):
    """Tells whoever performs a request that nobody listens any more."""

    def then(self, end: Callable[[], None]) -> None:
        """Have `end` called, by another thread, when that is so; at once if it is so already."""
        ...


class Performer(Protocol):
    """Code in this process that answers a request itself. It may block: it gets its own thread.

    `whose` is the provider that errors name.
    """

    whose: str

    def perform(self, request: HttpRequest, halt: Halt) -> Iterator[HttpAnswer | bytes]:
        """Yield the head of the answer, then its body piece by piece. Raises: DragomanError."""
        ...


class HttpRequest(Struct, frozen=True, kw_only=True):
    """One request. Names of headers are lower-case; `host` and `content-length` are added by the
    transport, which also asks for no content encoding. Headers hold secrets: `repr` shows none.

    `performer`: who answers it instead of a server.
    """

    url: Url
    method: str = "POST"
    headers: Mapping[str, str]
    body: bytes = b""
    options: ConnectOptions = ConnectOptions()
    performer: Performer | None = None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url}, {len(self.body)} bytes)"


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """One answer, as far as it has been read. `body` is empty where only its head is of interest.

    Bodies may hold secrets (tokens): `repr` shows none.
    """

    status: int
    headers: Headers
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON; None when it is none, or nested beyond reason."""
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return None

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, {len(self.body)} bytes)"
