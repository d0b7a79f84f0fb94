"""What providers told of their models, kept: `$XDG_CACHE_HOME/dragoman/models.json`.

A list counts for the base URL that it came from, until it is asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from dragoman.config.files import cache_folder
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider

FILE = "models.json"
VERSION = 1


class Listed(Struct, frozen=True):
    """A provider's list: where it came from, when (Unix time), and what it says."""

    base_url: str
    at: float
    models: tuple[ModelInfo, ...]


class Cache(Struct, frozen=True, omit_defaults=False):
    """All lists, by provider."""

    version: int = VERSION
    providers: dict[str, Listed] = {}

    def of(self, provider: Provider) -> Listed | None:
        """Find the list of a provider, if it came from where the provider is now."""
        listed = self.providers.get(provider.name)
        return listed if listed is not None and listed.base_url == provider.base_url else None

    def discovered(
        self, providers: Mapping[str, Provider]
    ) -> Mapping[str, Mapping[str, ModelInfo]]:
        """Index what is known, as a registry takes it; only providers with a list are looked at."""
        return {
            name: {info.id: info for info in listed.models}
            for name, listed in self.providers.items()
            if (provider := providers.get(name)) is not None and self.of(provider) is listed
        }


def cache_file(env: Mapping[str, str]) -> Path:
    """Say where the cache is."""
    return cache_folder(env) / FILE


def read_cache(env: Mapping[str, str]) -> Cache:
    """Read the cache. One that is missing or broken is an empty one: it can be made again."""
    try:
        cache = msgspec.json.decode(cache_file(env).read_bytes(), type=Cache)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Cache()
    return cache if cache.version == VERSION else Cache()


def write_cache(env: Mapping[str, str], cache: Cache) -> None:
    """Write the cache, whole or not at all. Raises: OSError."""
    import tempfile

    path = cache_file(env)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(cache))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
