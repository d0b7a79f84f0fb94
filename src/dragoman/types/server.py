"""How the gateway is served, and who may use it: what a configuration says of it."""

from __future__ import annotations

from msgspec import Struct

from dragoman.types.allowance import Period, Unknown
from dragoman.types.content import LedgerSettings
from dragoman.types.credential import CredentialSource


class CacheSettings(Struct, frozen=True, kw_only=True):
    """Whether answers are kept, for how long (seconds), and how much of them (bytes).

    `size` is each worker's where answers are kept in memory.
    """

    enabled: bool = False
    ttl: float = 3600.0
    size: int = 64 * 1024 * 1024
    entry_size: int = 1024 * 1024


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where the gateway listens, and its limits. Times are seconds, sizes bytes.

    `public_url` is where people reach it, as it was written.
    `allowed_hosts` and `allowed_origins` open the keyless gateway to other names and web pages.
    `in_flight` is each worker's. `egress_allow` are addresses inside that organisations may reach,
    `trusted_proxies` those whose `X-Forwarded-For` is believed.
    """

    host: str = "127.0.0.1"
    port: int = 4400
    workers: int = 1
    public_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    egress_allow: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    body_limit: int = 32 * 1024 * 1024
    in_flight: int = 2000
    hold: float = 15.0
    client_write: float = 30.0
    drain: float = 600.0
    log: bool = True
    store_responses: bool = False
    store_responses_ttl: float = 86_400.0
    cache: CacheSettings = CacheSettings()
    ledger: LedgerSettings = LedgerSettings()


class Ceilings(Struct, frozen=True, kw_only=True):
    """How much may be asked. None is no limit; money is nano-dollars.

    `unknown_cost` and `assumed_cost` say what becomes of the budget where a cost is not known.
    """

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    budget: int | None = None
    budget_period: Period = "month"
    unknown_cost: Unknown = "allow"
    assumed_cost: int = 0


class GatewayKey(Struct, frozen=True):
    """A key that opens the gateway, and whose it is.

    The key itself is where `source` says; None is an entry that is wrong: it opens nothing, and
    still keys are needed.
    """

    name: str
    source: CredentialSource | None
    ceilings: Ceilings = Ceilings()
