"""The allowances that the configuration file makes: of its keys, of the gateway, of providers."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.config import Config
from dragoman.ledger.rulebook import WHOLE
from dragoman.types.allowance import EVERYBODY, Allowance, SubjectKind
from dragoman.types.gateway_key import FILE
from dragoman.types.provider import Provider
from dragoman.types.server import Ceilings

_PROVIDERS = "provider:"
"""What the ids of providers' own limits begin with."""


def ceilings_of(config: Config) -> Iterator[Allowance]:
    """List what a configuration allows its keys, and everybody together."""
    yield from _allowances("gateway", "organisation", WHOLE, config.gateway_ceilings)
    for key in config.gateway_keys:
        yield from _allowances(f"key:{key.name}", "key", f"{FILE}{key.name}", key.ceilings)


def limits_of(provider: Provider) -> Iterator[Allowance]:
    """List what a provider may be asked, by all workers together.

    Two organisations may each have one of the same name: its address is part of the id.
    """
    limits = provider.limits
    ceilings = Ceilings(rpm=limits.rpm, tpm=limits.tpm, concurrency=limits.concurrency)
    origin = f"{_PROVIDERS}{provider.name}@{provider.base_url}"
    yield from _allowances(origin, "provider", provider.name, ceilings)


def spares_provider(allowance: Allowance) -> bool:
    """Whether it is a provider's own limit: a client is made to wait for it, not refused."""
    return allowance.id.startswith(_PROVIDERS)


def _allowances(
    origin: str, kind: SubjectKind, subject: str, ceilings: Ceilings
) -> Iterator[Allowance]:
    def make(name: str, **more: object) -> Allowance:
        given: dict[str, object] = {
            "id": f"{origin}:{name}",
            "name": f"{origin}:{name}",
            "organisation_id": EVERYBODY,
            "kind": kind,
            "subject": subject,
            "period": "minute",
            "operator": True,
        }
        return Allowance(**{**given, **more})  # type: ignore[arg-type]

    if ceilings.rpm is not None:
        yield make("rpm", measure="requests", amount=ceilings.rpm)
    if ceilings.tpm is not None:
        yield make("tpm", measure="tokens", amount=ceilings.tpm)
    if ceilings.concurrency is not None:
        yield make("concurrency", measure="concurrency", period="now", amount=ceilings.concurrency)
    if ceilings.budget is not None:
        yield make(
            "budget",
            measure="spend",
            period=ceilings.budget_period,
            amount=ceilings.budget,
            unknown="assume" if ceilings.assumed_cost else ceilings.unknown_cost,
            assumed_nanousd=ceilings.assumed_cost or None,
        )
