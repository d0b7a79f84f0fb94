"""gptme's `config.toml`.

Source: https://gptme.org/docs/custom-providers.html; gptme/config/models.py, ProviderConfig
(read 2026-11, release 0.35)
"""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.config.dialects.writers.source import Source
from dragoman.config.importing import toml_value
from dragoman.config.secrets import key_variable

_OWN = frozenset(
    {
        "openai", "anthropic", "azure", "openrouter", "requesty", "gptme", "gemini", "groq", "xai",
        "deepseek", "moonshot", "nvidia", "local", "mock",
    }
)  # fmt: skip
"""Providers that gptme brings along: a table of that name is passed over."""


def write(source: Source) -> str:
    """Write the file. Keys that gptme does not know would cost the whole provider there."""
    return "\n".join(_lines(source)) + "\n"


def _lines(source: Source) -> Iterator[str]:
    yield "# Goes into ~/.config/gptme/config.toml"
    model = _default(source)
    if model:
        yield f"\n[env]\nMODEL = {toml_value(model)}"
    for provider in source.providers:
        name = provider.name
        if provider.built_in and name in _OWN:
            continue
        if provider.api != "openai-completions":
            source.lose(f"provider '{name}'", f"gptme does not speak {provider.api} to it")
            continue
        if name in _OWN:
            source.lose(f"provider '{name}'", "gptme has its own of this name, and takes that one")
        yield f"\n[[providers]]\nname = {toml_value(name)}"
        yield f"base_url = {toml_value(source.base_url(provider))}"
        variable = source.variable(source.key(provider), provider)
        if variable and variable != key_variable(name):
            yield f"api_key_env = {toml_value(variable)}"
        if provider.default_model:
            yield f"default_model = {toml_value(provider.default_model)}"
        source.lose_the_rest(provider)
        for info in provider.models.values():
            source.lose_model(provider, info, frozenset())
    for name, _ in source.aliases():
        source.lose(f"alias '{name}'", "gptme has no other names for models")
    for name, _ in source.routes():
        source.lose(f"route '{name}'", "gptme has no fallbacks")


def _default(source: Source) -> str | None:
    """Name the default model as gptme does: `provider/model`."""
    ref = source.config.default_model
    first = next(source.leads_to(ref), None) if ref else None
    if first is None:
        return None
    provider, model = first[1]
    return f"{provider.name}/{model}"
