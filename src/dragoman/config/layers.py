"""Read every layer and make one Config of them.

    built-in catalog < system < user < project  (or one named file)  < environment < call

A file that is broken costs only what stands in it: everything else is read, and what was wrong is
among `Config.problems`. A gateway is not run without what may have guarded it: `Config.barring`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from dragoman.config import adapted, files, trust
from dragoman.config.build import Context, build_provider, build_route
from dragoman.config.config import Config, LoadedFile
from dragoman.config.environment import read_environment
from dragoman.config.guardrails import build_guardrails
from dragoman.config.merge import merge_tables
from dragoman.config.models import price_notes
from dragoman.config.secrets import key_variable
from dragoman.config.server import build_gateway_ceilings, build_gateway_keys, build_server
from dragoman.config.shapes import Reader, read_layer
from dragoman.config.walk import Layer, ProviderTable, Report, RouteTable, Table
from dragoman.document.parse import Document, parse_document, read_document, read_file
from dragoman.errors import ConfigError
from dragoman.types.provider import EgressPolicy, OnOverflow, Provider

UNTRUSTED = "untrusted"


def load(
    *,
    file: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    egress: EgressPolicy = "local",
) -> Config:
    """Read every layer and merge them.

    `file` (else `$DRAGOMAN_CONFIG`) replaces the user's and the project's files. `env` stands for
    the process's variables, `cwd` for its folder. `overrides` is the highest layer, in the shape of
    a file. `egress` is whose word base URLs are: `operator` in a gateway.

    Raises: ConfigError only when the named file is missing or cannot be read as a whole. All else
    that is wrong is in `Config.problems`, and with a provider in `Provider.problems`.

    Example:
        config = load()
        for problem in config.problems:
            print(problem, problem.hint)
        config.providers["groq"].base_url
    """
    env = os.environ if env is None else env
    return _Loading(env, cwd or _current_folder(), file, egress).load(overrides or {})


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it has been removed under our feet
        return Path("/")


class _Loading:
    def __init__(
        self, env: Mapping[str, str], cwd: Path, file: Path | None, egress: EgressPolicy
    ) -> None:
        self.env = env
        self.egress = egress
        self.cwd = cwd
        self.file = file
        self.report = Report()
        self.rows = Rows(env)
        self.layers: list[Layer] = []
        self.files: list[LoadedFile] = []
        self.stamps: dict[Path, files.Stamp | None] = {}

    def load(self, overrides: Mapping[str, Any]) -> Config:
        for document in adapted.installed("installed"):
            self.layers.append(read_layer(document, self.env, self.report))
        for candidate in files.candidates(self.env, self.cwd, self.file):
            if candidate.layer != "project":
                self._adapters(candidate.path.parent / adapted.FOLDER, candidate.layer)
            self._file(candidate)
        names = [*self.rows, *(name for layer in self.layers for name in layer.providers)]
        for document in read_environment(self.env, overrides, names):
            self.layers.append(read_layer(document, self.env, self.report))
        return self._config()

    # --------------------------------------------------------------------------------- files

    def _adapters(self, folder: Path, layer: str) -> None:
        """Read the adapters that lie beside a configuration file."""
        if folder in self.stamps:
            return
        paths = adapted.list_adapters(folder)
        for path in (folder, *paths):
            self.stamps[path] = files.stamp(path)
        for found in adapted.read_adapters(folder, paths, layer):
            if isinstance(found, ConfigError):
                self.report.problems.append(found)
            elif found.path is not None:
                self._document(found, found.path, trusted=True)

    def _file(self, candidate: files.Candidate) -> None:
        path, layer = candidate.path, candidate.layer
        self.stamps[path] = files.stamp(path)
        try:
            raw = read_file(path)
            document = parse_document(raw, path, layer, lists=True)
            trusted = layer != "project" or trust.is_trusted(path, raw, self.env)
            self._document(document, path, trusted=trusted)
        except FileNotFoundError:
            if candidate.required:
                raise ConfigError(
                    "does not exist",
                    place=str(path),
                    hint="It was named with --config or in DRAGOMAN_CONFIG.",
                ) from None
            if path.is_symlink():
                self.report.bar(ConfigError("is a link that leads nowhere", place=str(path)))
            self.files.append(LoadedFile(path=path, layer=layer, found=False))
        except ConfigError as error:
            if candidate.required:
                raise
            self.report.bar(error)
            self.files.append(LoadedFile(path=path, layer=layer, found=True, error=error))

    def _document(self, document: Document, path: Path, *, trusted: bool) -> None:
        layer_name = document.layer
        report = self.report if trusted else Report()
        if not trusted:
            document.layer = UNTRUSTED
        layer = read_layer(document, self.env, report)
        if not trusted:
            known = {*self.rows, *(name for below in self.layers for name in below.providers)}
            layer, notes = trust.restrict(layer, known)
            self.report.problems += report.problems
            self.report.notes += [*report.notes, *notes]
        self.layers.append(layer)
        self.files.append(
            LoadedFile(
                path=path,
                layer=layer_name,
                found=True,
                trusted=trusted,
                kind=document.kind,
                sets=tuple(_sets(layer)),
            )
        )

    # --------------------------------------------------------------------------------- merge

    def _config(self) -> Config:
        top = merge_tables(layer.top for layer in self.layers)
        own: dict[str, list[ProviderTable]] = {}
        routes: dict[str, RouteTable] = {}
        variables: Table = {}
        for layer in self.layers:
            variables = {**variables, **layer.variables}
            routes.update(layer.routes)
            for name, table in layer.providers.items():
                own.setdefault(name, []).append(table)
                self.report.notes += price_notes(table)
        self.report.problems += self.report.missing
        context = Context(self.env, self.rows, variables, self.report.notes, self.egress)
        providers = self._providers(own, context)
        return Config(
            providers=providers,
            routes={name: build_route(table) for name, table in routes.items()},
            default_model=_text(top, "default_model"),
            image_model=_text(top, "image_model"),
            log=top["log"].value if "log" in top else True,
            on_overflow=cast("OnOverflow | None", _text(top, "on_overflow")),
            server=build_server(top),
            gateway_keys=build_gateway_keys(top),
            gateway_ceilings=build_gateway_ceilings(top),
            guardrails=build_guardrails(top, self.report),
            files=tuple(self.files),
            problems=tuple(self.report.problems),
            barring=tuple(self.report.barring),
            notes=tuple(self.report.notes),
            stamps=self.stamps,
            settings={
                "top": top,
                "providers": own,
                "routes": routes,
            },
        )

    def _providers(self, own: Mapping[str, list[ProviderTable]], context: Context) -> Providers:
        built = {name: build_provider(name, tables, context) for name, tables in own.items()}
        known = {id(error) for error in self.report.problems}
        missing = {id(e) for tables in own.values() for t in tables for e in t.report.missing}
        for provider in built.values():
            for error in provider.problems:
                if id(error) not in known | missing:
                    self.report.problems.append(error)
        self._same_variable(built)
        built_in = [name for name in self.rows if name not in built]
        return Providers(built_in, built, lambda name: build_provider(name, [], context))

    def _same_variable(self, built: dict[str, Provider]) -> None:
        """Refuse providers whose keys would be in the same variable by convention."""
        taken = {key_variable(name): name for name in self.rows if name not in built}
        for name, provider in built.items():
            variable = key_variable(name)
            if not provider.enabled:
                continue
            other = taken.setdefault(variable, name)
            if other != name:
                error = ConfigError(
                    f"provider '{name}': its key would be in {variable}, as that of '{other}'",
                    place=provider.place,
                    hint="Rename one of them.",
                )
                from msgspec.structs import replace

                built[name] = replace(provider, problems=(*provider.problems, error))
                self.report.problems.append(error)


def _sets(layer: Layer) -> Iterator[str]:
    yield from layer.top
    yield from (f"providers.{name}" for name in layer.providers)
    yield from (f"routes.{name}" for name in layer.routes)


def _text(top: Table, name: str) -> str | None:
    return cast("str | None", top[name].value) if name in top else None


# ------------------------------------------------------------------------------ built-in catalog


@cache
def read_catalog() -> Document:
    """Read the built-in catalog, once in a process: it belongs to the package."""
    from dragoman.catalog import PROVIDERS_FILE

    return read_document(PROVIDERS_FILE, "built-in")


class Rows(Mapping[str, ProviderTable]):
    """The rows of the built-in catalog; each is checked when it is first looked at."""

    def __init__(self, env: Mapping[str, str]) -> None:
        document = read_catalog()
        self._rows: Mapping[str, Any] = document.data.get("providers", {})
        self._reader = Reader(document, env, Report())

    def __getitem__(self, name: str) -> ProviderTable:
        found = self._reader.layer.providers
        if name not in found:
            self._reader.provider(self._rows[name], ("providers", name), name)
        return found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Providers(Mapping[str, Provider]):
    """All providers: the built-in ones first, each built when it is first asked for."""

    def __init__(
        self,
        built_in: list[str],
        configured: Mapping[str, Provider],
        build: Callable[[str], Provider],
    ) -> None:
        self._names = dict.fromkeys([*built_in, *configured])
        self._built = dict(configured)
        self._build = build

    def __getitem__(self, name: str) -> Provider:
        found = self._built.get(name)
        if found is None:
            if name not in self._names:
                raise KeyError(name)
            found = self._built[name] = self._build(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
