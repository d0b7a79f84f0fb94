"""What `setup` proposes: servers, keys and other tools' files, turned into a configuration."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.cli.config.user_file import load_for_change
from dragoman.cli.flags import WrongUsage
from dragoman.cli.session import Session
from dragoman.config.edit import Draft, edit_file, read_draft
from dragoman.config.layers import read_catalog
from dragoman.config.secrets import origin_of, parse_source

if TYPE_CHECKING:
    from dragoman.probe.local import Place, Server

HEADER = """\
# Dragoman's configuration, begun by `dragoman setup`. Change it as you like:
# `dragoman config edit` opens it, `dragoman config check` looks it over.
"""
_DEFAULT_COMMENT = "The model when none is named."
_SECRET_SETTINGS = ("api_key", "api_keys", "headers", "query", "options", "proxy")


class Offer(Struct, frozen=True, kw_only=True):
    """Something to take into the file. `found` is what is told of it, if nothing was yet.

    Either another tool's file (`source`, of `tool`), or a provider: `name`, `settings`, and the
    `model` that is proposed as the default. `by_default`: `--yes` takes it.
    """

    question: str
    found: str | None = None
    by_default: bool = True
    tool: str | None = None
    source: Path | None = None
    name: str = ""
    settings: Mapping[str, Any] = {}
    comment: str | None = None
    model: str | None = None


class Proposal:
    """The file that will be. `known`: something was found that is configured already.

    Raises: ConfigError when the file that is there is broken.
    """

    def __init__(self, session: Session, path: Path) -> None:
        self.path = path
        self.draft = read_draft(path)
        self.before = self.draft.text
        self.is_new = not self.before.strip()
        self.known = False
        self.default_model: str | None = None
        self._session = session
        self._config = load_for_change(session)
        self._rows: Mapping[str, Mapping[str, Any]] = read_catalog().data["providers"]
        self._secrets: list[str] = []
        self._proposed: set[str] = set()

    # ---------------------------------------------------------------------------------- offers

    def offers(self, places: Sequence[Place]) -> list[Offer]:
        """List what can be taken in, best first."""
        servers = (place.server for place in places if place.server is not None)
        found = [*self._files(), *map(self._server, servers), *self._keys()]
        offers = [offer for offer in found if offer is not None]
        self.known = len(offers) < len(found)
        return offers

    def _files(self) -> Iterator[Offer]:
        """Other tools' files: only for a file that is still to be made."""
        from dragoman.config.dialects.places import find_places

        for place in find_places(self._session.env, Path.cwd()) if self.is_new else ():
            yield Offer(
                question=f"Take over {place.title}'s {place.path}?",
                found=f"{place.title} has {place.path}",
                by_default=place.own,
                tool=place.tool,
                source=place.path,
            )

    def _server(self, server: Server) -> Offer | None:
        from dragoman.probe.listing import choose_chat_model

        origins = {origin_of(provider.base_url) for provider in self._config.custom}
        if origin_of(server.base_url) in origins:
            return None
        name = server.provider or f"local-{server.port}"
        if self._is_taken(name):
            name = f"{name}-{server.port}"
        self._proposed.add(name)
        settings: dict[str, Any] = {"preset": server.provider} if server.provider else {}
        if not server.at_home:
            settings["base_url"] = server.base_url
        model = choose_chat_model(server.models)
        return Offer(
            question=f"Add {server.title or server.base_url}?",
            name=name,
            settings=settings,
            comment=f"On this machine: {server.base_url}",
            model=None if model is None else f"{name}/{model}",
        )

    def _keys(self) -> Iterator[Offer | None]:
        """Built-in providers whose key is in the environment, or stored."""
        from dragoman.config.stored import list_stored

        env = self._session.env
        stored = {key.name for key in list_stored(env)}
        claimed: set[str] = set()  # a key that two rows read is offered for the first of them
        for name, row in self._rows.items():
            named = row.get("base_url_env") or row.get("api_key_env") or ()
            names = (named,) if isinstance(named, str) else tuple(named)
            variable = next((one for one in names if env.get(one, "").strip()), None)
            if variable in claimed:
                continue
            if variable is not None:
                claimed.add(variable)
                found, comment = f"{variable} is set in your environment", f"Found by ${variable}."
            elif name in stored:
                found, comment = f"a key for {name} is stored", "Its key: dragoman keys list."
            else:
                continue
            if "probe" in row or self._config.providers[name].problems:
                continue
            if self._is_taken(name):
                yield None
                continue
            default = row.get("default_model")
            yield Offer(
                question=f"Add {name}?",
                found=found,
                name=name,
                settings={"preset": name},
                comment=comment,
                model=f"{name}/{default}" if default else None,
            )

    def _is_taken(self, name: str) -> bool:
        custom = {provider.name for provider in self._config.custom}
        known = name in custom or name in self._proposed
        return known or self.draft.find_provider(name) is not None

    # ------------------------------------------------------------------------------------ text

    def accept(self, chosen: Sequence[Offer]) -> None:
        """Take offers in. Raises: ConfigError."""
        for offer in chosen:
            if offer.source is not None:
                self._import(offer.source, offer.tool)
        if self.is_new and not self.draft.text.strip():
            self.draft = Draft(self.path, HEADER)
        for offer in chosen:
            if offer.source is None and self.draft.find_provider(offer.name) is None:
                self.draft.add_provider(offer.name, offer.settings, offer.comment)
        if "default_model" not in self.draft.data and self._config.default_model is None:
            self.default_model = next((offer.model for offer in chosen if offer.model), None)

    def _import(self, source: Path, tool: str | None) -> None:
        from dragoman.config.importing import import_file

        imported = import_file(source, tool)
        for item in imported.unmapped:
            self._session.terminal.note(f"  not taken over: {item}")
        if self.draft.text.strip():  # two files: the second is for the person to see to
            self._session.terminal.note(f"  for {source}: dragoman config import {source}")
            return
        self.draft = Draft(self.path, f"{HEADER}\n{imported.toml_text}")
        self._secrets += _literals(self.draft.data)

    def finished(self) -> Draft:
        """The file as it will be. Raises: ConfigError."""
        draft = Draft(self.path, self.draft.text)
        if self.default_model and "default_model" not in draft.data:
            draft.set_top("default_model", self.default_model, _DEFAULT_COMMENT)
        return draft

    def shown_lines(self) -> list[str]:
        """The lines that are new, with keys hidden."""
        after = self.finished().text
        for secret in self._secrets:
            after = after.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "…")
        lines = after.splitlines()
        if self.is_new:
            return lines
        changes = difflib.ndiff(self.before.splitlines(), lines)
        new = [line[2:] for line in changes if line.startswith("+ ")]
        return new[1:] if new[:1] == [""] else new

    def write(self) -> int:
        """Write the file. Returns: how many lines it has. Raises: OSError, WrongUsage."""
        finished = self.finished()

        def change(draft: Draft) -> None:
            if draft.text != self.before:
                raise WrongUsage(
                    f"{self.path} has been changed meanwhile", hint="run dragoman setup again"
                )
            draft.text = finished.text

        edit_file(self.path, change)
        return len(finished.text.splitlines())


def _literals(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that stand in a file themselves."""
    providers = data.get("providers")
    tables = providers.values() if isinstance(providers, dict) else providers or ()
    for table in tables:
        for setting in _SECRET_SETTINGS:
            yield from _texts(table.get(setting) if isinstance(table, dict) else table)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value and parse_source(value).kind == "literal":
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
