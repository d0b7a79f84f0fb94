"""Write our configuration as another tool's file.

What is written is what the user has set up: providers, models and prices of their own, routes and
aliases, and the built-in providers that these lead to. A secret is never written, only where it is;
what the other tool cannot say is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from msgspec import Struct

from dragoman.config.config import Config
from dragoman.config.dialects.writers import TOOLS
from dragoman.config.dialects.writers.source import Source
from dragoman.errors import ConfigError


class Exported(Struct, frozen=True):
    """Text for the other tool's file, its usual name, and what of ours is not in it."""

    text: str
    kind: str
    file_name: str
    lost: tuple[str, ...]


_WRITTEN = frozenset({"default_model", "image_model", "gateway", "$schema"})


def export_config(config: Config, tool: str, env: Mapping[str, str]) -> Exported:
    """Write a configuration as the file of `tool`. `env` tells which variables hold a key.

    Raises: ConfigError when nothing is known of the tool, or nothing is set up.
    """
    if tool not in TOOLS:
        raise ConfigError(
            f"nothing is known of files of '{tool}'", hint=f"Known are: {', '.join(TOOLS)}."
        )
    source = Source(config, env)
    if not source.providers:
        raise ConfigError(
            "there is nothing to export: no provider is set up",
            hint="Built-in providers that nothing refers to are not written out.",
        )
    module = import_module(f"dragoman.config.dialects.writers.{tool}")
    write: Callable[[Source], str] = module.write
    text = write(source)
    for name in config.settings.get("top", {}):
        if name not in _WRITTEN:
            source.lose(name, "Dragoman's own")
    if config.gateway_keys and "master_key" not in text:
        source.lose("gateway.keys", "the tool has no gateway, or its own keys")
    return Exported(text, tool, TOOLS[tool], tuple(dict.fromkeys(source.lost)))
