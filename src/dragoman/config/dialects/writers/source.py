"""What a configuration has to say to another tool: facts, and references in place of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, structs

from dragoman.config.config import Config
from dragoman.config.interpolate import variables
from dragoman.config.merge import merge_tables
from dragoman.config.refs import split_ref
from dragoman.config.secrets import key_variable
from dragoman.config.sensitive import is_sensitive
from dragoman.config.walk import Table
from dragoman.endpoint import PATHS, endpoint_url
from dragoman.errors import DragomanError
from dragoman.types.credential import CredentialSource
from dragoman.types.model import ModelInfo, Price
from dragoman.types.provider import Api, Provider
from dragoman.types.route import Route, RouteStep

Kind: TypeAlias = Literal["text", "env", "cmd"]


class Reference(Struct, frozen=True):
    """A text that may be written (`text`), a variable's name (`env`), or a command (`cmd`)."""

    kind: Kind
    value: str


class Source:
    """A configuration as a writer sees it. `lost` is what it has not been able to say."""

    def __init__(self, config: Config, env: Mapping[str, str]) -> None:
        self.lost: list[str] = []
        self.config = structs.replace(config, routes=dict(self._sound_routes(config)))
        self.env = env
        self.providers = tuple(self._providers())

    def lose(self, what: str, why: str) -> None:
        """Note what cannot be said in the other file; never a secret."""
        self.lost.append(f"{what}: {why}")

    def _sound_routes(self, config: Config) -> Iterator[tuple[str, Route]]:
        for name, route in config.routes.items():
            if route.problems:
                self.lose(f"route '{name}'", "has a mistake: dragoman config check")
            else:
                yield name, route

    def _providers(self) -> Iterator[Provider]:
        """Yield those that are set up, then the built-in ones that a name leads to."""
        found: dict[str, Provider] = {}
        for name in self.config.settings.get("providers", ()):
            provider = self.config.providers[name]
            if not provider.enabled:
                self.lose(f"provider '{name}'", "is not enabled")
            elif not provider.base_url:
                self.lose(f"provider '{name}'", "is not complete: dragoman config check")
            else:
                found[name] = provider
        for ref in self._refs():
            place = self.split(ref)
            if place is not None and place[0].enabled:
                found.setdefault(place[0].name, place[0])
        for provider in found.values():
            if provider.base_url.startswith("demo:"):
                self.lose(f"provider '{provider.name}'", "is here alone")
            elif provider.adapter:
                self.lose(f"provider '{provider.name}'", "speaks through an adapter of ours")
            else:
                yield provider

    def _refs(self) -> Iterator[str]:
        yield from filter(None, (self.config.default_model, self.config.image_model))
        for route in self.config.routes.values():
            yield from (step.ref for step in route.steps)

    # --------------------------------------------------------------------------------- models

    def split(self, ref: str) -> tuple[Provider, str] | None:
        """Read a ref as provider and model; a provider alone is its default model."""
        place = split_ref(ref, lambda name: self.config.providers.get(name.lower()))
        if place is None:
            provider = self.config.providers.get(ref.lower())
            if provider is not None and provider.default_model:
                return provider, provider.default_model
        return place

    def models(self, provider: Provider) -> dict[str, ModelInfo]:
        """List the models to write: the declared ones, the default one, and what is led to."""
        found = dict(provider.models)
        names = [] if provider.built_in else [provider.default_model]
        for ref in self._refs():
            place = self.split(ref)
            if place is not None and place[0].name == provider.name and "*" not in place[1]:
                names.append(place[1])
        for name in filter(None, names):
            found.setdefault(name, ModelInfo(id=name))
        return found

    def leads_to(self, ref: str, within: tuple[str, ...] = ()) -> Iterator[tuple[RouteStep, Any]]:
        """Follow a ref through routes: yield each step with its provider and model."""
        route = self.config.routes.get(ref)
        if route is None or ref in within:
            place = self.split(ref)
            if place is not None:
                yield RouteStep(ref), place
            return
        for step in route.steps:
            for inner, place in self.leads_to(step.ref, (*within, ref)):
                yield step if step.ref == inner.ref else inner, place

    def aliases(self) -> Iterator[tuple[str, RouteStep]]:
        """Yield names that stand for one model and nothing else."""
        for name, route in self.config.routes.items():
            if is_alias(route):
                yield name, route.steps[0]

    def routes(self) -> Iterator[tuple[str, Route]]:
        """Yield names that stand for several models, or for more than a model."""
        for name, route in self.config.routes.items():
            if not is_alias(route):
                yield name, route

    # -------------------------------------------------------------------------------- secrets

    def key(self, provider: Provider) -> Reference | None:
        """Find where the key is; None for a provider without one.

        A key that stands in our file is not written out: the variable is named that it would be in.
        """
        if not provider.credentials:
            return None
        first = provider.credentials[0]
        if len(provider.credentials) > 1 and provider.rotate:
            self.lose(f"the other keys of '{provider.name}'", "only the first is referred to")
        stated = first.kind != "stored" and not (first.kind == "env" and first.optional)
        if not stated:
            usable = [s for s in provider.credentials if s.kind == "env" and s.value in self.env]
            if usable:
                return Reference("env", usable[0].value)
            return self._stored(provider)
        if first.kind == "literal" and not first.value:
            return None
        return self._reference(first, key_variable(provider.name), f"the key of '{provider.name}'")

    def _stored(self, provider: Provider) -> Reference | None:
        from dragoman.config.stored import find_stored

        if find_stored(provider.name, self.env) is None:
            return None
        variable = key_variable(provider.name)
        self.lose(f"the key of '{provider.name}'", f"is in our store: set {variable}")
        return Reference("env", variable)

    def headers(self, provider: Provider) -> dict[str, Reference]:
        """List the headers to send; those that may be secret are references."""
        return {
            name: self._reference(
                source,
                re.sub(r"[^A-Z0-9]", "_", f"{provider.name}_{name}".upper()),
                f"the header {name} of '{provider.name}'",
                harmless=name,
            )
            for name, source in provider.headers.items()
        }

    def query(self, provider: Provider) -> dict[str, Reference]:
        """List the query's parameters, those of the base URL too."""
        found = {
            name: Reference("text", value)
            for name, value in parse_qsl(urlsplit(provider.base_url).query)
            if not self._hides(provider, name, value)
        }
        for name, source in provider.query.items():
            variable = re.sub(r"[^A-Z0-9]", "_", f"{provider.name}_{name}".upper())
            what = f"the parameter {name} of '{provider.name}'"
            found[name] = self._reference(source, variable, what, harmless=name)
        return found

    def _hides(self, provider: Provider, name: str, value: str) -> bool:
        hidden = is_sensitive(name, value)
        if hidden:
            self.lose(f"the parameter {name} of '{provider.name}'", "it may be secret")
        return hidden

    def _reference(
        self, source: CredentialSource, variable: str, what: str, harmless: str = ""
    ) -> Reference:
        """Refer to a secret. `harmless`: the name of what may be no secret after all."""
        if source.kind == "env":
            return Reference("env", source.value)
        if source.kind == "cmd":
            return Reference("cmd", source.value)
        if source.kind == "literal":
            text: str = source.value.reveal()
            if harmless and not is_sensitive(harmless, text):
                return Reference("text", text)
            self.lose(what, f"it is not written out: put it into {variable}")
            return Reference("env", variable)
        if source.kind == "template":
            text = source.value.reveal()
            (first, *others) = variables(text) or [variable]
            if not others and text == f"${{{first}}}":
                return Reference("env", first)
            self.lose(what, f"it is made of variables: put it into {variable}")
            return Reference("env", variable)
        self.lose(what, f"it is in {source}: put it into {variable}")
        return Reference("env", variable)

    def variable(self, reference: Reference | None, provider: Provider) -> str | None:
        """Name the variable for a tool that can refer to nothing else."""
        if reference is None or reference.kind == "env":
            return reference.value if reference else None
        variable = key_variable(provider.name)
        self.lose(f"the key of '{provider.name}'", f"a command tells it: put it into {variable}")
        return variable

    # ----------------------------------------------------------------------------------- URLs

    def base_url(self, provider: Provider) -> str:
        """Write the base URL as vendors' SDKs want it: they append `/chat/completions` to it,
        `/responses`, or `/v1/messages`; without its query."""
        end = "/v1/messages" if provider.api == "anthropic-messages" else PATHS[provider.api]
        url = self.endpoint(provider, provider.api)
        return url.removesuffix(end)

    def endpoint(self, provider: Provider, api: Api) -> str:
        """Find the URL that is asked, without its query; Azure's is the base URL as it is."""
        bare = provider.base_url.partition("?")[0]
        if "/openai/deployments" in bare:
            return bare.rstrip("/")
        try:
            return endpoint_url(bare, api, "model").partition("?")[0]
        except DragomanError as error:
            self.lose(f"the base URL of '{provider.name}'", str(error.message))
            return bare

    # ------------------------------------------------------------------------------ leftovers

    def lose_the_rest(self, provider: Provider, says: frozenset[str] = frozenset()) -> None:
        """List what is set of a provider and is not among what the tool can say."""
        for name in self._stated(provider):
            if name not in says and name not in _ALWAYS:
                self.lose(f"{name} of '{provider.name}'", NOTHING_LIKE_IT)

    def lose_model(self, provider: Provider, info: ModelInfo, says: frozenset[str]) -> None:
        """List what is set of a model and is not among what the tool can say."""
        models = self._stated(provider).get("models")
        table = models.value.get(info.id, {}) if models else {}
        lost = [name for name in table if name not in says and name not in ("id", "described")]
        if lost:
            self.lose(f"{', '.join(lost)} of '{provider.name}/{info.id}'", NOTHING_LIKE_IT)

    def _stated(self, provider: Provider) -> Table:
        tables = self.config.settings.get("providers", {}).get(provider.name, ())
        return merge_tables(table.values for table in tables)


NOTHING_LIKE_IT = "has nothing like it there"

_ALWAYS = frozenset(
    {
        "name", "preset", "base_url", "api", "api_key", "api_keys", "api_key_env",
        "api_key_optional", "default_model", "models", "model_defaults", "enabled", "catalog",
    }
)  # fmt: skip
"""What every tool can say, or what is told where it is written."""


def is_alias(route: Route) -> bool:
    """Tell whether a route is no more than another name."""
    (step, *others) = route.steps
    plain = step == RouteStep(step.ref)
    policy = (route.first_token, route.hedge_after, route.image_model)
    return not others and plain and not any(policy) and not route.body


def said(info: ModelInfo, name: str) -> Any:
    """What the user says of a model; None for what is only assumed."""
    return getattr(info, name) if info.sources.get(name) == "config" else None


def price_of(info: ModelInfo) -> Price | None:
    """The price that the user has stated; None for none, and for one that says nothing."""
    price: Price | None = said(info, "price")
    if price is None or (price.input is None and price.output is None):
        return None
    return price


def number(amount: Decimal | float) -> int | float:
    """Write an amount as a number of JSON, YAML or TOML: 2, not 2.0."""
    return int(amount) if amount == int(amount) else float(amount)


def write_yaml(data: Any) -> str:
    """Write YAML in the order of the data, each value out in full."""
    import yaml

    class InFull(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    return str(yaml.dump(data, Dumper=InFull, sort_keys=False, allow_unicode=True))
