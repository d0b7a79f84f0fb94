"""All that is to be known of a provider, with its secrets left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.cli.terminal.masking import masked_url, masked_values
from dragoman.config.presence import is_key_present
from dragoman.config.show import key_source
from dragoman.endpoint import default_auth, endpoint_url, is_azure
from dragoman.errors import DragomanError
from dragoman.types.provider import Dialect, Limits, Tls

if TYPE_CHECKING:
    from dragoman.types.model import ModelInfo, Price
    from dragoman.types.provider import Provider


def provider_facts(provider: Provider, env: Mapping[str, str]) -> dict[str, Any]:
    """Describe a provider, in the order in which people ask."""
    return {
        "name": provider.name,
        "base_url": masked_url(provider.base_url),
        "calls": called_url(provider, env),
        "api": provider.api,
        "adapter": provider.adapter,
        "auth": _auth(provider),
        "api_key_source": key_source(provider, env) or "(none)",
        "api_key_configured": is_key_present(provider, env),
        "default_model": provider.default_model,
        "origin": provider.origin,
        "place": provider.place,
        "overrides": f"built-in {provider.overrides}" if provider.overrides else None,
        "preset": provider.preset,
        "catalog": provider.catalog,
        "headers": masked_values(provider.headers),
        "query": masked_values(provider.query),
        "options": masked_values(provider.options),
        "body": dict(provider.body),
        "proxy": masked_proxy(provider),
        "tls": _changed(provider.tls, Tls()),
        "timeouts": msgspec.to_builtins(provider.timeouts) or {},
        "retries": provider.retries,
        "limits": _changed(provider.limits, Limits()),
        "dialect": _changed(provider.dialect, Dialect()),
        "models_only": provider.models_only or None,
        "models": [model_facts(info) for info in provider.models.values()],
        "free": provider.free or None,
        "docs": provider.docs,
        "problems": [problem.message for problem in provider.problems],
    }


def called_url(provider: Provider, env: Mapping[str, str], model: str | None = None) -> str | None:
    """Say which URL requests go to, with what it needs of the model; None if it cannot be said."""
    named = model or provider.default_model or "MODEL"
    query = {} if model is None else masked_values(provider.query)
    try:
        if provider.adapter is not None:
            from dragoman.adapters.explain import adapted_url

            return masked_url(adapted_url(provider, named, env))
        url = endpoint_url(provider.base_url, provider.api, named, query=query, env=env)
    except DragomanError:
        return None
    if model is None and is_azure(provider.base_url) and not provider.default_model:
        url = url.replace("/MODEL/", "/{model}/")
    return masked_url(url)


def model_facts(info: ModelInfo) -> dict[str, Any]:
    """Describe a model; what is not known is left out."""
    facts = {
        "id": info.id,
        "name": info.name,
        "context_window": info.context_window,
        "max_tokens": info.max_tokens,
        "input": sorted(info.input) if info.input is not None else None,
        "reasoning": info.reasoning,
        "tools": info.tools,
        "json_schema": info.json_schema,
        "price": price_facts(info.price) if info.price else None,
        "sources": dict(info.sources),
    }
    return {name: value for name, value in facts.items() if value not in (None, {})}


def price_facts(price: Price) -> dict[str, Any]:
    """Describe a price, in USD: per million tokens, a request, or an hour that so many share."""
    facts = {
        name: getattr(price, name)
        for name in (
            "input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "request"
        )
        if getattr(price, name) is not None
    }  # fmt: skip
    if price.tiers:
        facts["tiers"] = [_tier(tier) for tier in price.tiers]
    if price.per_hour is not None:
        facts |= {"per_hour": price.per_hour, "shared_by": price.shared_by}
    if price.free:
        facts["free"] = True
    return {**facts, "source": price.source}


def masked_proxy(provider: Provider) -> str | None:
    """Show a proxy's URL without its password."""
    if provider.proxy is None:
        return None
    if provider.proxy.kind != "literal":
        return str(provider.proxy)
    url: str = provider.proxy.value.reveal()
    scheme, mark, rest = url.partition("://")
    return masked_url(f"{scheme}{mark}{rest.rpartition('@')[2]}")


def _auth(provider: Provider) -> str:
    if provider.adapter is not None and provider.auth is None:
        return "as its adapter says"
    try:
        return default_auth(provider.base_url, provider.api, provider.auth)
    except DragomanError:
        return provider.auth or "unknown"


def _changed(value: Any, default: Any) -> dict[str, Any]:
    """The settings that are not the default's."""
    return {
        name: getattr(value, name)
        for name in value.__struct_fields__
        if getattr(value, name) != getattr(default, name)
    }


def _tier(tier: Any) -> dict[str, Any]:
    return {
        name: getattr(tier, name)
        for name in tier.__struct_fields__
        if getattr(tier, name) is not None
    }
