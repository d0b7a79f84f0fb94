"""From checked tables to providers, models and routes.

A provider is built from two tables: its base, which is a row of the built-in catalog, and its own,
which is what files, variables and calls say. What of the base holds depends on where the provider
is: a key, a price or a dialect belongs to the host that it was written for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from dragoman.config import kinds
from dragoman.config.baseurl import variable_url
from dragoman.config.by_url import find_row
from dragoman.config.conditions import build_condition
from dragoman.config.files import absolute
from dragoman.config.merge import CREDENTIALS, merge_tables, without
from dragoman.config.models import build_guard, build_model
from dragoman.config.secrets import key_variable, origin_of, parse_source
from dragoman.config.walk import ProviderTable, RouteTable, Table
from dragoman.document.parse import Place
from dragoman.errors import ConfigError
from dragoman.types.condition import Shadow
from dragoman.types.credential import CredentialSource, Secret
from dragoman.types.model import RepetitionGuard
from dragoman.types.provider import (
    Api,
    Auth,
    Check,
    Dialect,
    EgressPolicy,
    Limits,
    OnOverflow,
    Provider,
    Timeouts,
    Tls,
)
from dragoman.types.route import Route, RouteStep, When

_DEFINING = ("base_url", "preset", "adapter")
_KEPT_ELSEWHERE = frozenset({"name", "api", "adapter", "auth"})


class Context(NamedTuple):
    """What building needs besides the tables. `variables` are those of another tool's file.

    Warnings go into `notes`. `egress` is whose word the tables' URLs are.
    """

    env: Mapping[str, str]
    built_in: Mapping[str, ProviderTable]
    variables: Table
    notes: list[ConfigError]
    egress: EgressPolicy = "local"


def build_provider(name: str, own: list[ProviderTable], context: Context) -> Provider:
    """Build the provider called `name` from the tables that configure it, lowest layer first."""
    return _Builder(name, own, context).build()


class _Builder:
    def __init__(self, name: str, own: list[ProviderTable], context: Context) -> None:
        self.name = name
        self.tables = own
        self.context = context
        self.problems = [
            error for table in own for error in (*table.report.problems, *table.report.missing)
        ]
        self.own = merge_tables(table.values for table in own)
        self.defining = [t for t in own if any(key in t.values for key in _DEFINING)]
        self.place = str(own[-1].place) if own else None
        self.preset = self._text(self.own, "preset")
        self.row = context.built_in.get(self.preset or name)
        self.dialect_of: str | None = None
        if self.row is not None and "base_url" not in self.own:
            self.problems += self.row.report.problems + self.row.report.missing

    def build(self) -> Provider:
        """Build it; what cannot be is among its problems."""
        base, catalog, inherited = self._base()
        values = merge_tables([base, self.own])
        base_url = self._base_url(values)
        defining = self.defining[-1] if self.defining else None
        untrusted = any(table.place.document.layer == "untrusted" for table in self.tables)
        credentials: tuple[CredentialSource, ...] = ()
        if not untrusted and _value(values, "auth") != "none":
            credentials = self._credentials(values, inherited)
        return Provider(
            name=self.name,
            base_url=base_url,
            credentials=credentials,
            rotate="api_keys" in values and "api_key" not in values and len(credentials) > 1,
            headers=self._sources(values, "headers"),
            query=self._sources(values, "query"),
            options=self._sources(values, "options"),
            proxy=self._proxy(values),
            models={
                i: build_model(t, defaults=_value(values, "model_defaults") is not False)
                for i, t in (_value(values, "models") or {}).items()
            },
            timeouts=Timeouts(**_plain(values, "timeouts")),
            limits=Limits(**_plain(values, "limits")),
            privacy=tuple(_value(values, "privacy") or ()),
            check=_check(values),
            egress=self.context.egress,
            dialect=Dialect(**_frozen(_plain(values, "dialect"))),
            tls=self._tls(values),
            auth=cast("Auth | None", _value(values, "auth")),
            api=cast("Api", _value(values, "api") or "openai-completions"),
            on_overflow=cast("OnOverflow | None", _value(values, "on_overflow")),
            emulate=tuple(_value(values, "emulate") or ()),
            repetition_guard=_guard(_value(values, "repetition_guard")),
            built_in=defining is None,
            adapter=self._adapter(values),
            catalog=self._catalog(values) or catalog,
            overrides=self.name if defining and self.name in self.context.built_in else None,
            dialect_of=self.dialect_of,
            origin=_layer(defining) if defining else "built-in",
            trusted=not untrusted,
            place=str(defining.place) if defining else None,
            problems=tuple(self.problems),
            **{key: values[key].value for key in _AS_THEY_ARE if key in values},
        )

    # ---------------------------------------------------------------------------------- base

    def _base(self) -> tuple[Table, str | None, list[str]]:
        """Find what holds of the built-in row: settings, catalog, and variables of its key."""
        if self.row is None and (known := self._row_by_url()) is not None:
            self.dialect_of = known.name
            return {"dialect": known.values["dialect"]}, None, []
        if self.row is None:
            if (table := self._adapter_table()) is not None:
                return self._adapter_base(table)
            if self.preset:
                self._unknown_preset()
            elif not any(key in self.own for key in _DEFINING):
                self._no_base_url()
            return {}, None, []
        base = self.row.values
        if not self.own:
            return base, self.row.name, []
        elsewhere = "base_url" in self.own and self._is_elsewhere(base)
        if elsewhere:
            base = without(base, CREDENTIALS)
        if self.preset:
            variables = base["api_key_env"].value if "api_key_env" in base else []
            base = without(base, CREDENTIALS | {"name"})
            return base, None if elsewhere else self.row.name, variables
        if elsewhere and "base_url" in base:
            kept = {key: value for key, value in base.items() if key in _KEPT_ELSEWHERE}
            return kept, None, []
        return base, self.row.name, []

    def _adapter_table(self) -> ProviderTable | None:
        """Read what its adapter says of it; None without one, and when it cannot be loaded."""
        reference = self._adapter(self.own)
        if reference is None or self.preset:
            return None
        from dragoman.config.adapted import adapter_table

        try:
            table = adapter_table(reference, self.name, self.place, self.context.env)
        except ConfigError as error:
            self.problems.append(error)
            return None
        self.problems += table.report.problems + table.report.missing
        return table

    def _adapter_base(self, table: ProviderTable) -> tuple[Table, str | None, list[str]]:
        base = without(table.values, frozenset({"name", "adapter"}))
        if "base_url" in self.own and "base_url" in base and self._is_elsewhere(base):
            base = {key: value for key, value in base.items() if key in _KEPT_ELSEWHERE}
        return base, None, []

    def _row_by_url(self) -> ProviderTable | None:
        """Find the built-in whose dialect is spoken at our base URL, if nobody says otherwise."""
        base_url = self._text(self.own, "base_url")
        if base_url is None or self.preset or "adapter" in self.own:
            return None
        api = self._text(self.own, "api") or "openai-completions"
        return find_row(base_url, api, self.context.built_in)

    def _is_elsewhere(self, base: Table) -> bool:
        """Tell whether our own base URL leads to another host than the row's."""
        theirs = self._text(base, "base_url") or self._variable_url(base)
        if theirs is None:
            return "base_url_env" in base
        return origin_of(theirs) != origin_of(self.own["base_url"].value)

    def _base_url(self, values: Table) -> str:
        if "base_url" not in self.own:
            try:
                found = self._variable_url(values)
            except kinds.Wrong as wrong:
                self.problems.append(ConfigError(f"provider '{self.name}': {wrong}"))
                return ""
            if found is not None:
                return found
            if "base_url" not in values and "base_url_env" in values:
                variable = values["base_url_env"].value[0]
                self._problem(f"its base URL is in ${variable}, which is not set")
        return self._text(values, "base_url") or ""

    def _variable_url(self, values: Table) -> str | None:
        return variable_url(
            self._text(values, "base_url"),
            _value(values, "base_url_env") or (),
            _value(values, "host_env") or (),
            self.context.env,
        )

    def _unknown_preset(self) -> None:
        hint = kinds.suggestion(str(self.preset), self.context.built_in)
        place = str(self.own["preset"].place)
        self._problem("preset is not the name of a built-in provider", hint, place=place)

    def _no_base_url(self) -> None:
        wanting = any(
            table.report.problems or table.report.missing for table in self.tables
        )  # it may be the very thing that is wrong
        if wanting:
            return
        hint = kinds.suggestion(self.name, self.context.built_in)
        self._problem("has no base_url", hint or 'Add: base_url = "https://host/v1"')

    def _problem(self, message: str, hint: str | None = None, place: str | None = None) -> None:
        place = place or self.place
        error = ConfigError(f"provider '{self.name}': {message}", place=place, hint=hint)
        self.problems.append(error)

    # --------------------------------------------------------------------------- credentials

    def _credentials(self, values: Table, inherited: list[str]) -> tuple[CredentialSource, ...]:
        """List where its key may be, best first."""
        for setting in ("api_key", "api_keys"):
            if setting in values:
                texts = values[setting].value
                place = values[setting].place
                every = texts if isinstance(texts, list) else [texts]
                sources = tuple(self._source(text, place, setting) for text in every)
                is_written = [one.kind == "literal" and bool(one.value.reveal()) for one in sources]
                self._note_written(sum(is_written), place, setting)
                return sources
        found: list[CredentialSource] = []
        if "api_key_env" in values:
            value = values["api_key_env"]
            optional = bool(_value(values, "api_key_optional"))
            place_text = self._label(value.place, "api_key_env")
            for variable in value.value:
                found += self._variable(variable, place_text, optional=optional)
        for variable in (key_variable(self.name), *inherited):
            if all(source.value != variable for source in found):
                found += self._variable(variable, None, optional=True)
        found.append(CredentialSource("stored", self.name, None, optional=True))
        return tuple(found)

    def _variable(
        self, variable: str, place: str | None, *, optional: bool
    ) -> list[CredentialSource]:
        found = [CredentialSource("env", variable, place, optional)]
        if variable in self.context.variables:
            text, where = self.context.variables[variable]
            found.append(CredentialSource("literal", Secret(text), str(where), optional=True))
        return found

    def _label(self, place: Place, setting: str) -> str | None:
        """Where a reference stands, and whose it is; None in the built-in catalog."""
        if place.document.layer == "built-in":
            return None
        return f"{place} ({self.name}.{setting})"

    def _source(self, text: str, place: Place, setting: str) -> CredentialSource:
        return parse_source(text, place=self._label(place, setting), folder=place.document.folder)

    def _note_written(self, count: int, place: Place, setting: str) -> None:
        """Warn of keys that stand in a file as they are, unless it is one for secrets."""
        path = place.document.path
        if not count or path is None or ".local" in path.suffixes:
            return
        what, it = "the key itself is", "it"
        if count > 1:
            what, it = f"{count} keys themselves are", "them"
        named = f'"env:{key_variable(self.name)}"'
        named = named if setting == "api_key" else f"[{named}, …]"
        message = f"provider '{self.name}': {what} in this file"
        hint = f"Keep {it} elsewhere: {setting} = {named}, or in config.local.toml."
        self.context.notes.append(ConfigError(message, place=str(place), hint=hint))

    def _sources(self, values: Table, setting: str) -> Mapping[str, CredentialSource]:
        if setting not in values:
            return {}
        place = values[setting].place
        return {
            name.lower() if setting == "headers" else name: self._source(text, place, setting)
            for name, text in values[setting].value.items()
        }

    def _proxy(self, values: Table) -> CredentialSource | None:
        if not _value(values, "proxy"):
            return None
        source = self._source(values["proxy"].value, values["proxy"].place, "proxy")
        if source.kind == "literal" and not source.value.reveal().startswith("http"):
            place = str(values["proxy"].place)
            self._problem("proxy must begin with http:// or https://", place=place)
        return source

    def _adapter(self, values: Table) -> str | None:
        """An adapter's name; a file's path starts at the configuration file."""
        name = self._text(values, "adapter")
        folder = values["adapter"].place.document.folder if name else None
        if name is None or folder is None:
            return name
        path, colon, class_name = name.rpartition(":") if ".py:" in name else (name, "", "")
        if not path.endswith((".py", ".toml", ".json")):
            return name
        return f"{absolute(Path(path), folder, self.context.env)}{colon}{class_name}"

    def _catalog(self, values: Table) -> str | None:
        name = self._text(values, "catalog")
        if name is not None and name not in self.context.built_in:
            hint = kinds.suggestion(name, self.context.built_in)
            place = str(values["catalog"].place)
            self._problem("catalog is not the name of a built-in provider", hint, place)
            return None
        return name

    def _tls(self, values: Table) -> Tls:
        found: dict[str, Any] = {}
        for name, value in (_value(values, "tls") or {}).items():
            folder = value.place.document.folder
            is_path = isinstance(value.value, str) and folder is not None
            path = absolute(Path(value.value), folder, self.context.env) if is_path else value.value
            found[name] = str(path) if is_path else path
        return Tls(**found)

    @staticmethod
    def _text(values: Table, name: str) -> str | None:
        return cast("str | None", _value(values, name))


_AS_THEY_ARE = (
    "body",
    "default_model",
    "models_only",
    "retries",
    "learn",
    "free",
    "cost_per_hour",
    "image_model",
    "repair_arguments",
    "stream",
    "enabled",
    "preset",
    "docs",
)


def _value(values: Table, name: str) -> Any:
    return values[name].value if name in values else None


def _plain(values: Table, name: str) -> dict[str, Any]:
    """A table of settings as keyword arguments."""
    return {key: value.value for key, value in (_value(values, name) or {}).items()}


def _frozen(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}


LEAST_INTERVAL_S = 5.0
MOST_TIMEOUT_S = 30.0


def _check(values: Table) -> Check | None:
    """How it is watched: as it says, else only if asking costs nothing."""
    said = _value(values, "check")
    if said is None:
        said = bool(_value(values, "free"))
    if isinstance(said, bool):
        return Check() if said else None
    found = Check(**{key: value.value for key, value in said.items()})
    return replace(
        found,
        interval=max(found.interval, LEAST_INTERVAL_S),
        timeout=min(found.timeout, MOST_TIMEOUT_S),
    )


def _guard(said: Any) -> RepetitionGuard | None:
    return None if said is None else build_guard(said)


def _layer(table: ProviderTable) -> str:
    return "project" if table.layer == "untrusted" else table.layer


# ---------------------------------------------------------------------------------------- routes


def build_route(table: RouteTable) -> Route:
    """Build a route."""
    values = {key: value.value for key, value in table.values.items()}
    steps = tuple(build_step(step) for step in values.pop("models"))
    guard = _guard(values.pop("repetition_guard", None))
    shadow = _shadow(values.pop("shadow", None))
    values.pop("name", None)
    document = table.place.document
    origin = "project" if document.layer == "untrusted" else document.layer
    return Route(
        name=table.name,
        steps=steps,
        repetition_guard=guard,
        shadow=shadow,
        origin=origin,
        place=str(table.place),
        problems=(*table.report.problems, *table.report.missing),
        **values,
    )


def build_step(step: Table) -> RouteStep:
    """Build one entry of a route."""
    settings = {key: value.value for key, value in step.items()}
    when = settings.pop("when", "always")
    if isinstance(when, str):
        return RouteStep(settings.pop("model"), when=cast("When", when), **settings)
    condition = build_condition({key: value.value for key, value in when.items()})
    return RouteStep(settings.pop("model"), condition=condition, **settings)


def _shadow(said: Any) -> Shadow | None:
    if said is None or "model" not in said:
        return None
    percent = said["percent"].value if "percent" in said else 100.0
    return Shadow(said["model"].value, percent)
