"""An organisation's own routes: names for models, in the shape of a configuration's.

The operator's routes are seen by all and changed in the configuration; a name of theirs is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from dragoman.config.tenant import build_tenant_route
from dragoman.errors import InvalidRequest
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import NotFound, read_only
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.paging import Page, Slice, cut
from dragoman.types.route import Route

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
DEFINITION_LIMIT = 64 * 1024
_NAME = re.compile(NAME_PATTERN[1:-1])
_COLUMNS = "name, definition, created_at, updated_at, version"


class OwnRoute(Struct, frozen=True, kw_only=True):
    """A route. `definition` is its table; times are Unix seconds.

    One with a `problem` leads nowhere; where its table cannot be read, that is empty here.
    """

    name: str
    definition: Mapping[str, Any]
    created_at: float
    updated_at: float
    version: int
    problem: str | None = None


class Loaded(NamedTuple):
    """What a row of `route` means, what it says, and what is wrong with it."""

    route: Route
    said: Mapping[str, Any]
    problem: str | None


def list_routes(connection: Connection, organisation_id: str, page: Page) -> Slice[OwnRoute]:
    """List an organisation's routes, by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM route WHERE organisation_id = :organisation"  # noqa: S608
        " AND name > :after ORDER BY name LIMIT :limit",
        {"organisation": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([_read(row) for row in rows], page, lambda one: one.name)


def find_route(connection: Connection, organisation_id: str, name: str) -> OwnRoute | None:
    """Find a route by its name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM route"  # noqa: S608
        " WHERE organisation_id = :organisation AND name = :name",
        {"organisation": organisation_id, "name": name},
    )
    return _read(rows[0]) if rows else None


def resolve_route(connection: Connection, organisation_id: str, name: str) -> OwnRoute:
    """Find a route by its name. Raises: NotFound."""
    found = find_route(connection, organisation_id, name)
    if found is None:
        raise NotFound("there is no such route")
    return found


def read_routes(connection: Connection, organisation_id: str) -> dict[str, Route]:
    """Read all of an organisation's routes, as requests see them."""
    rows = connection.rows(
        "SELECT name, definition FROM route WHERE organisation_id = :organisation",
        {"organisation": organisation_id},
    )
    return {row["name"]: load_route(row["name"], row["definition"]).route for row in rows}


def load_route(name: str, written: str) -> Loaded:
    """Build the route that a row means."""
    said, unread = read_json(written, dict[str, Any], {})
    route, problems = build_tenant_route(name, said)
    if unread is not None:
        return Loaded(route, said, f"it leads nowhere: its table cannot be read: {unread}")
    return Loaded(route, said, f"it leads nowhere: {problems[0].message}" if problems else None)


def put_route(
    desk: Desk,
    actor: Actor,
    organisation_id: str,
    name: str,
    definition: Mapping[str, Any],
    *,
    operators: Mapping[str, Route],
    version: int | None = None,
) -> OwnRoute:
    """Make a route, or change it. `operators` are the routes of the configuration.

    Raises: InvalidRequest, ReadOnly, ChangedMeanwhile.
    """
    check_definition(name, definition, operators)
    written = msgspec.json.encode(definition).decode()
    with desk.change(actor, "put", "route", name, organisation_id=organisation_id) as change:
        connection = change.connection
        old = find_route(connection, organisation_id, name)
        check_version(version, old.version if old else 0, f"the route '{name}'")
        if old is None:
            connection.insert(
                "route",
                ("organisation_id", "name", "definition", "created_at", "updated_at"),
                [(organisation_id, name, written, change.now, change.now)],
            )
        elif _noted(old) != definition:
            connection.write(
                "UPDATE route SET definition = :definition, updated_at = :now,"
                " version = version + 1 WHERE organisation_id = :organisation AND name = :name",
                {
                    "organisation": organisation_id,
                    "name": name,
                    "definition": written,
                    "now": change.now,
                },
            )
        change.note(None if old is None else _noted(old), definition)
        return resolve_route(connection, organisation_id, name)


def delete_route(
    desk: Desk, actor: Actor, organisation_id: str, name: str, *, operators: Mapping[str, Route]
) -> None:
    """Delete a route. Raises: NotFound, ReadOnly."""
    with desk.change(actor, "delete", "route", name, organisation_id=organisation_id) as change:
        old = find_route(change.connection, organisation_id, name)
        if old is None:
            check_free(name, operators)
            raise NotFound("there is no such route")
        change.connection.write(
            "DELETE FROM route WHERE organisation_id = :organisation AND name = :name",
            {"organisation": organisation_id, "name": name},
        )
        change.note(_noted(old), None)


def check_definition(
    name: str, definition: Mapping[str, Any], operators: Mapping[str, Route]
) -> None:
    """See that a route could be served. Raises: InvalidRequest, ReadOnly."""
    check_free(name, operators)
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(
            "that is no name for a route",
            param="name",
            hint="1 to 100 letters, digits, '.', '_' and '-'; the first a letter or digit",
        )
    if len(msgspec.json.encode(definition)) > DEFINITION_LIMIT:
        raise InvalidRequest(f"a route has at most {DEFINITION_LIMIT} bytes", param="definition")
    _, problems = build_tenant_route(name, definition, strict=True)
    if problems:
        raise InvalidRequest(problems[0].message, param="definition", hint=problems[0].hint)


def check_free(name: str, operators: Mapping[str, Route]) -> None:
    """See that a name is not one of the configuration's. Raises: ReadOnly."""
    if name in operators:
        raise read_only(f"the route '{name}'", "; choose another name")


def _noted(one: OwnRoute) -> Mapping[str, Any]:
    return one.definition if one.problem is None else {**one.definition, "problem": one.problem}


def _read(row: Any) -> OwnRoute:
    loaded = load_route(row["name"], row["definition"])
    return OwnRoute(
        name=row["name"],
        definition=loaded.said,
        problem=loaded.problem,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
