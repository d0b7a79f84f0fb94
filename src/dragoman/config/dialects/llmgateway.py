"""LLMGateway's custom providers and custom models, as its API for master keys lists them.

    {"customProviders": [{"name", "baseUrl", …}], "customModels": [{"modelName", …}]}

Models may also stand with their provider, under `models`. Prices are per token.

Source: https://docs.llmgateway.io/features/master-keys and …/custom-providers (read 2026-11)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.dialects.made import Settings
from dragoman.config.dialects.per_token import PerToken
from dragoman.config.dialects.translated import Translated, Translator, literal, literal_secret
from dragoman.config.kinds import Wrong
from dragoman.document.parse import LIST

if TYPE_CHECKING:
    from dragoman.document.locate import Key
    from dragoman.document.parse import Document

COSTS: Mapping[str, str] = {
    "inputPrice": "input",
    "outputPrice": "output",
    "cacheReadInputPrice": "cache_read",
    "cachedInputPrice": "cache_read",
    "cacheWriteInputPrice": "cache_write",
    "cacheWriteInputPrice1h": "cache_write_1h",
    "requestPrice": "request",
}
ENDPOINT = "/v1/chat/completions"

_PROVIDERS = ("customProviders", "customProvider", "providerKeys")
_MODELS = ("customModels", "models")
_SIGNS = frozenset({"name", "baseUrl"})
_KEYS = frozenset({"token", "maskedToken", "customModelsOnly", "complianceAttestation"})
_QUIET = frozenset(
    {
        "id", "provider", "organizationId", "createdAt", "updatedAt", "providerKeyId", "status",
        "maskedToken",
    }
)  # fmt: skip
_PROVIDER_READ = _QUIET | {"name", "baseUrl", "token", "customModelsOnly", *_MODELS}
_MODEL_READ = _QUIET | {
    "modelName", "displayName", "contextSize", "maxOutput", "vision", "audio", "tools",
    "reasoning", "jsonOutput", "streaming",
}  # fmt: skip
_ABILITIES = {"tools": "tools", "reasoning": "reasoning", "jsonOutput": "json_schema"}


class _LLMGateway(Translator):
    name = "llmgateway"

    def recognises(self, document: Document) -> bool:
        data = document.data
        if any(isinstance(data.get(name), list) for name in ("customProviders", "providerKeys")):
            return True
        entries = data.get(LIST, [data])
        return isinstance(entries, list) and any(
            isinstance(entry, Mapping) and entry.keys() >= _SIGNS and bool(_KEYS & entry.keys())
            for entry in entries
        )

    def translate(self, document: Document) -> Translated:
        return _Translation(document).run()


class _Translation:
    def __init__(self, source: Document) -> None:
        self.document = Translated(source)
        self.data = source.data
        self.prices = PerToken(self.document, COSTS, frozenset({"requestPrice"}))

    def run(self) -> Translated:
        self.document.data["providers"] = {}
        providers = [*self._providers()]
        catalog = [*self._models(self.data, ())]
        owned: dict[str, list[tuple[Mapping[str, Any], Key]]] = {}
        for model, at in catalog:
            owned.setdefault(str(model.get("providerKeyId")), []).append((model, at))
        for entry, path in providers:
            own = [owned.pop(str(entry.get(key)), []) for key in ("id", "name")]
            models = catalog if len(providers) == 1 else [*own[0], *own[1]]
            if entry is not self.data:
                models = [*models, *self._models(entry, path)]
            self._provider(entry, path, models)
        for model, at in itertools.chain(*owned.values()) if len(providers) != 1 else ():
            self.document.remark(at, f"the model '{model.get('modelName')}' has no provider")
        for key in self.data if self.data not in [entry for entry, _ in providers] else ():
            if key not in (*_PROVIDERS, *_MODELS, LIST):
                self.document.leave(str(key), "LLMGateway's own")
        return self.document

    def _providers(self) -> Iterator[tuple[Mapping[str, Any], Key]]:
        if LIST in self.data:
            for entry, path in self.document.entries(self.data[LIST], (LIST,)):
                yield entry, path[1:]
        elif self.data.keys() >= _SIGNS:
            yield self.data, ()
        for name in _PROVIDERS:
            value = self.data.get(name)
            if isinstance(value, Mapping):
                yield value, (name,)
            else:
                yield from self.document.entries(value, (name,))

    def _models(
        self, entry: Mapping[str, Any], path: Key
    ) -> Iterator[tuple[Mapping[str, Any], Key]]:
        for name in _MODELS:
            yield from self.document.entries(entry.get(name), (*path, name))

    def _provider(
        self,
        entry: Mapping[str, Any],
        path: Key,
        models: list[tuple[Mapping[str, Any], Key]],
    ) -> None:
        name, base = entry.get("name"), entry.get("baseUrl")
        kind = entry.get("provider", "custom")
        if kind != "custom":
            self.document.leave(f"the provider key for '{kind}'", "its key is not in the export")
            return
        if not isinstance(name, str) or entry.get("status") == "deleted":
            what = "is deleted" if entry.get("status") == "deleted" else "has no name"
            self.document.leave(f"the custom provider '{name}'", what)
            return
        settings = Settings()
        if isinstance(base, str):
            url = literal(base.rstrip("/"))
            url = url if url.endswith("/chat/completions") else f"{url}/v1"
            settings.set(("base_url",), url, (*path, "baseUrl"), as_is=True)
        elif base is not None:
            settings.set(("base_url",), base, (*path, "baseUrl"))
        self._token(settings, name, entry, path)
        if entry.get("customModelsOnly") is True:
            settings.set(("models_only",), True, (*path, "customModelsOnly"))
        if entry.get("status") == "inactive":
            settings.set(("enabled",), False, (*path, "status"))
        here: Key = ("providers", name)
        self.document.set(here, settings.values, path)
        for inner, origin in settings.origins.items():
            self.document.origins[(*here, *inner)] = origin
        read = [(self._model(model, at, name), at) for model, at in models]
        kept = [(model, at) for model, at in read if model is not None]
        if kept:
            settings.values["model_defaults"] = False
            settings.values["models"] = [model for model, _ in kept]
        for number, (_, at) in enumerate(kept):
            self.document.origins[(*here, "models", number)] = at
        for key in entry:
            if key not in _PROVIDER_READ and entry[key] is not None:
                self.document.leave(f"{key} of '{name}'", "LLMGateway's own")

    def _token(self, settings: Settings, name: str, entry: Mapping[str, Any], path: Key) -> None:
        from dragoman.config.secrets import key_variable

        token = entry.get("token")
        if not isinstance(token, str) or not token:
            self.document.leave(
                f"the token of '{name}'", f"it is not in the export: set {key_variable(name)}"
            )
            return
        try:
            # What we export has a reference there, to be filled in before it is sent.
            whole = token.startswith("${") and token.endswith("}")
            text = token if whole else literal_secret(token)
            settings.set(("api_key",), text, (*path, "token"), as_is=True)
        except Wrong as wrong:
            self.document.remark((*path, "token"), f"the token of '{name}' {wrong}")

    def _model(self, entry: Mapping[str, Any], path: Key, provider: str) -> dict[str, Any] | None:
        name = entry.get("modelName")
        if entry.get("status") in ("inactive", "deleted"):
            self.document.leave(f"the model '{name}' of '{provider}'", f"is {entry['status']}")
            return None
        found: dict[str, Any] = {"id": literal(name)}
        for theirs, ours in (
            ("displayName", "name"), ("contextSize", "context_window"), ("maxOutput", "max_tokens")
        ):  # fmt: skip
            if entry.get(theirs) is not None:
                found[ours] = literal(entry[theirs])
        for theirs, ours in _ABILITIES.items():
            if isinstance(entry.get(theirs), bool):
                found[ours] = entry[theirs]
        kinds = {"image": entry.get("vision"), "audio": entry.get("audio")}
        if any(isinstance(flag, bool) for flag in kinds.values()):
            # What is not stated is permitted there.
            found["input"] = ["text", *(kind for kind, flag in kinds.items() if flag is not False)]
        if entry.get("streaming") == "false":
            found["stream"] = False
        elif entry.get("streaming") == "only":
            self.document.leave(f"streaming of '{provider}/{name}'", "whole answers are asked too")
        cost = self.prices.cost(entry, path, str(name))
        if cost:
            found["cost"] = cost
        for key in entry:
            if key not in _MODEL_READ and not self.prices.reads(str(key)) and entry[key]:
                self.document.leave(f"{key} of '{provider}/{name}'")
        return found


LLMGATEWAY = _LLMGateway()
