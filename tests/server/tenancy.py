"""Organisations with providers, routes and keys of their own, in a database made for a test."""

from __future__ import annotations

import json
from typing import Any

from dragoman.config import Config, load
from dragoman.organisations import keys, providers
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.keys import KeyDraft
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.organisations import create_organisation, find_organisation
from dragoman.organisations.providers import ProviderDraft
from dragoman.organisations.safe import Safe
from dragoman.store import Place
from dragoman.types.gateway_key import KeyRules
from dragoman.types.organisation import Quotas


class Team:
    """Sets organisations up. `env` is what a gateway needs to read them. A context."""

    def __init__(self, place: Place, config: Config | None = None) -> None:
        self.place = place
        self.env = {"DRAGOMAN_SECRET_KEY": new_key()}
        self.desk = Desk(place)
        self.safe = Safe(self.desk, self.env)
        self.config = config or load(env={"HOME": "/nowhere"})

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.close()

    def organisation(self, name: str, **quotas: Any) -> str:
        """Make an organisation, and give its id. It has all of the operator's providers."""
        given = Quotas(**{"operator_providers": ("*",), **quotas})
        return create_organisation(self.desk, SYSTEM, name, name, quotas=given).id

    def provider(
        self, organisation: str, name: str, base_url: str, token: str | None = None, **said: Any
    ) -> None:
        """Give an organisation a provider, or change it."""
        draft = ProviderDraft(said={"base_url": base_url, **said}, token=token)
        providers.put_provider(self.desk, self.safe, SYSTEM, organisation, name, draft, self.config)

    def route(self, organisation: str, name: str, definition: Any) -> None:
        """Give an organisation a route."""
        with self.desk.change(SYSTEM, "create", "route", name) as change:
            change.connection.insert(
                "route",
                ("organisation_id", "name", "definition", "created_at", "updated_at"),
                [(organisation, name, json.dumps(definition), change.now, change.now)],
            )
            change.note(None, {"definition": definition})

    def key(
        self, organisation: str, name: str = "key", expires_at: float | None = None, **rules: Any
    ) -> tuple[str, str]:
        """Make a key: its id, and its text."""
        draft = KeyDraft(name=name, rules=KeyRules(**rules), expires_at=expires_at)
        made = keys.create_key(self.desk, self.safe, SYSTEM, organisation, draft)
        return made.key.id, made.text.reveal()

    def revoke(self, organisation: str, key_id: str) -> None:
        """Revoke a key."""
        keys.revoke_key(self.desk, SYSTEM, organisation, key_id)

    def id_of(self, name: str) -> str:
        """Find an organisation's id by its name."""
        with self.desk.read() as connection:
            found = find_organisation(connection, name)
        assert found is not None
        return found.id

    def break_row(self, statement: str) -> None:
        """Change a row behind everybody's back, and have everybody notice."""
        with self.desk.read() as connection, connection.transaction():
            connection.write(statement)
            connection.write("UPDATE revision SET number = number + 1")
