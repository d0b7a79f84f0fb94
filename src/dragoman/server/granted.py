"""The allowances that the configuration file makes: of its keys, of the gateway, of providers."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.config import Config
from dragoman.ledger.rulebook import WHOLE
from dragoman.types.allowance import EVERYBODY, Allowance, SubjectKind
from dragoman.types.provider import Provider
from dragoman.types.server import Grant

PROVIDERS = "provider:"
"""What the ids of providers' own limits begin with."""


def grants_of(config: Config) -> Iterator[Allowance]:
    """List what a configuration allows its keys, and everybody together."""
    yield from _allowances("gateway", "organisation", WHOLE, config.gateway_grant)
    for key in config.gateway_keys:
        yield from _allowances(f"key:{key.name}", "key", f"file:{key.name}", key.grant)


def limits_of(provider: Provider) -> Iterator[Allowance]:
    """List what a provider may be asked, by all workers together.

    Two organisations may each have one of the same name: its address is part of the id.
    """
    limits = provider.limits
    grant = Grant(rpm=limits.rpm, tpm=limits.tpm, concurrency=limits.concurrency)
    origin = f"{PROVIDERS}{provider.name}@{provider.base_url}"
    yield from _allowances(origin, "provider", provider.name, grant)


def _allowances(origin: str, kind: SubjectKind, subject: str, grant: Grant) -> Iterator[Allowance]:
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

    if grant.rpm is not None:
        yield make("rpm", measure="requests", amount=grant.rpm)
    if grant.tpm is not None:
        yield make("tpm", measure="tokens", amount=grant.tpm)
    if grant.concurrency is not None:
        yield make("concurrency", measure="concurrency", period="now", amount=grant.concurrency)
    if grant.budget is not None:
        yield make(
            "budget",
            measure="spend",
            period=grant.budget_period,
            amount=grant.budget,
            unknown="assume" if grant.assumed_cost else grant.unknown_cost,
            assumed_nanousd=grant.assumed_cost or None,
        )
