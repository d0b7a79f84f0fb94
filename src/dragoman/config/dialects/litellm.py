"""LiteLLM's `config.yaml`: deployments in groups, and a router between them.

A group becomes a route of its deployments, or an alias where it has one; `fallbacks` follow them.
What is `os.environ/NAME` there is a reference to the same variable here.

Source: https://docs.litellm.ai/docs/proxy/configs, …/routing, …/proxy/reliability;
BerriAI/litellm, litellm/router.py and router_utils/ (read 2026-11, release 1.106)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.dialects.litellm_entry import Entry, EntryReader, gateway_secret
from dragoman.config.dialects.made import Made
from dragoman.config.dialects.translated import Translated, Translator, literal
from dragoman.config.kinds import NAME, Wrong

if TYPE_CHECKING:
    from dragoman.document.locate import Key
    from dragoman.document.parse import Document

_SIGNS = ("model_list", "litellm_settings", "router_settings")
_ROUTER_READ = frozenset(
    {
        "fallbacks", "context_window_fallbacks", "default_fallbacks", "num_retries", "timeout",
        "request_timeout", "stream_timeout", "model_group_alias", "routing_strategy",
        "custom_provider_map",
    }
)  # fmt: skip
_STRATEGIES: Mapping[str, str | None] = {
    "simple-shuffle": None,
    "latency-based-routing": "latency",
    "cost-based-routing": "price",
}
_NO_NEED = {
    "content_policy_fallbacks": "a refusal by a filter is final here",
    "drop_params": "fields that a provider refuses are left out by its dialect, with a warning",
    "cooldown_time": "who failed is left alone for five seconds and more, or as it asks for",
    "allowed_fails": "who failed is left alone at once",
}


class _LiteLLM(Translator):
    name = "litellm"

    def recognises(self, document: Document) -> bool:
        return any(sign in document.data for sign in _SIGNS)

    def translate(self, document: Document) -> Translated:
        return _Translation(document).run()


class _Translation:
    def __init__(self, source: Document) -> None:
        from dragoman.config.layers import read_catalog

        self.document = Translated(source)
        self.data = source.data
        self.made = Made(self.document, read_catalog().data["providers"])
        self.groups: dict[str, list[Entry]] = {}
        self.fallbacks: dict[str, list[str]] = {}
        self.larger: dict[str, list[str]] = {}
        self.router = {
            **self.document.table(self.data.get("litellm_settings"), ("litellm_settings",)),
            **self.document.table(self.data.get("router_settings"), ("router_settings",)),
        }

    def run(self) -> Translated:
        reader = EntryReader(self.document, self.made, self._credentials())
        reader.defaults = {
            name: self.router[name]
            for name in ("timeout", "request_timeout", "stream_timeout", "num_retries")
            if self.router.get(name) is not None
        }
        reader.handlers = self._handlers()
        for item, path in self.document.entries(self.data.get("model_list"), ("model_list",)):
            entry = reader.read(item, path)
            if entry is not None:
                self.groups.setdefault(entry.group, []).append(entry)
        self.fallbacks = self._chains("fallbacks")
        self.larger = self._chains("context_window_fallbacks")
        self.made.write()
        for group, entries in self.groups.items():
            self._route(group, entries)
        self._aliases()
        self._gateway()
        self._leave()
        return self.document

    def _credentials(self) -> dict[str, Mapping[str, Any]]:
        path: Key = ("credential_list",)
        return {
            str(item.get("credential_name")): self.document.table(
                item.get("credential_values"), (*here, "credential_values")
            )
            for item, here in self.document.entries(self.data.get("credential_list"), path)
        }

    def _handlers(self) -> dict[str, tuple[str, Key]]:
        """Read `custom_provider_map`: `module.object`, in a file beside this one."""
        path: Key = ("litellm_settings", "custom_provider_map")
        folder = self.document.path.parent if self.document.path else None
        found: dict[str, tuple[str, Key]] = {}
        listed = self._settings("litellm_settings").get("custom_provider_map")
        for item, here in self.document.entries(listed, path):
            module, dot, name = str(item.get("custom_handler")).rpartition(".")
            if not dot or not NAME.fullmatch(str(item.get("provider"))):
                self.document.remark(here, "custom_provider_map wants provider and module.object")
                continue
            file = f"{module.replace('.', '/')}.py"
            adapter = f"{folder / file if folder else file}:{name}"
            found[item["provider"]] = adapter, (*here, "custom_handler")
        return found

    # --------------------------------------------------------------------------------- routes

    def _route(self, group: str, entries: list[Entry]) -> None:
        """Write a group as an alias or a route."""
        entries = sorted(entries, key=lambda entry: entry.order)
        steps: list[dict[str, Any]] = [
            {"model": step.ref, **({} if step.retries is None else {"retries": step.retries})}
            for step in entries
        ]
        first = [entry for entry in entries if entry.order == entries[0].order]
        if len(first) > 1:
            for step, weight in zip(steps, _weights(first), strict=False):
                step["weight"] = weight
        steps += [{"model": name} for name in self._beyond(group, self.fallbacks)]
        over = [{"model": name, "when": "overflow"} for name in self._beyond(group, self.larger)]
        route: dict[str, Any] = {"models": [_short(step) for step in (*steps, *over)]}
        if over:
            route["on_overflow"] = "fallback"
        if all(entry.body == entries[0].body for entry in entries):
            if entries[0].body:
                route["body"] = dict(entries[0].body)
        else:
            self.document.leave(
                f"request fields of '{group}'",
                "its deployments differ in them",
            )
        auto = self._auto()
        if auto and len(first) > 1:
            route["auto"] = auto
        if route.keys() == {"models"} and route["models"] == [group]:
            return  # that is what it means anyway
        kind = "aliases" if route.keys() == {"models"} and len(route["models"]) == 1 else "routes"
        only = route["models"][0]
        is_alias = kind == "aliases" and isinstance(only, str)
        path: Key = ("aliases" if is_alias else "routes", group)
        self.document.set(path, only if is_alias else route, entries[0].path)

    def _beyond(self, group: str, chains: Mapping[str, list[str]]) -> Iterator[str]:
        """Yield where a group leads when it fails: its fallbacks, then theirs, each once."""
        seen = {group}
        waiting = [*chains.get(group, ())]
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            members, further = self.groups.get(name, []), chains.get(name, [])
            if len(members) == 1 and not self.fallbacks.get(name) and not self.larger.get(name):
                yield str(literal(name))
            else:
                yield from (entry.ref for entry in sorted(members, key=lambda e: e.order))
                waiting = [*further, *waiting]

    def _chains(self, name: str) -> dict[str, list[str]]:
        """Read `[{group: [group, …]}, …]`; what is said of `*` holds for all that have none."""
        found: dict[str, list[str]] = {}
        setting = "router_settings" if name in self._settings("router_settings") else None
        path: Key = (setting or "litellm_settings", name)
        for item, here in self.document.entries(self.router.get(name), path):
            for group, names in item.items():
                known = [self._known(one, (*here, group)) for one in _as_list(names)]
                found[str(group)] = [one for one in known if one is not None]
        general = found.pop("*", None)
        if name == "fallbacks" and general is None:
            listed = _as_list(self.router.get("default_fallbacks"))
            known = [self._known(one, ("litellm_settings", "default_fallbacks")) for one in listed]
            general = [one for one in known if one is not None]
        for group in self.groups if general else ():
            found.setdefault(group, general or [])
        for group in found.keys() - self.groups.keys():
            self.document.leave(f"{name} of '{group}'", "it is not in model_list")
        return found

    def _known(self, name: Any, path: Key) -> str | None:
        if isinstance(name, Mapping):
            name = name.get("model")
        alias = self._settings("router_settings").get("model_group_alias")
        group = str(name)
        if group in self.groups:
            return group
        if isinstance(alias, Mapping) and group in alias:
            target = alias[group]
            target = str(target.get("model") if isinstance(target, Mapping) else target)
            if target in self.groups:
                return target
        self.document.remark(path, f"the fallback '{group}' is not in model_list: it is left out")
        return None

    def _auto(self) -> str | None:
        """Find by what our route is to choose; None: by weight."""
        return _STRATEGIES.get(str(self.router.get("routing_strategy")))

    def _aliases(self) -> None:
        names = self.router.get("model_group_alias")
        path: Key = ("router_settings", "model_group_alias")
        for name, target in self.document.table(names, path).items():
            if isinstance(target, Mapping):
                target = target.get("model")
            if not isinstance(target, str) or target not in self.groups:
                self.document.remark((*path, name), f"the alias '{name}' leads to no model")
            elif name not in self.groups:
                self.document.set(("aliases", str(name)), literal(target), (*path, name))

    # --------------------------------------------------------------------------------- others

    def _settings(self, name: str) -> Mapping[str, Any]:
        found = self.data.get(name)
        return found if isinstance(found, Mapping) else {}

    def _gateway(self) -> None:
        """Take the master key as the key of our gateway."""
        key = self._settings("general_settings").get("master_key")
        path: Key = ("general_settings", "master_key")
        if not isinstance(key, str) or not key:
            return
        try:
            keys = [{"name": "master", "key": gateway_secret(key)}]
        except Wrong as wrong:
            self.document.remark(path, f"master_key {wrong}: it is left out")
            return
        self.document.set(("gateway", "keys"), keys, path)

    def _leave(self) -> None:
        for name in ("litellm_settings", "router_settings"):
            for key in self._settings(name):
                if key not in _ROUTER_READ:
                    self.document.leave(f"{name}.{key}", _NO_NEED.get(key, _OWN))
        strategy = self.router.get("routing_strategy")
        if strategy is not None and str(strategy) not in _STRATEGIES:
            self.document.leave(
                "router_settings.routing_strategy", "deployments share the traffic by weight here"
            )
        for key in self._settings("general_settings"):
            if key != "master_key":
                self.document.leave(f"general_settings.{key}", _OWN)
        for key in self._settings("environment_variables"):
            self.document.leave(f"environment_variables.{key}", "set the variable itself")
        known = {
            *_SIGNS, "general_settings", "environment_variables", "credential_list",
        }  # fmt: skip
        for key in self.data:
            if key not in known:
                self.document.leave(str(key), _OWN)


_OWN = "LiteLLM's own"


def _weights(entries: list[Entry]) -> list[float]:
    """Share the traffic as the router does: by weight, else rpm, else tpm, else evenly."""
    for metric in ("weight", "rpm", "tpm"):
        shares = [entry.metrics[metric] for entry in entries]
        if any(shares):
            return [int(share) if share == int(share) else share for share in shares]
    return [1] * len(entries)


def _short(step: dict[str, Any]) -> Any:
    return step["model"] if step.keys() == {"model"} else step


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


LITELLM = _LiteLLM()
