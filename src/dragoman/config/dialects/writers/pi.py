"""pi's `models.json`.

Source: https://github.com/badlogic/pi-mono, packages/coding-agent/docs/models.md
(read 2026-11, release 0.73)
"""

from __future__ import annotations

import json
from typing import Any

from dragoman.config.dialects.polpo import THINKING
from dragoman.config.dialects.writers.polpo import model_entry
from dragoman.config.dialects.writers.source import Reference, Source
from dragoman.types.provider import Dialect, Provider

_SAYS = frozenset({"headers", "dialect"})
_FLAGS = {
    "requiresToolResultName": "tool_result_name",
    "requiresAssistantAfterToolResult": "assistant_after_tool_result",
    "requiresThinkingAsText": "reasoning_as_text",
    "supportsUsageInStreaming": "stream_usage",
}
_LOST = (
    "vendor_fields",
    "parallel_tool_calls",
    "json_schema",
    "reasoning_field",
    "think_tags",
    "content_as_string",
    "usage_excludes_reasoning",
    "rename",
)
_FORMATS = {ours: theirs for theirs, ours in THINKING.items()}
_KEYLESS = "none"
"""pi wants a key for every provider; a server without keys passes over what it is sent."""


def write(source: Source) -> str:
    """Write the file. pi takes a model only from a provider that lists it."""
    providers = {p.name: _provider(source, p) for p in source.providers if not p.built_in}
    for name in source.config.routes:
        source.lose(f"route or alias '{name}'", "pi's models.json has models only")
    if source.config.default_model:
        source.lose("default_model", "it is in pi's settings.json")
    return json.dumps({"providers": providers}, indent=2, ensure_ascii=False) + "\n"


def _provider(source: Source, provider: Provider) -> dict[str, Any]:
    source.lose_the_rest(provider, _SAYS)
    found: dict[str, Any] = {"baseUrl": source.base_url(provider), "api": provider.api}
    key = source.key(provider)
    found["apiKey"] = _value(key) if key else _KEYLESS
    headers = {name: _value(value) for name, value in source.headers(provider).items()}
    if headers:
        found["headers"] = headers
    if provider.api == "openai-completions":
        found["compat"] = _compat(source, provider)
    models = [model_entry(source, provider, info) for info in source.models(provider).values()]
    if models:
        found["models"] = models
    else:
        source.lose(f"provider '{provider.name}'", "it lists no models: pi offers none of it")
    return found


def _value(reference: Reference) -> str:
    return f"!{reference.value}" if reference.kind == "cmd" else reference.value


def _compat(source: Source, provider: Provider) -> dict[str, Any]:
    """Say how the server is to be spoken to: pi takes an unknown one for the vendor's own."""
    dialect = provider.dialect
    plain = Dialect()
    found: dict[str, Any] = {
        "supportsStore": dialect.vendor_fields and "store" not in dialect.drop,
        "supportsDeveloperRole": dialect.system_role == "developer",
        "maxTokensField": dialect.max_tokens_field,
        "supportsStrictMode": dialect.strict_tools,
    }
    if dialect.reasoning == "none":
        found["supportsReasoningEffort"] = False
    elif dialect.reasoning != "effort":
        found["thinkingFormat"] = _FORMATS[dialect.reasoning]
    for theirs, ours in _FLAGS.items():
        if getattr(dialect, ours) != getattr(plain, ours):
            found[theirs] = getattr(dialect, ours)
    for name in _LOST:
        if getattr(dialect, name) != getattr(plain, name):
            source.lose(f"dialect.{name} of '{provider.name}'", "has nothing like it there")
    if set(dialect.drop) - {"store"}:
        source.lose(f"dialect.drop of '{provider.name}'", "pi can leave out 'store' alone")
    return found
