"""Projects: parts of an organisation, with keys, limits and figures of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.quotas import check_quota
from dragoman.organisations.texts import check_name, check_title
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.types.identifier import new_id
from dragoman.types.paging import Page, Slice, cut

_COLUMNS = "id, name, title, created_at, updated_at, version"


class Project(Struct, frozen=True, kw_only=True):
    """A project. Times are seconds since 1970."""

    id: str
    name: str
    title: str
    created_at: float
    updated_at: float
    version: int


def list_projects(connection: Connection, organisation_id: str, page: Page) -> Slice[Project]:
    """List the projects of an organisation by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM project WHERE organisation_id = :organisation"  # noqa: S608
        " AND name > :after ORDER BY name LIMIT :limit",
        {"organisation": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([_read(row) for row in rows], page, lambda one: one.name)


def find_project(connection: Connection, organisation_id: str, name: str) -> Project | None:
    """Find a project by its name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM project"  # noqa: S608
        " WHERE organisation_id = :organisation AND name = :name",
        {"organisation": organisation_id, "name": name},
    )
    return _read(rows[0]) if rows else None


def resolve_project(connection: Connection, organisation_id: str, name: str) -> Project:
    """Find a project by its name. Raises: NotFound."""
    found = find_project(connection, organisation_id, name)
    if found is None:
        raise NotFound("there is no such project")
    return found


def put_project(
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    title: str,
    *,
    version: int | None = None,
) -> Project:
    """Make a project, or change its title.

    Raises: InvalidRequest, ChangedMeanwhile, QuotaReached.
    """
    check_name(name)
    check_title(title)
    of = organisation.id
    with desk.change(actor, "put", "project", name, organisation_id=of) as change:
        connection = change.connection
        old = find_project(connection, of, name)
        check_version(version, old.version if old else 0, f"the project '{name}'")
        if old is None:
            check_quota(connection, of, "projects", change.now)
            connection.insert(
                "project",
                ("id", "organisation_id", "name", "title", "created_at", "updated_at"),
                [(new_id("prj"), of, name, title, change.now, change.now)],
            )
        elif old.title != title:
            connection.write(
                "UPDATE project SET title = :title, updated_at = :now, version = version + 1"
                " WHERE id = :id",
                {"id": old.id, "title": title, "now": change.now},
            )
        change.note(None if old is None else {"title": old.title}, {"title": title})
        return resolve_project(connection, of, name)


def delete_project(desk: Desk, actor: Actor, organisation_id: str, name: str) -> None:
    """Delete a project. Raises: NotFound, Conflict while keys belong to it.

    A key that lost its project would lose its budget with it.
    """
    with desk.change(actor, "delete", "project", name, organisation_id=organisation_id) as change:
        old = resolve_project(change.connection, organisation_id, name)
        keys = change.connection.rows(
            "SELECT name FROM gateway_key WHERE project_id = :id AND revoked_at IS NULL LIMIT 1",
            {"id": old.id},
        )
        if keys:
            raise Conflict(
                f"the gateway key '{keys[0]['name']}' belongs to the project '{name}'",
                hint="revoke the keys of a project before you delete it",
            )
        change.connection.write("DELETE FROM project WHERE id = :id", {"id": old.id})
        change.note({"title": old.title}, None)


def _read(row: Mapping[str, Any]) -> Project:
    return Project(**dict(row))
