"""Organisations: whose everything else is."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.errors import InvalidRequest
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.texts import check_name, check_title, shown
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.identifier import new_id
from dragoman.types.organisation import (
    UNREAD_QUOTAS,
    UNREAD_SETTINGS,
    OrganisationSettings,
    Quotas,
    QuotasChange,
    SettingsChange,
    lay_over,
)
from dragoman.types.paging import Page, Slice, cut

NAMES_LIMIT = 200
_NO_QUOTAS = Quotas()
_PROVIDERS = re.compile(r"[a-z0-9*][a-z0-9*_.-]{0,199}")
_COLUMNS = "id, name, title, settings, quotas, created_at, updated_at, version"


class Organisation(Struct, frozen=True, kw_only=True):
    """An organisation. Times are seconds since 1970.

    Of one with a `problem` settings or quotas cannot be read, and are the strictest there are.
    """

    id: str
    name: str
    title: str
    settings: OrganisationSettings
    quotas: Quotas
    created_at: float
    updated_at: float
    version: int
    problem: str | None = None


def list_organisations(
    connection: Connection, page: Page, *, ids: Collection[str] | None = None
) -> Slice[Organisation]:
    """List organisations by name; only those with these `ids`, where they are given."""
    statement = f"SELECT {_COLUMNS} FROM organisation WHERE name > :after"  # noqa: S608
    values: dict[str, Any] = {"after": page.after or "", "limit": page.limit + 1}
    if ids is not None:
        if not ids:
            return Slice(())
        names = {f"id{number}": one for number, one in enumerate(sorted(ids))}
        statement += f" AND id IN ({', '.join(f':{name}' for name in names)})"
        values |= names
    rows = connection.rows(f"{statement} ORDER BY name LIMIT :limit", values)
    return cut([_read(row) for row in rows], page, lambda one: one.name)


def find_organisation(connection: Connection, name: str) -> Organisation | None:
    """Find an organisation by its name."""
    return _find(connection, "name", name)


def resolve_organisation(connection: Connection, name: str) -> Organisation:
    """Find an organisation by its name. Raises: NotFound."""
    found = find_organisation(connection, name)
    if found is None:
        raise no_organisation()
    return found


def no_organisation() -> NotFound:
    """Make the error for one that is not there, or not for who asks: nobody can tell which."""
    return NotFound("there is no such organisation")


def create_organisation(
    desk: Desk, actor: Actor, name: str, title: str, *, quotas: Quotas = _NO_QUOTAS
) -> Organisation:
    """Make an organisation. Raises: InvalidRequest, Conflict for a name that is taken."""
    check_name(name)
    check_title(title)
    _check_quotas(quotas)
    written = msgspec.json.encode(quotas).decode()
    made = new_id("org")
    with desk.change(actor, "create", "organisation", name, organisation_id=made) as change:
        if find_organisation(change.connection, name) is not None:
            raise Conflict(f"there is an organisation '{name}' already", hint="take another name")
        change.connection.insert(
            "organisation",
            ("id", "name", "title", "quotas", "created_at", "updated_at"),
            [(made, name, title, written, change.now, change.now)],
        )
        given = {k: v for k, v in _said_of(quotas).items() if v is not None}
        change.note(None, {"title": title, **given})
        return _get(change.connection, made)


def update_organisation(
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    *,
    title: str | None = None,
    settings: SettingsChange | UnsetType = UNSET,
    quotas: QuotasChange | UnsetType = UNSET,
    version: int | None = None,
) -> Organisation:
    """Change what is given; who may change what is decided before.

    What is not given stays as it holds: of what cannot be read that is the strictest there is.

    Raises: InvalidRequest, NotFound, ChangedMeanwhile.
    """
    if title is not None:
        check_title(title)
    name = organisation.name
    with desk.change(
        actor, "update", "organisation", name, organisation_id=organisation.id
    ) as change:
        old = _get(change.connection, organisation.id)
        check_version(version, old.version, f"the organisation '{name}'")
        said: dict[str, Any] = {}
        if title is not None:
            said["title"] = title
        if settings is not UNSET:
            said["settings"] = lay_over(old.settings, settings)
        if quotas is not UNSET:
            said["quotas"] = lay_over(old.quotas, quotas)
            _check_quotas(said["quotas"])
        different = {
            field: value
            for field, value in said.items()
            # What stands in for something that cannot be read is not what was there.
            if old.problem is not None or value != getattr(old, field)
        }
        if not different:
            return old
        values = {
            field: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for field, value in different.items()
        }
        change.connection.write(
            "UPDATE organisation SET "  # noqa: S608
            + ", ".join(f"{field} = :{field}" for field in values)
            + ", updated_at = :now, version = version + 1 WHERE id = :id",
            {**values, "id": old.id, "now": change.now},
        )
        after = _get(change.connection, old.id)
        change.note(_noted(old), _noted(after))
        return after


def delete_organisation(
    desk: Desk, actor: Actor, organisation: Organisation, *, confirm: str
) -> None:
    """Delete an organisation and all that is set up in it; what was used stays in the records.

    `confirm` is its name once more. Raises: InvalidRequest, NotFound, Conflict.
    """
    if organisation.id == DEFAULT_ORGANISATION:
        raise Conflict(
            "the organisation 'default' stays", hint="what belongs to nobody else belongs to it"
        )
    if confirm != organisation.name:
        raise InvalidRequest(
            "the name that confirms it is not the organisation's",
            param="confirm",
            hint=f"all that is set up in it is lost; to delete it, confirm '{organisation.name}'",
        )
    with desk.change(
        actor, "delete", "organisation", organisation.name, organisation_id=organisation.id
    ) as change:
        old = _get(change.connection, organisation.id)
        change.connection.write("DELETE FROM organisation WHERE id = :id", {"id": old.id})
        change.note(_noted(old), None)


def _check_quotas(quotas: Quotas) -> None:
    for name in ("keys", "providers", "projects", "members"):
        most = getattr(quotas, name)
        if most is not None and not 0 <= most <= 1_000_000:
            raise InvalidRequest(
                f"the quota of {name} is not between 0 and 1000000",
                param=name,
                hint="give a whole number, or none for as many as there will be",
            )
    names = quotas.operator_providers or ()
    if len(names) > NAMES_LIMIT:
        raise InvalidRequest(
            f"{len(names)} names of providers are more than {NAMES_LIMIT}",
            param="operator_providers",
            hint="'*' stands for any text: '*' alone enables all",
        )
    for name in names:
        if _PROVIDERS.fullmatch(name) is None:
            raise InvalidRequest(
                f"{shown(name)} is no name of a provider",
                param="operator_providers",
                hint="write names as in provider/model, such as openai; '*' stands for any text",
            )


def _noted(organisation: Organisation) -> dict[str, Any]:
    return {
        "title": organisation.title,
        **msgspec.to_builtins(organisation.settings),
        **_said_of(organisation.quotas),
        "problem": organisation.problem,
    }


def _said_of(quotas: Quotas) -> dict[str, Any]:
    return {f"quota of {name}": value for name, value in msgspec.to_builtins(quotas).items()}


def _get(connection: Connection, organisation_id: str) -> Organisation:
    found = _find(connection, "id", organisation_id)
    if found is None:
        raise no_organisation()
    return found


def _find(connection: Connection, column: str, value: str) -> Organisation | None:
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM organisation WHERE {column} = :value",  # noqa: S608
        {"value": value},
    )
    return _read(rows[0]) if rows else None


def _read(row: Any) -> Organisation:
    settings, unread = read_json(row["settings"], OrganisationSettings, UNREAD_SETTINGS)
    quotas, uncounted = read_json(row["quotas"], Quotas, UNREAD_QUOTAS)
    wrong = [
        f"its {what} cannot be read: {why}"
        for what, why in (("settings", unread), ("quotas", uncounted))
        if why is not None
    ]
    return Organisation(
        id=row["id"],
        name=row["name"],
        title=row["title"],
        settings=settings,
        quotas=quotas,
        problem="; ".join(wrong) or None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
