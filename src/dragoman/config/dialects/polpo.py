"""Polpo's configuration: JSON with a `providers` map in camelCase.

Polpo's agents become aliases of their models, its orchestrator's model the default route. pi's
`compat` flags become our dialect.

Source: https://github.com/lumea-labs/polpo, docs/models (read 2026-02)
Source: https://github.com/badlogic/pi-mono, packages/ai/src/types.ts (read 2026-08)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.walk import Value

if TYPE_CHECKING:
    from dragoman.config.shapes import Reader
    from dragoman.document.locate import Key
    from dragoman.document.parse import Document

_OWN_TABLES = frozenset({"agents", "settings", "team", "teams", "org", "project"})
_OWN_KEYS = frozenset({"baseUrl", "apiKey", "authHeader", "modelOverrides", "compat"})
_QUIET = frozenset({"compat", "authHeader", "modelOverrides", "oauth", "authType"})

_OVERFLOW = "truncate"


def _flag(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: value} if isinstance(value, bool) else {}


THINKING = {
    "openai": "effort",
    "openrouter": "nested",
    "zai": "thinking",
    "qwen": "enable_thinking",
    "qwen-chat-template": "chat_template_kwargs",
}

COMPAT: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "supportsStore": lambda value: {"drop": ["store"]} if value is False else {},
    "supportsDeveloperRole": lambda value: {"system_role": "developer" if value else "system"},
    "supportsReasoningEffort": lambda value: {"reasoning": "none"} if value is False else {},
    "supportsUsageInStreaming": _flag("stream_usage"),
    "maxTokensField": lambda value: {"max_tokens_field": value},
    "requiresToolResultName": _flag("tool_result_name"),
    "requiresAssistantAfterToolResult": _flag("assistant_after_tool_result"),
    "requiresThinkingAsText": _flag("reasoning_as_text"),
    "thinkingFormat": lambda value: {"reasoning": THINKING[value]} if value in THINKING else {},
    "supportsStrictMode": _flag("strict_tools"),
}
"""pi's flags of the chat completions API, and what each is in our dialect."""


def dialect_of(compat: Mapping[str, Any]) -> dict[str, Any]:
    """Translate `compat` into settings of our dialect; flags that we do not know are left out."""
    found: dict[str, Any] = {}
    for flag, value in compat.items():
        if flag in COMPAT and isinstance(value, str | bool):
            found |= COMPAT[flag](value)
    return found


class Polpo:
    name = "polpo"

    def recognises(self, document: Document) -> bool:
        data = document.data
        if _OWN_TABLES & data.keys():
            return True
        providers = data.get("providers")
        return isinstance(providers, Mapping) and any(
            isinstance(item, Mapping) and _OWN_KEYS & item.keys() for item in providers.values()
        )

    def translate(self, document: Document) -> Document:
        return document

    def quiet(self, data: Mapping[str, Any]) -> frozenset[str]:
        ours = {"providers", "routes", "aliases", "default_model", "image_model", "on_overflow"}
        return frozenset(data) - ours | _QUIET

    def walk(self, reader: Reader) -> None:
        data = reader.document.data
        self._settings(reader, data.get("settings"))
        agents = data.get("agents")
        for number, agent in enumerate(agents if isinstance(agents, list) else ()):
            self._agent(reader, agent, ("agents", number))
        self._providers(reader, data.get("providers"))
        for route in reader.layer.routes.values():
            route.values.setdefault("on_overflow", Value(_OVERFLOW, route.place))

    def _settings(self, reader: Reader, settings: Any) -> None:
        if not isinstance(settings, Mapping):
            return
        from dragoman.config import fields
        from dragoman.config.shapes import DEFAULT_ROUTE

        top = fields.table(fields.TOP)
        orchestrator = settings.get("orchestratorModel")
        if orchestrator is not None:
            path: Key = ("settings", "orchestratorModel")
            reader.route(DEFAULT_ROUTE, orchestrator, path)
            if DEFAULT_ROUTE in reader.layer.routes:
                value = Value(DEFAULT_ROUTE, reader.place(path))
                reader.layer.top.setdefault("default_model", value)
        if settings.get("imageModel") is not None:
            reader.model(top["image_model"], settings["imageModel"], ("settings", "imageModel"))

    def _agent(self, reader: Reader, agent: Any, path: Key) -> None:
        if not isinstance(agent, Mapping):
            return
        name, model = agent.get("name"), agent.get("model")
        if isinstance(name, str) and name.strip() and model is not None:
            reader.route(name, model, (*path, "model"))

    def _providers(self, reader: Reader, providers: Any) -> None:
        if not isinstance(providers, Mapping):
            return
        from dragoman.config import fields

        dialect = fields.table(fields.PROVIDER)["dialect"]
        for key, item in providers.items():
            table = reader.layer.providers.get(str(key).lower())
            if table is None or not isinstance(item, Mapping):
                continue
            table.values.setdefault("on_overflow", Value(_OVERFLOW, table.place))
            compat = item.get("compat")
            if isinstance(compat, Mapping):
                path: Key = ("providers", key, "compat")
                read = reader.read(dialect, dialect_of(compat), path, "compat")
                if read:
                    table.values.setdefault("dialect", Value(read, reader.place(path)))

    def unmapped(self, document: Document) -> Iterator[str]:
        data = document.data
        for name in data:
            if name not in ("providers", "agents", "settings"):
                yield f"{name}: {self.name}'s own"
        for name in _keys(data.get("settings")):
            if name not in ("orchestratorModel", "imageModel"):
                yield f"settings.{name}: {self.name}'s own"
        agents = data.get("agents")
        for agent in agents if isinstance(agents, list) else ():
            label = agent.get("name") if isinstance(agent, Mapping) else None
            for name in _keys(agent):
                if name not in ("name", "model"):
                    yield f"{name} of agent '{label}': {self.name}'s own"
        providers = data.get("providers")
        for label, item in providers.items() if isinstance(providers, Mapping) else ():
            for name in _keys(item):
                if name in _QUIET - {"compat"}:
                    yield f"providers.{label}.{name}: has nothing like it here"
            compat = item.get("compat") if isinstance(item, Mapping) else None
            for name in _keys(compat):
                if name not in COMPAT:
                    yield f"providers.{label}.compat.{name}: has nothing like it here"


def _keys(value: Any) -> list[str]:
    return [str(key) for key in value] if isinstance(value, Mapping) else []


POLPO = Polpo()
