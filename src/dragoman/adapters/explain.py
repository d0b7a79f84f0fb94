"""Say which URL an adapter would ask, for people: with no key, and nothing sent."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dragoman.adapters.ask import Ask
from dragoman.adapters.find import find_adapter
from dragoman.adapters.guard import call
from dragoman.errors import AdapterError
from dragoman.types.provider import Provider


def adapted_url(provider: Provider, model: str, env: Mapping[str, str] | None = None) -> str:
    """Have an adapter say its URL, without its query, which may hold a key. `env`: the process's.

    Raises: ConfigError, AdapterError.
    """
    assert provider.adapter is not None
    adapter = call(provider.name, find_adapter(provider.adapter, provider.name, provider.place))
    given = os.environ if env is None else env
    ask = Ask(provider, model, env=given, options=_options(provider, given))
    said = call(provider.name, adapter.get_complete_url, ask)
    if not isinstance(said, str):
        raise AdapterError(f"the adapter of {provider.name} says no URL")
    return said.partition("?")[0]


def _options(provider: Provider, env: Mapping[str, str]) -> Mapping[str, str]:
    """The options that are there without reading a file or running a command."""
    found = {}
    for name, source in provider.options.items():
        if source.kind == "literal":
            found[name] = source.value.reveal()
        elif source.kind == "env" and source.value in env:
            found[name] = env[source.value]
    return found
