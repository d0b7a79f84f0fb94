"""simonw/llm's `extra-openai-models.yaml`.

Source: https://github.com/simonw/llm, docs/other-models.md (read 2026-11, release 0.32)
"""

from __future__ import annotations

from typing import Any

from dragoman.config.dialects.writers.source import Source, said, write_yaml
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider

_SAYS = frozenset({"headers", "stream"})
_MODEL_SAYS = frozenset({"input", "tools", "json_schema", "reasoning", "stream"})


def write(source: Source) -> str:
    """Write the file: one entry for each model that is known by name."""
    entries = []
    names = dict(_names(source))
    for provider in source.providers:
        if provider.api == "anthropic-messages":
            source.lose(f"provider '{provider.name}'", "llm needs a plugin for its language")
            continue
        source.lose_the_rest(provider, _SAYS)
        models = source.models(provider)
        if not models:
            source.lose(f"provider '{provider.name}'", "it lists no models")
        for info in models.values():
            entries.append(_entry(source, provider, info, names))
    for name, route in source.routes():
        if len(route.steps) > 1:
            source.lose(f"route '{name}'", "llm has no fallbacks")
    if source.config.default_model:
        source.lose("default_model", "say it to llm: llm models default MODEL")
    return write_yaml(entries)


def _names(source: Source) -> Any:
    """Pair what an alias leads to with the names that it has."""
    found: dict[str, list[str]] = {}
    for name, step in source.aliases():
        for _, (provider, model) in source.leads_to(step.ref):
            found.setdefault(f"{provider.name}/{model}", []).append(name)
    return found


def _entry(
    source: Source, provider: Provider, info: ModelInfo, names: dict[str, list[str]]
) -> dict[str, Any]:
    ref = f"{provider.name}/{info.id}"
    found: dict[str, Any] = {
        "model_id": ref,
        "model_name": info.id,
        "api_base": source.base_url(provider),
    }
    if aliases := names.get(ref):
        found["aliases"] = aliases
    key = source.key(provider)
    if key is not None:
        found["api_key_name"] = provider.name
        where = f"${key.value}" if key.kind == "env" else f"what `{key.value}` prints"
        command = f"llm keys set {provider.name}"
        source.lose(f"the key of '{provider.name}'", f"llm keeps keys: {command} ({where})")
    headers = {}
    for name, reference in source.headers(provider).items():
        if reference.kind == "text":
            headers[name] = reference.value
        else:
            source.lose(f"the header {name} of '{provider.name}'", "llm reads no variables")
    if headers:
        found["headers"] = headers
    if provider.api == "openai-responses":
        found["responses"] = True
    kinds = said(info, "input") or ()
    flags = {
        "supports_tools": said(info, "tools"),
        "supports_schema": said(info, "json_schema"),
        "vision": "image" in kinds,
        "audio": "audio" in kinds,
        "reasoning": said(info, "reasoning"),
    }
    found.update({name: True for name, flag in flags.items() if flag})
    if not provider.stream or info.stream is False:
        found["can_stream"] = False
    source.lose_model(provider, info, _MODEL_SAYS)
    return found
