"""LiteLLM's `config.yaml`.

Every model is a deployment that is called `provider/model`, as it is here; a provider that lists
none is a wildcard. Routes are groups: deployments that share the traffic have one name, and what
follows them are fallbacks.

Source: https://docs.litellm.ai/docs/proxy/configs, …/reliability (read 2026-11, release 1.106)
"""

from __future__ import annotations

from typing import Any

from dragoman.config.dialects.litellm_entry import COSTS
from dragoman.config.dialects.litellm_names import LISTED
from dragoman.config.dialects.per_token import per_token
from dragoman.config.dialects.writers.source import (
    Reference,
    Source,
    number,
    price_of,
    said,
    write_yaml,
)
from dragoman.endpoint import DEFAULT_AZURE_VERSION
from dragoman.types.model import ModelInfo, Price
from dragoman.types.provider import Limits, Provider, Timeouts
from dragoman.types.route import Route

_SAYS = frozenset({"headers", "body", "timeouts", "retries", "limits", "query"})
_MODEL_SAYS = frozenset(
    {
        "context_window", "max_tokens", "tools", "json_schema", "reasoning", "input", "cost",
        "free",
    }
)  # fmt: skip
_PREFIXES = {"anthropic-messages": "anthropic", "openai-responses": "openai"}
_PRICES = {ours: theirs for theirs, ours in COSTS.items()}
_ABILITIES = {
    "tools": "supports_function_calling",
    "json_schema": "supports_response_schema",
    "reasoning": "supports_reasoning",
}


def write(source: Source) -> str:
    """Write the file."""
    return write_yaml(_Writer(source).data())


class _Writer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.params = {p.name: self._provider(p) for p in source.providers}
        self.entries: list[dict[str, Any]] = []
        self.fallbacks: list[dict[str, list[str]]] = []
        self.larger: list[dict[str, list[str]]] = []

    def data(self) -> dict[str, Any]:
        for provider in self.source.providers:
            models = self.source.models(provider)
            for info in models.values():
                self._add(f"{provider.name}/{info.id}", provider, info)
            if not models:
                self._add(f"{provider.name}/*", provider, ModelInfo(id="*"))
        for name, route in self.source.routes():
            self._route(name, route)
        aliases = {name: self._group(step.ref) for name, step in self.source.aliases()}
        router = {
            "model_group_alias": {name: ref for name, ref in aliases.items() if ref},
            "fallbacks": self.fallbacks,
            "context_window_fallbacks": self.larger,
        }
        data: dict[str, Any] = {"model_list": self.entries}
        if any(router.values()):
            data["router_settings"] = {name: value for name, value in router.items() if value}
        self._gateway(data)
        if self.source.config.default_model:
            self.source.lose("default_model", "a request names its model there")
        if self.source.config.image_model:
            self.source.lose("image_model", "has nothing like it there")
        return data

    # ------------------------------------------------------------------------------ providers

    def _provider(self, provider: Provider) -> dict[str, Any]:
        """Write what all deployments of a provider have in common."""
        found: dict[str, Any] = {}
        self.source.lose_the_rest(provider, _SAYS)
        if not provider.built_in or provider.name not in LISTED:
            found["api_base"] = self._base(provider, found)
        key = self.source.variable(self.source.key(provider), provider)
        if key:
            found["api_key"] = f"os.environ/{key}"
        elif "api_base" in found and provider.api != "anthropic-messages":
            found["api_key"] = "none"  # else the vendor's own key would be sent there
        headers = {
            name: _value(reference) for name, reference in self.source.headers(provider).items()
        }
        if headers:
            found["extra_headers"] = headers
        if provider.body:
            found["extra_body"] = dict(provider.body)
        if provider.retries != 2:
            found["max_retries"] = provider.retries
        self._times(provider, found)
        limits = provider.limits
        for name, value in (
            ("rpm", limits.rpm), ("tpm", limits.tpm), ("max_parallel_requests", limits.concurrency)
        ):  # fmt: skip
            if value is not None:
                found[name] = value
        if limits != Limits() and len(self.source.models(provider)) > 1:
            self.source.lose(
                f"limits of '{provider.name}'", "they are each model's there, not the provider's"
            )
        return found

    def _base(self, provider: Provider, found: dict[str, Any]) -> str:
        url = self.source.base_url(provider)
        query = self.source.query(provider)
        if "/openai/deployments" in url:
            version = query.pop("api-version", Reference("text", DEFAULT_AZURE_VERSION))
            found["api_version"] = _value(version)
            url = url.partition("/openai/deployments")[0]
        if query:
            self.source.lose(f"query of '{provider.name}'", "has nothing like it there")
        return url

    def _times(self, provider: Provider, found: dict[str, Any]) -> None:
        times, usual = provider.timeouts, Timeouts()
        if times.total != usual.total:
            found["timeout"] = number(times.total)
        if times.first_token != usual.first_token:
            found["stream_timeout"] = number(times.first_token)
        for name in ("connect", "idle", "warm_up"):
            if getattr(times, name) != getattr(usual, name):
                self.source.lose(f"timeouts.{name} of '{provider.name}'", "is not known there")

    def _add(self, group: str, provider: Provider, info: ModelInfo, **more: Any) -> None:
        params = {"model": f"{_prefix(provider)}/{info.id}", **self.params[provider.name], **more}
        entry: dict[str, Any] = {"model_name": group, "litellm_params": params}
        about = self._info(provider, info)
        if about:
            entry["model_info"] = about
        self.entries.append(entry)

    def _info(self, provider: Provider, info: ModelInfo) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for ours, theirs in (
            ("context_window", "max_input_tokens"), ("max_tokens", "max_output_tokens")
        ):  # fmt: skip
            if said(info, ours) is not None:
                found[theirs] = said(info, ours)
        for ours, theirs in _ABILITIES.items():
            if said(info, ours) is not None:
                found[theirs] = said(info, ours)
        if (kinds := said(info, "input")) is not None:
            found["supports_vision"] = "image" in kinds
            found["supports_audio_input"] = "audio" in kinds
        self.source.lose_model(provider, info, _MODEL_SAYS)
        price = price_of(info)
        return {**found, **(_prices(price) if price else {})}

    # --------------------------------------------------------------------------------- routes

    def _route(self, name: str, route: Route) -> None:
        """Write a route: those that share the traffic as a group, the rest as its fallbacks."""
        if route.hedge_after or route.image_model or route.sticky or route.first_token:
            self.source.lose(f"settings of route '{name}'", "times, images and stickiness are ours")
        always = [step for step in route.steps if step.when == "always"]
        shared = [step for step in always if step.weight is not None] if always else []
        if not always or always[0].weight is None:
            shared = always[:1]
        for step in shared:
            for _, (provider, model) in self.source.leads_to(step.ref):
                if provider.name not in self.params:
                    continue
                more: dict[str, Any] = (
                    {} if step.weight is None else {"weight": number(step.weight)}
                )
                if step.retries is not None:
                    more["max_retries"] = step.retries
                info = provider.models.get(model) or ModelInfo(id=model)
                self._add(name, provider, info, **more, **route.body)
        after = [self._group(step.ref) for step in always if step not in shared]
        if any(after):
            self.fallbacks.append({name: [ref for ref in after if ref]})
        over = [self._group(step.ref) for step in route.steps if step.when == "overflow"]
        if any(over):
            self.larger.append({name: [ref for ref in over if ref]})
        if any(step.when == "image" for step in route.steps):
            self.source.lose(f"the image model of '{name}'", "has nothing like it there")

    def _group(self, ref: str) -> str | None:
        """Name the group that a ref is there."""
        if ref in self.source.config.routes:
            return ref
        place = self.source.split(ref)
        if place is None or place[0].name not in self.params:
            return None
        return f"{place[0].name}/{place[1]}"

    def _gateway(self, data: dict[str, Any]) -> None:
        keys = self.source.config.gateway_keys
        for key in keys:
            source = key.source
            if key is keys[0] and source is not None and source.kind == "env":
                data["general_settings"] = {"master_key": f"os.environ/{source.value}"}
            else:
                self.source.lose(f"the gateway's key '{key.name}'", "there is one master key there")


def _prefix(provider: Provider) -> str:
    if "/openai/deployments" in provider.base_url:
        return "azure"
    if provider.built_in and provider.name in LISTED:
        return LISTED[provider.name]
    return _PREFIXES.get(provider.api, "openai")


def _prices(price: Price) -> dict[str, float]:
    found: dict[str, float] = {}
    for ours, theirs in _PRICES.items():
        amount = getattr(price, ours)
        if amount is not None:
            found[theirs] = number(amount if ours == "request" else per_token(amount))
    for tier in price.tiers:
        for ours in ("input", "output", "cache_read", "cache_write"):
            amount = getattr(tier, ours)
            if amount is not None and tier.above % 1000 == 0:
                name = f"{_PRICES[ours]}_above_{tier.above // 1000}k_tokens"
                found[name] = number(per_token(amount))
    return found


def _value(reference: Reference) -> str:
    return f"os.environ/{reference.value}" if reference.kind == "env" else reference.value
