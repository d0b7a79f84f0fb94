"""Who may ask: the one reader of credentials, and the one decision.

Three modes. With `[[gateway.keys]]`, or as soon as the database has an operator or an organisation,
every request needs a key. Without, at an address that only this machine reaches, everybody on it
may ask; a web page in its browser may not, whatever name it made the machine's address answer to.
Without, at any other address, nobody may.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Mapping, Set
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.config import Secrets
from dragoman.config.server import read_gateway_keys
from dragoman.errors import ConfigError, Forbidden, Unauthorized
from dragoman.server.admission.addresses import Proxies, is_among
from dragoman.server.http.messages import Request
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.gateway_key import ANYTHING, KeyRules
from dragoman.types.inbound import read_keys, was_forwarded
from dragoman.types.server import GatewayKey, ServerSettings

if TYPE_CHECKING:
    from dragoman.server.admission.directory import Directory

Mode: TypeAlias = Literal["single-user", "keys", "closed"]

OURS = "dk_"
"""How the keys begin that organisations hand out: see `organisations/keys.py`."""

_OTHER_SITES = ("cross-site", "same-site")


class Principal(Struct, frozen=True):
    """Who asks: the gateway key's name, or None where no key is needed.

    `key_id` is None for keys of the configuration file. `project_id` and `account_id` are the
    key's, where it has them; `rules` are what it may be used for.
    """

    key: str | None = None
    organisation_id: str = DEFAULT_ORGANISATION
    project_id: str | None = None
    account_id: str | None = None
    key_id: str | None = None
    rules: KeyRules = ANYTHING

    @property
    def owner(self) -> str:
        """To whom belongs what is kept for this key alone; empty where no key is needed."""
        return self.key_id or self.key or ""


class Uncertain(Unauthorized):
    """The key is not known here, and may be known to the database."""


_ANYBODY = Principal()


class Door:
    """Lets requests in, or says why not. `listening` is the address that is listened at.

    Raises: ConfigError when a gateway key cannot be had: a door without its keys stays shut.
    """

    def __init__(
        self,
        settings: ServerSettings,
        keys: tuple[GatewayKey, ...],
        secrets: Secrets,
        listening: str,
        directory: Directory | None = None,
    ) -> None:
        self._salt = os.urandom(32)
        self._keys = dict(self._read(keys, secrets))
        self._has_keys = bool(keys)
        self._is_local = is_loopback(listening)
        self._directory = directory
        self._proxies = Proxies(settings.trusted_proxies)
        public = urlsplit(settings.public_url or "")
        named = (listening, *settings.allowed_hosts, public.hostname or listening)
        self._hosts = {host.lower() for host in named}
        elsewhere = settings.public_url or settings.trusted_proxies or settings.allowed_hosts
        self._is_private = self._is_local and not elsewhere
        own = {f"{public.scheme}://{public.netloc}".lower()} if public.netloc else set()
        self._own_origins: Set[str] = own
        self._origins = own | {one.lower().rstrip("/") for one in settings.allowed_origins}

    @property
    def mode(self) -> Mode:
        """Who may ask at present: those with a key, everybody on this machine, or nobody."""
        census = self._directory.census if self._directory is not None else None
        if self._has_keys or (census is not None and census.guarded):
            return "keys"
        if self._is_local:
            return "single-user"
        return "keys" if census is not None and census.open_keys else "closed"

    def admit(self, request: Request) -> Principal:
        """Decide. Raises: Unauthorized, Forbidden; Uncertain where the directory may find out."""
        mode = self.mode
        if mode == "keys":
            principal = self._by_key(request.headers)
        else:
            principal = self._without_key(request, mode)
        if principal.rules.addresses:
            self._check_address(principal, request)
        return principal

    def _without_key(self, request: Request, mode: Mode) -> Principal:
        """Let somebody in who needs no key; one that we gave out counts all the same.

        One that looks like ours and is not is refused, or its limits would not hold, and nobody
        notice. While nobody has seen the database, who sits at this machine is let in, and nobody
        else.
        """
        directory = self._directory
        if directory is not None:
            if directory.census is None and not (self._is_private and directory.was_open):
                raise Uncertain("who may ask is not known yet")
            for key in read_keys(request.headers):
                if (known := directory.find(key)) is not None:
                    return known
                if key.startswith(OURS):
                    raise Uncertain(
                        "the gateway key is not valid",
                        hint="send one that this gateway gave out, or none: it asks for none here",
                    )
        if mode == "closed":
            raise Unauthorized(
                "this gateway is not set up: it listens beyond this machine and has no key",
                hint="open the set-up link that it printed at its start, or add [[gateway.keys]]",
            )
        if directory is not None and directory.census is None and was_forwarded(request.headers):
            raise Uncertain("who may ask is not known yet")
        self.check_host(request.headers)
        self.check_origin(request.headers)
        return _ANYBODY

    def allows_origin(self, origin: str) -> bool:
        """Whether web pages from there may ask, and be told so."""
        return origin.lower() in self._origins

    # --------------------------------------------------------------------------------- keys

    def _read(self, keys: tuple[GatewayKey, ...], secrets: Secrets) -> dict[bytes, Principal]:
        found: dict[bytes, Principal] = {}
        for name, text in read_gateway_keys(keys, secrets):
            if isinstance(text, ConfigError):
                raise text
            found[self._digest(text)] = Principal(name)
        return found

    def _digest(self, text: str) -> bytes:
        """What is looked up instead of a key: how long that takes tells nothing of the keys."""
        return hashlib.blake2b(text.encode("utf-8", "replace"), key=self._salt).digest()

    def _by_key(self, headers: Mapping[str, str]) -> Principal:
        given = read_keys(headers)
        if not given:
            raise Unauthorized(
                "no gateway key was sent",
                hint="send one as `Authorization: Bearer KEY`, `x-api-key` or `api-key`",
            )
        if len(given) > 1:
            raise Unauthorized(
                "two different keys were sent", hint="send the gateway key, and no other"
            )
        key = given.pop()
        principal = self._keys.get(self._digest(key)) if self._keys else None
        if principal is None and self._directory is not None:
            principal = self._directory.find(key)
        if principal is None:
            kind = Unauthorized if self._directory is None else Uncertain
            raise kind(
                "the gateway key is not valid",
                hint="the gateway takes its own keys, not those of providers",
            )
        return principal

    def address_of(self, request: Request) -> str:
        """Say where a request comes from: see `Proxies.address_of`."""
        return self._proxies.address_of(request)

    def _check_address(self, principal: Principal, request: Request) -> None:
        """Raises: Forbidden for an address that the key may not be used from."""
        if not is_among(self.address_of(request), principal.rules.addresses):
            raise Forbidden(
                "this key may not be used from this address",
                hint="whoever gave it out says from which it may",
            )

    # -------------------------------------------------------------------------------- pages

    # A browser on this machine runs anybody's pages.

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Keep out who calls this machine by a name that it was not given. Raises: Forbidden."""
        host = _host(headers.get("host", ""))
        if not (is_loopback(host) or host in self._hosts):
            raise Forbidden(
                f"this gateway is not called '{host[:100]}'",
                hint="ask it as localhost, or add the name to `allowed_hosts` under [server]",
            )

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Keep out the pages of other sites that may not ask. Raises: Forbidden."""
        self._check_page(
            headers, self._origins, "add it to `allowed_origins` under [server] to let them"
        )

    def check_own_origin(self, headers: Mapping[str, str]) -> None:
        """Keep out the pages of all other sites: what is set up, none of them changes.

        Raises: Forbidden.
        """
        self._check_page(
            headers, self._own_origins, "change it in the console; its address is `public_url`"
        )

    @staticmethod
    def _check_page(headers: Mapping[str, str], allowed: Set[str], hint: str) -> None:
        origin = headers.get("origin")
        if origin is not None:
            same = origin.partition("://")[2].lower() == headers.get("host", "").lower()
            if not (same or origin.lower() in allowed):
                raise Forbidden(f"web pages of {origin[:100]} may not ask this gateway", hint=hint)
        elif headers.get("sec-fetch-site", "").lower() in _OTHER_SITES:
            raise Forbidden("web pages of other sites may not ask this gateway")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host, as bound to or as named by a client, is this machine and nothing else."""
    name = host.lower().strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host(header: str) -> str:
    """Take the port off a Host header."""
    if header.startswith("["):
        return header.partition("]")[0][1:].lower()
    return header.partition(":")[0].lower()
