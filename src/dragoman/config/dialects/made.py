"""Providers that are made of another tool's entries, where each entry says everything anew.

Entries that are reached in the same way share one provider; names are given as they are needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.dialects.translated import Translated, literal, put
from dragoman.config.kinds import NAME
from dragoman.config.secrets import origin_of

if TYPE_CHECKING:
    from dragoman.document.locate import Key


_EVERYWHERE = frozenset({"base_url_env", "host_env", "probe"})


class Settings:
    """A provider's settings in the making, and where each of them stands in the file."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[Key, Key] = {}

    def set(self, path: Key, value: Any, origin: Key, *, as_is: bool = False) -> None:
        """Set one. Text is taken literally, unless it is `as_is` in our notation."""
        put(self.values, path, value if as_is else literal(value))
        self.origins[path] = origin

    def __contains__(self, name: str) -> bool:
        return name in self.values


class _Provider:
    def __init__(self, name: str, settings: Settings, origin: Key) -> None:
        self.name = name
        self.settings = settings
        self.origin = origin
        self.models: dict[str, tuple[Mapping[str, Any], Key]] = {}


class Made:
    """The providers of one file. `built_in` are the rows of the catalog."""

    def __init__(self, document: Translated, built_in: Mapping[str, Any]) -> None:
        self.document = document
        self.built_in = built_in
        self.providers: dict[str, _Provider] = {}
        self._alike: dict[str, list[_Provider]] = {}

    def place(
        self,
        stem: str,
        row: str | None,
        settings: Settings,
        model: str | None,
        info: Mapping[str, Any],
        origin: Key,
    ) -> str:
        """Find or make the provider of an entry; `stem` is what it may be called.

        `row` is the built-in provider that it is like; without a base URL it is that provider. One
        provider has one word on a model, and limits are shared with no other model.

        Returns: its name.
        """
        alike = json.dumps([row, settings.values], sort_keys=True, default=str)
        apart = "limits" in settings
        for provider in self._alike.get(alike, ()):
            known = provider.models.get(model or "")
            if known is None and apart and provider.models:
                continue
            if known is None or known[0] == info or not info or not known[0]:
                self._declare(provider, model, info, origin)
                return provider.name
        provider = _Provider(self._name(stem, row, settings), settings, origin)
        self.providers[provider.name] = provider
        self._alike.setdefault(alike, []).append(provider)
        self._declare(provider, model, info, origin)
        return provider.name

    def _declare(
        self, provider: _Provider, model: str | None, info: Mapping[str, Any], origin: Key
    ) -> None:
        if model is not None and not provider.models.get(model, ({}, ()))[0]:
            provider.models[model] = (info, origin)

    def _name(self, stem: str, row: str | None, settings: Settings) -> str:
        base_url = settings.values.get("base_url")
        stem = stem if NAME.fullmatch(stem) else "server"
        if base_url is not None and stem in self.built_in and not self._same_host(stem, base_url):
            stem = f"own-{stem}"  # the catalog's prices are not those of another host
        name, number = stem, 1
        while name in self.providers:
            number += 1
            name = f"{stem}-{number}"
        if row is not None and name != row:
            settings.values = {"preset": row, **settings.values}
        return name

    def _same_host(self, name: str, base_url: str) -> bool:
        row = self.built_in[name]
        theirs = row.get("base_url")
        if theirs is None or "${" in base_url + theirs or row.keys() & _EVERYWHERE:
            return True  # everybody has this one at a host of their own
        return origin_of(theirs) == origin_of(base_url)

    def write(self) -> None:
        """Put them into the document. A built-in one that nothing is said of needs no table."""
        self.document.data["providers"] = {}
        for name, provider in self.providers.items():
            custom = "base_url" in provider.settings
            models = [
                ({"id": literal(model), **info} if info else literal(model), origin)
                for model, (info, origin) in provider.models.items()
                if info or custom
            ]
            table = dict(provider.settings.values)
            if any(isinstance(model, dict) for model, _ in models):
                table["model_defaults"] = False
            if models:
                table["models"] = [model for model, _ in models]
            if not table:
                continue
            path: Key = ("providers", name)
            self.document.set(path, table, provider.origin)
            for inner, origin in provider.settings.origins.items():
                self.document.origins[(*path, *inner)] = origin
            for number, (_, origin) in enumerate(models):
                self.document.origins[(*path, "models", number)] = origin
