"""Say what a ref leads to, for people: where each fact stands, and no secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import structs

from dragoman.discretion import TOLD
from dragoman.endpoint import default_auth, endpoint_url
from dragoman.errors import DragomanError
from dragoman.types.condition import Condition
from dragoman.types.model import ModelInfo, Price
from dragoman.types.provider import ORGANISATION, Dialect, Provider
from dragoman.types.route import Aids, Deployment, Route

if TYPE_CHECKING:
    from dragoman.resolution import Resolution

_HIDDEN = "…"
_PUBLIC = ("api-version",)
"""Query parameters that are no secrets and that people look for."""
_FOR_ALL = frozenset({"aids", "limits", "abilities", "price", "turn"})
"""What says nothing of where a provider is, in whose language, with which key."""


def explain_resolution(resolution: Resolution, *, whole: bool = True) -> tuple[str, ...]:
    """List the readings of a ref, then every deployment in the order of its turn.

    Not the `whole` of it: what the operator's configuration says of providers is left out, for
    whoever may use them and not look there.
    """
    lines = list(resolution.trail)
    lines += _policy(resolution.route)
    several = len(resolution.deployments) > 1
    for number, deployment in enumerate(resolution.deployments, 1):
        lines.append(f"{number}. {deployment.ref}" if several else deployment.ref)
        told = whole or deployment.provider.origin == ORGANISATION
        facts = _facts(deployment) if told else _public(deployment)
        lines += (f"   {label:<9} {text}" for label, text in facts)
    return tuple(lines)


def _policy(route: Route) -> Iterator[str]:
    """What the route says of itself, beside its steps."""
    settings = {
        "first_token": _seconds(route.first_token),
        "hedge_after": _seconds(route.hedge_after),
        "image_model": route.image_model,
        "on_overflow": route.on_overflow,
        "sticky": "yes" if route.sticky else None,
        "auto": route.auto,
    }
    said = [f"{name} {value}" for name, value in settings.items() if value]
    if said:
        yield f"{route.name}: {', '.join(said)}"


def _facts(deployment: Deployment) -> Iterator[tuple[str, str]]:
    provider = deployment.provider
    yield "provider", _origin(provider)
    yield "url", _url(deployment)
    yield "format", f"{provider.api}{f', adapter {provider.adapter}' if provider.adapter else ''}"
    yield "key", _key(deployment)
    known = f" (by its URL, as {provider.dialect_of})" if provider.dialect_of else ""
    yield "dialect", _dialect(provider.dialect) + known
    if deployment.aids is not None and (aids := ", ".join(_aids(deployment.aids))):
        yield "aids", aids
    yield "limits", "; ".join(_limits(deployment))
    yield "abilities", "; ".join(_abilities(deployment.info))
    yield "price", say_price(deployment.info.price)
    if turn := ", ".join(_turn(deployment)):
        yield "turn", turn
    for problem in provider.problems:
        yield "problem", f"{problem}{f' ({problem.hint})' if problem.hint else ''}"


def _public(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """What is known of an operator's provider to those who may use it."""
    provider = deployment.provider
    yield "provider", f"{provider.name} (the operator's)"
    yield from ((label, text) for label, text in _facts(deployment) if label in _FOR_ALL)
    if provider.problems:
        yield "problem", TOLD


def _origin(provider: Provider) -> str:
    where = f"{provider.origin}{f', {provider.place}' if provider.place else ''}"
    if provider.overrides:
        return f"{provider.name} ({where}; overrides the built-in {provider.overrides})"
    if provider.preset:
        return f"{provider.name} ({where}; preset {provider.preset})"
    return f"{provider.name} ({where})"


def _url(deployment: Deployment) -> str:
    """The endpoint, with the values of its query hidden: a key may be among them."""
    provider = deployment.provider
    query = dict.fromkeys(provider.query, "x")
    try:
        if provider.adapter is not None:
            from dragoman.adapters.explain import adapted_url

            return adapted_url(provider, deployment.model)
        url = endpoint_url(provider.base_url, provider.api, deployment.model, query=query)
    except DragomanError as error:
        return f"{_HIDDEN} ({error})"
    address, question, written = url.partition("?")

    def masked(pair: str) -> str:
        name, _, value = pair.partition("=")
        shown = value if name in _PUBLIC and name not in provider.query else _HIDDEN
        return f"{name}={shown}"

    return address + question + "&".join(map(masked, written.split("&"))) if written else address


def _key(deployment: Deployment) -> str:
    provider = deployment.provider
    sources = provider.credentials
    if deployment.credential is not None:
        sources = sources[deployment.credential : deployment.credential + 1]
    if provider.auth == "none" or not sources:
        return "none"
    names = dict.fromkeys(
        "stored" if source.kind == "stored" else str(source) for source in sources
    )
    if provider.adapter is not None:
        return ", else ".join(names)  # how it is sent is the adapter's business
    try:
        header = default_auth(provider.base_url, provider.api, provider.auth)
    except DragomanError:
        header = "bearer"
    return f"{', else '.join(names)} ({header})"


def _dialect(dialect: Dialect) -> str:
    said = _differences(dialect, Dialect())
    return ", ".join(f"{name} {value}" for name, value in said.items()) or "as the format is"


def _differences(value: Any, default: Any) -> dict[str, str]:
    fields = (field.name for field in structs.fields(value))
    changed = {name: getattr(value, name) for name in fields}
    return {
        name: _plain(found) for name, found in changed.items() if found != getattr(default, name)
    }


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{name}→{other}" for name, other in value.items())
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _aids(aids: Aids) -> Iterator[str]:
    """What stands in for abilities that are missing."""
    if aids.emulate_tools:
        yield "tools emulated"
    if aids.emulate_schema:
        yield "schema emulated"
    if aids.repair_arguments:
        yield "arguments repaired"
    if not aids.stream:
        yield "answers in one piece"
    if aids.refuse_tools:
        yield "tools refused"
    if aids.guard is not None:
        yield f"stopped when {aids.guard.characters:,} characters repeat"


def _limits(deployment: Deployment) -> Iterator[str]:
    info, limits = deployment.info, deployment.provider.limits
    yield f"context {_known(info, 'context_window')}"
    yield f"answer {_known(info, 'max_tokens')}"
    for name, unit in (("rpm", "requests/min"), ("tpm", "tokens/min"), ("concurrency", "at once")):
        if (value := getattr(limits, name)) is not None:
            yield f"{value:,} {unit}"


def _abilities(info: ModelInfo) -> Iterator[str]:
    kinds = "unknown" if info.input is None else " ".join(sorted(info.input))
    yield f"reads {kinds}{_source(info, 'input')}"
    for name in ("reasoning", "tools", "json_schema"):
        if (value := getattr(info, name)) is not None:
            yield f"{name} {_plain(value)}{_source(info, name)}"


def _known(info: ModelInfo, name: str) -> str:
    value = getattr(info, name)
    return "unknown" if value is None else f"{value:,}{_source(info, name)}"


def _source(info: ModelInfo, name: str) -> str:
    source = info.sources.get(name)
    return f" ({source})" if source else ""


def say_price(price: Price | None) -> str:
    """Say what a model costs, in tokens, requests or hours, and who told."""
    if price is None:
        return "unknown"
    if price.free:
        return f"free ({price.source})"
    if price.per_hour is not None:
        return f"{_usd(price.per_hour)} an hour, shared by {price.shared_by} ({price.source})"
    names = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")
    said = [f"{_usd(getattr(price, name))} {name}" for name in names if getattr(price, name)]
    tiers = "".join(
        f"; above {tier.above:,} tokens {_usd(tier.input)} input, {_usd(tier.output)} output"
        for tier in price.tiers
    )
    told = [f"{', '.join(said) or 'nothing'}, per million tokens{tiers}"] if said or tiers else []
    told += [f"{_usd(price.request)} a request"] if price.request else []
    return f"{', '.join(told) or 'nothing'} ({price.source})"


def _usd(amount: Decimal | None) -> str:
    """Write an amount in full, with two decimals at least."""
    if amount is None:
        return "the same"
    whole, _, cents = f"{amount:f}".partition(".")
    return f"${whole}.{cents.rstrip('0').ljust(2, '0')}"


def _turn(deployment: Deployment) -> Iterator[str]:
    """What decides when this one is asked."""
    provider = deployment.provider
    if deployment.when != "always":
        yield {"image": "for images only", "overflow": "for prompts too long for the others"}[
            deployment.when
        ]
    yield from map(_condition, deployment.conditions)
    if deployment.weight is not None:
        yield f"weight {deployment.weight:g}"
    if deployment.credential is not None:
        yield f"key {deployment.credential + 1} of {len(provider.credentials)}"
    yield f"first token within {_seconds(deployment.first_token or provider.timeouts.first_token)}"
    yield f"{deployment.retries} retries"


def _condition(condition: Condition) -> str:
    """Say when an entry of a route is meant."""
    said = structs.asdict(condition)
    held = {name: value for name, value in said.items() if value not in (None, {}, ())}
    if condition.hours is not None:
        held["hours"] = "-".join(f"{m // 60:02}:{m % 60:02}" for m in condition.hours)
    return "when " + " and ".join(f"{name} {_said(value)}" for name, value in held.items())


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:g} s"
