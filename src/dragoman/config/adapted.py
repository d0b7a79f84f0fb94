"""Providers that adapters bring along: in a config folder's `adapters/`, installed, registered.

    adapters/acme.py         a class: provider `acme`, if the class has a table for it
    adapters/talk.toml       a description without code: provider `talk`
    adapters/providers.json  LiteLLM's list of providers, as it is

Whoever can write into the folder runs code as us: a folder or file of somebody else's, or one that
all may write to, is not read.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.adapters.installed import find_installed
from dragoman.config.shapes import Reader
from dragoman.config.walk import ProviderTable, Report
from dragoman.document.parse import Document, read_document
from dragoman.errors import ConfigError, DragomanError

if TYPE_CHECKING:
    from dragoman.adapters.adapter import Adapter

FOLDER = "adapters"
LISTS = ("providers.json",)
"""Files in the folder that list providers in another tool's shape."""

_SUFFIXES = (".py", ".toml", ".json")
_LIMIT = 256
"""Files in the folder that are read: more are no adapters."""


def read_adapters(
    folder: Path, paths: Sequence[Path], layer: str
) -> Iterator[Document | ConfigError]:
    """Read a folder's adapters, as listed: a document for each, or why it was passed over.

    An adapter that cannot be loaded gives a document too: its error is its provider's.
    """
    if paths and (refusal := _distrusted(folder)):
        yield refusal
        return
    for path in paths:
        yield _distrusted(path) or _read(path, layer)


def list_adapters(folder: Path) -> list[Path]:
    """List the files of a folder that are read as adapters."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return []  # there is none
    return [
        path
        for name in names[:_LIMIT]
        if not name.startswith((".", "_"))
        and (path := folder / name).suffix in _SUFFIXES
        and path.is_file()
    ]


def installed(layer: str) -> Iterator[Document]:
    """List the providers of installed packages and of this process, a document each.

    An adapter that says nothing of a provider is none; one that cannot be loaded tells its error.
    """
    names = list(find_installed())
    if loaded := sys.modules.get("dragoman.adapters.find"):  # else nobody has registered any
        names += (name for name, found in loaded.registered().items() if found.provider is not None)
    for name in dict.fromkeys(names):
        if _brings_provider(name):
            yield _document(layer, {name: {"adapter": name}}, None)


def _brings_provider(name: str) -> bool:
    from dragoman.adapters.find import find_adapter

    try:
        return find_adapter(name, name).provider is not None
    except ConfigError:
        return True


def adapter_table(
    reference: str, name: str, place: str | None, env: Mapping[str, str]
) -> ProviderTable:
    """Read what an adapter says of its provider; empty where it says nothing.

    Raises: ConfigError when the adapter cannot be loaded.
    """
    from dragoman.adapters.find import find_adapter

    found = find_adapter(reference, name, place)
    table = {"api": found.api, **(found.provider or {})}
    document = Document({"providers": {name: table}}, layer="adapter", places={"": reference})
    reader = Reader(document, env, Report())
    reader.provider(table, ("providers", name), name)
    return reader.layer.providers[name]


def _read(path: Path, layer: str) -> Document | ConfigError:
    if path.name in LISTS:
        try:
            return read_document(path, layer)
        except ConfigError as error:
            return error
    from dragoman.adapters.find import classes, load_file

    names: list[tuple[str, str]] = [(path.stem.lower(), path.name)]
    if path.suffix == ".py":
        try:
            found = classes(load_file(path, path.stem))
        except DragomanError:
            found = []  # said by the provider, whose adapter it is
        if len(found) > 1:
            names = [
                (_name_of(one), f"{path.name}:{one.__name__}") for one in found if one.provider
            ]
        elif found and found[0].provider is None:
            names = []
        elif found and found[0].name:
            names = [(found[0].name, path.name)]
    tables = {name: {"adapter": reference} for name, reference in names}
    return _document(layer, tables, path)


def _name_of(found: type[Adapter]) -> str:
    return found.name or found.__name__.lower()


def _document(layer: str, tables: Mapping[str, Any], path: Path | None) -> Document:
    document = Document({"providers": tables}, layer=layer, path=path)
    document.kind = "adapter"
    return document


def _distrusted(path: Path) -> ConfigError | None:
    """Say why a folder or file may not be used, if it may not."""
    if not hasattr(os, "geteuid"):
        return None
    facts = path.stat()
    if facts.st_uid not in (0, os.geteuid()):
        reason = "belongs to another user"
    elif facts.st_mode & stat.S_IWOTH:
        reason = "can be written by everybody"
    else:
        return None
    return ConfigError(
        f"is not used: it {reason}",
        place=str(path),
        hint="Adapters run as you: make it yours alone (chmod o-w, chown).",
    )
