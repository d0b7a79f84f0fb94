"""`/organisations/{org}/projects`: parts of an organisation."""

from __future__ import annotations

from litestar import delete, get, put
from msgspec import Struct

from dragoman.control.paging import Listed, listed
from dragoman.organisations import projects
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.projects import Project
from dragoman.types.paging import Page


class ProjectShown(Struct, frozen=True):
    """A project."""

    name: str
    title: str
    created_at: float
    updated_at: float
    version: int


class ProjectBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a project is to be; with `version`, only if it is at that (0: not there yet)."""

    title: str | None = None
    version: int | None = None


@get("/organisations/{org:str}/projects", opt={"least": "viewer"}, sync_to_thread=True)
def list_projects(desk: Desk, organisation: Organisation, page: Page) -> Listed[ProjectShown]:
    """List the projects of an organisation, by name."""
    with desk.read() as connection:
        found = projects.list_projects(connection, organisation.id, page)
    return listed(found, _show)


@get("/organisations/{org:str}/projects/{name:str}", opt={"least": "viewer"}, sync_to_thread=True)
def show_project(desk: Desk, organisation: Organisation, name: str) -> ProjectShown:
    """Show a project."""
    with desk.read() as connection:
        return _show(projects.resolve_project(connection, organisation.id, name))


@put("/organisations/{org:str}/projects/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_project(
    desk: Desk, actor: Actor, organisation: Organisation, name: str, data: ProjectBody
) -> ProjectShown:
    """Make a project, or change its title."""
    made = projects.put_project(
        desk, actor, organisation, name, data.title or name, version=data.version
    )
    return _show(made)


@delete("/organisations/{org:str}/projects/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def delete_project(desk: Desk, actor: Actor, organisation: Organisation, name: str) -> None:
    """Delete a project to which no key belongs."""
    projects.delete_project(desk, actor, organisation.id, name)


def _show(project: Project) -> ProjectShown:
    return ProjectShown(
        name=project.name,
        title=project.title,
        created_at=project.created_at,
        updated_at=project.updated_at,
        version=project.version,
    )


HANDLERS = (list_projects, show_project, put_project, delete_project)
