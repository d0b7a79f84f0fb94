"""`/organisations`: what there is, as far as it is who asks's; and what operators make of it."""

from __future__ import annotations

from litestar import delete, get, patch, post
from msgspec import UNSET, Struct, UnsetType

from dragoman.control.paging import Listed, listed
from dragoman.errors import Forbidden
from dragoman.organisations import organisations
from dragoman.organisations.actor import Actor, Role
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation
from dragoman.types.organisation import (
    OrganisationSettings,
    Quotas,
    QuotasChange,
    SettingsChange,
)
from dragoman.types.paging import Page


class OrganisationShown(Struct, frozen=True):
    """An organisation; `role` is that of who asks in it.

    Of one with a `problem` settings or quotas cannot be read: nothing is allowed that they may have
    withheld, until they are set anew.
    """

    name: str
    title: str
    role: Role | None
    settings: OrganisationSettings
    quotas: Quotas
    created_at: float
    updated_at: float
    version: int
    problem: str | None = None


class NewOrganisation(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a new organisation.

    Without `quotas.operator_providers` it may use none of the operator's providers.
    """

    name: str
    title: str | None = None
    quotas: Quotas = Quotas()


class OrganisationChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; the rest stays, within `settings` and `quotas` too.

    null takes a value in them back to its default. Only operators change `quotas`.
    """

    title: str | None = None
    settings: SettingsChange | UnsetType = UNSET
    quotas: QuotasChange | UnsetType = UNSET
    version: int | None = None


@get("/organisations", opt={"signed_in": True}, sync_to_thread=True)
def list_organisations(desk: Desk, actor: Actor, page: Page) -> Listed[OrganisationShown]:
    """List the organisations in which you have a role, by name; operators see all."""
    ids = None if actor.operator else tuple(actor.roles)
    with desk.read() as connection:
        found = organisations.list_organisations(connection, page, ids=ids)
    return listed(found, lambda one: show(one, actor))


@post("/organisations", opt={"operator": True}, sync_to_thread=True)
def create_organisation(desk: Desk, actor: Actor, data: NewOrganisation) -> OrganisationShown:
    """Make an organisation."""
    made = organisations.create_organisation(
        desk, actor, data.name, data.title or data.name, quotas=data.quotas
    )
    return show(made, actor)


@get("/organisations/{org:str}", opt={"least": "viewer"}, sync_to_thread=False)
def show_organisation(organisation: Organisation, actor: Actor) -> OrganisationShown:
    """Show an organisation."""
    return show(organisation, actor)


@patch("/organisations/{org:str}", opt={"least": "admin"}, sync_to_thread=True)
def change_organisation(
    desk: Desk, actor: Actor, organisation: Organisation, data: OrganisationChange
) -> OrganisationShown:
    """Change title or settings of an organisation; operators also its quotas.

    What is not sent stays; null takes a value of settings or quotas back to its default.
    """
    if data.quotas is not UNSET and not actor.operator:
        raise Forbidden("only operators of this gateway set quotas")
    changed = organisations.update_organisation(
        desk,
        actor,
        organisation,
        title=data.title,
        settings=data.settings,
        quotas=data.quotas,
        version=data.version,
    )
    return show(changed, actor)


@delete("/organisations/{org:str}", opt={"least": "owner"}, sync_to_thread=True)
def delete_organisation(desk: Desk, actor: Actor, organisation: Organisation, confirm: str) -> None:
    """Delete an organisation and all that is set up in it; `confirm` is its name once more."""
    organisations.delete_organisation(desk, actor, organisation, confirm=confirm)


def show(organisation: Organisation, actor: Actor) -> OrganisationShown:
    """Show an organisation to who asks."""
    return OrganisationShown(
        name=organisation.name,
        title=organisation.title,
        role=actor.role_in(organisation.id),
        settings=organisation.settings,
        quotas=organisation.quotas,
        created_at=organisation.created_at,
        updated_at=organisation.updated_at,
        version=organisation.version,
        problem=organisation.problem,
    )


HANDLERS = (
    list_organisations,
    create_organisation,
    show_organisation,
    change_organisation,
    delete_organisation,
)
