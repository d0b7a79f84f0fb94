"""How the gateway is served, and who may use it: what a configuration says of it."""

from __future__ import annotations

from msgspec import Struct

from dragoman.types.credential import CredentialSource


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where the gateway listens, and its limits. Times are seconds, sizes bytes.

    `allowed_hosts` and `allowed_origins` open the keyless gateway to other names and web pages.
    `in_flight` is each worker's.
    """

    host: str = "127.0.0.1"
    port: int = 4400
    workers: int = 1
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    body_limit: int = 32 * 1024 * 1024
    in_flight: int = 2000
    hold: float = 15.0
    client_write: float = 30.0
    drain: float = 600.0
    log: bool = True
    store_responses: bool = False
    store_responses_ttl: float = 86_400.0


class GatewayKey(Struct, frozen=True):
    """A key that opens the gateway, and whose it is.

    The key itself is where `source` says; None is an entry that is wrong: it opens nothing, and
    still keys are needed.
    """

    name: str
    source: CredentialSource | None
