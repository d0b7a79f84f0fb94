"""Providers of an organisation as the database has them: its own, and its keys for others.

A row with a definition is a provider of its own; one without is the organisation's token for a
provider that is built in or in the operator's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dragoman.config.secrets import origin_of
from dragoman.errors import ConfigError
from dragoman.organisations.definition import Row, build_custom, with_token
from dragoman.organisations.failures import NotFound
from dragoman.organisations.sealing import Purpose
from dragoman.store.json_column import read_json

if TYPE_CHECKING:
    from dragoman.organisations.safe import Safe
    from dragoman.store.database import Connection
    from dragoman.types.credential import Secret
    from dragoman.types.provider import Provider

TABLE = "provider"
_COLUMNS = (
    "organisation_id, name, definition, token, origin, egress, enabled, created_at, updated_at,"
    " version"
)


class SealedRow(Row, Protocol):
    """A row of `provider` with its token, sealed, and the origin that the token is for."""

    @property
    def token(self) -> str | None: ...
    @property
    def origin(self) -> str | None: ...


class StoredProvider(Struct, frozen=True, kw_only=True):
    """A row of `provider`. Times are Unix time."""

    organisation_id: str
    name: str
    definition: str | None
    token: str | None
    origin: str | None
    egress: str
    enabled: bool
    created_at: float
    updated_at: float
    version: int

    @property
    def said(self) -> dict[str, Any]:
        """The definition, as it was said; empty for a token alone, and where it cannot be read."""
        return read_json(self.definition or "{}", dict[str, Any], {})[0]

    def __repr__(self) -> str:
        return f"StoredProvider({self.organisation_id}, {self.name})"


def purpose_of(organisation_id: str, name: str) -> Purpose:
    """Say what a provider's token is sealed for."""
    return Purpose(organisation_id, TABLE, name)


def list_stored(connection: Connection, organisation_id: str) -> list[StoredProvider]:
    """List all rows of an organisation by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM provider WHERE organisation_id = :id ORDER BY name",  # noqa: S608
        {"id": organisation_id},
    )
    return [_read(row) for row in rows]


def find_stored(connection: Connection, organisation_id: str, name: str) -> StoredProvider | None:
    """Find a row by its provider's name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM provider WHERE organisation_id = :id AND name = :name",  # noqa: S608
        {"id": organisation_id, "name": name},
    )
    return _read(rows[0]) if rows else None


def get_stored(
    connection: Connection, organisation_id: str, name: str, *, custom: bool
) -> StoredProvider:
    """Find a provider of its own, or a token for another one. Raises: NotFound."""
    found = find_stored(connection, organisation_id, name)
    if found is None or (found.definition is not None) != custom:
        what = "provider of its own" if custom else "token for a provider"
        raise NotFound(
            f"the organisation has no {what} named {name[:60]!r}",
            hint="list its providers to see which there are",
        )
    return found


def load_provider(
    safe: Safe, organisation_id: str, row: SealedRow, other: Provider | None = None
) -> Provider:
    """Make the provider that a row means; `other` is the one that a token alone is for.

    Its only key is the row's token, and goes to the origin that it was given for. What is wrong is
    among the provider's problems: nobody else's request fails for it.

    Raises: StoreError while the database cannot be asked for what opens tokens.
    """
    if row.definition is None and other is None:
        unknown = ConfigError(f"provider '{row.name}' is not there any more, only a token for it")
        return replace(build_custom(row, None), problems=(unknown,))
    provider = build_custom(row, None) if row.definition is not None else other
    assert provider is not None
    provider = replace(provider, organisation_id=organisation_id)
    try:
        token = open_token(safe, organisation_id, row)
    except ConfigError as error:
        return replace(with_token(provider, None), problems=(*provider.problems, error))
    if token is not None and row.origin != origin_of(provider.base_url):
        where = "another address" if row.definition is None else row.origin
        moved = ConfigError(
            f"provider '{row.name}': its token was for {where}, and it is elsewhere now",
            hint="enter the token again, if it is to go there",
        )
        return replace(with_token(provider, None), problems=(*provider.problems, moved))
    return with_token(provider, token)


def problems_of(safe: Safe, row: StoredProvider) -> list[str]:
    """Say why a row cannot be used as it is; of a token alone, whether it opens.

    Raises: StoreError while the database cannot be asked for what opens tokens.
    """
    if row.definition is not None:
        provider = load_provider(safe, row.organisation_id, row)
        return [problem.message for problem in provider.problems]
    try:
        open_token(safe, row.organisation_id, row)
    except ConfigError as error:
        return [error.message]
    return []


def open_token(safe: Safe, organisation_id: str, row: SealedRow) -> Secret | None:
    """Open a row's token; None for none. Raises: Unreadable."""
    if row.token is None:
        return None
    return safe.open(row.token, purpose_of(organisation_id, row.name))


def _read(row: Mapping[str, Any]) -> StoredProvider:
    return StoredProvider(**{**dict(row), "enabled": bool(row["enabled"])})
