"""`/organisations/{org}/keys`: gateway keys; a key's text is shown when it is made, and not again.

Members see and change keys of their own, administrators all of the organisation's. Those of the
configuration file are the organisation `default`'s; they are shown there, and changed in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import delete, get, patch, post
from litestar.params import Parameter
from msgspec import UNSET, Struct, UnsetType

from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.errors import InvalidRequest
from dragoman.organisations import key_rows, keys
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import read_only
from dragoman.organisations.keys import KeyChanges, KeyDraft, NewKey
from dragoman.organisations.organisations import Organisation
from dragoman.store.database import Connection
from dragoman.types.gateway_key import ANYTHING, FILE, IssuedKey, KeyRules
from dragoman.types.paging import Page, Slice


class KeyShown(Struct, frozen=True, kw_only=True):
    """A key, without its text: `prefix` is enough to recognise it by. Times are Unix seconds.

    `project` is a project's name, `member` an e-mail address. After a rotation the text with
    `previous_prefix` opens as well, until `previous_until`. One with a `problem` opens nothing: its
    rules cannot be read, and new ones mend it. One with `read_only` comes from the gateway's
    configuration.
    """

    id: str
    name: str
    prefix: str
    project: str | None
    member: str | None
    rules: KeyRules
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None
    previous_prefix: str | None
    previous_until: float | None
    created_by: str | None
    created_at: float | None
    updated_at: float | None
    version: int | None
    problem: str | None = None
    read_only: bool = False


class KeyMade(KeyShown, frozen=True, kw_only=True):
    """A key with its text, `key`: nobody can read it again."""

    key: str


class NewKeyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make: of a project (its name), of a member (an e-mail address), or of neither."""

    name: str
    project: str | None = None
    member: str | None = None
    rules: KeyRules = ANYTHING
    expires_at: float | None = None


class KeyChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is not there stays."""

    name: str | UnsetType = UNSET
    rules: KeyRules | UnsetType = UNSET
    expires_at: float | UnsetType | None = UNSET
    version: int | None = None


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many seconds the old text is to open as well."""

    overlap_s: float = 0.0
    version: int | None = None


Revoked = Annotated[bool, Parameter(description="Whether those that are revoked are listed too")]
Expired = Annotated[bool, Parameter(description="Whether those that have expired are listed too")]
Version = Annotated[int | None, Parameter(description="The version that was seen")]


@get("/organisations/{org:str}/keys", opt={"least": "member"}, sync_to_thread=True)
def list_keys(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    page: Page,
    revoked: Revoked = True,
    expired: Expired = True,
) -> Listed[KeyShown]:
    """List the organisation's keys, the newest last; members see their own.

    Those of the configuration are on the first page.
    """
    own = key_rows.account_to_see(actor, organisation.id)
    with desk.read() as connection:
        found = key_rows.list_keys(
            connection,
            organisation.id,
            page,
            account_id=own,
            revoked=revoked,
            valid_at=None if expired else desk.clock(),
        )
    shown = [show(key) for key in found.items]
    if page.after is None:
        shown = [*_configured(context, actor, organisation).values(), *shown]
    return listed(Slice(shown, found.after), lambda one: one)


@post("/organisations/{org:str}/keys", opt={"least": "member"}, sync_to_thread=True)
def create_key(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, data: NewKeyBody
) -> KeyMade:
    """Make a key. Its text, `key`, is shown this once."""
    account_id = None if actor.may("admin", organisation.id) else actor.account_id
    with desk.read() as connection:
        draft = KeyDraft(
            name=data.name,
            rules=data.rules,
            project_id=_id_of(connection, organisation, "project", data.project),
            account_id=_id_of(connection, organisation, "member", data.member) or account_id,
            expires_at=data.expires_at,
        )
    return _made(keys.create_key(desk, context.safe, actor, organisation.id, draft))


@get("/organisations/{org:str}/keys/{key_id:str}", opt={"least": "member"}, sync_to_thread=True)
def show_key(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, key_id: str
) -> KeyShown:
    """Show a key, without its text."""
    if (general := _configured(context, actor, organisation).get(key_id)) is not None:
        return general
    with desk.read() as connection:
        return show(key_rows.get_key(connection, actor, organisation.id, key_id))


@patch("/organisations/{org:str}/keys/{key_id:str}", opt={"least": "member"}, sync_to_thread=True)
def change_key(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    key_id: str,
    data: KeyChange,
) -> KeyShown:
    """Change a key's name, rules or expiry. Rules are replaced as a whole."""
    _check_ours(context, actor, organisation, key_id)
    changes = KeyChanges(
        name=data.name, rules=data.rules, expires_at=data.expires_at, version=data.version
    )
    return show(keys.update_key(desk, actor, organisation.id, key_id, changes))


@post(
    "/organisations/{org:str}/keys/{key_id:str}/rotate",
    opt={"least": "member"},
    sync_to_thread=True,
)
def rotate_key(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    key_id: str,
    data: Rotation | None = None,
) -> KeyMade:
    """Give a key a new text; the old one opens until the overlap is over.

    It stays the same key: its rules, limits, budgets and records go on.
    """
    _check_ours(context, actor, organisation, key_id)
    data = data or Rotation()
    made = keys.rotate_key(
        desk,
        context.safe,
        actor,
        organisation.id,
        key_id,
        overlap_s=data.overlap_s,
        version=data.version,
    )
    return _made(made)


@delete("/organisations/{org:str}/keys/{key_id:str}", opt={"least": "member"}, sync_to_thread=True)
def revoke_key(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    key_id: str,
    version: Version = None,
) -> None:
    """Revoke a key, at once and for good. It stays in the list, and its name in the records."""
    _check_ours(context, actor, organisation, key_id)
    keys.revoke_key(desk, actor, organisation.id, key_id, version=version)


def show(key: IssuedKey) -> KeyShown:
    """Show a key without its text."""
    return KeyShown(**_said_of(key))


def _made(new: NewKey) -> KeyMade:
    return KeyMade(key=new.text.reveal(), **_said_of(new.key))


def _said_of(key: IssuedKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in KeyShown.__struct_fields__ if name != "read_only"}


def _configured(
    context: Context, actor: Actor, organisation: Organisation
) -> Mapping[str, KeyShown]:
    """Show the keys of the configuration file to who sees all of the organisation's, by id."""
    if not actor.sees_configuration(organisation.id):
        return {}
    said: dict[str, Any] = dict.fromkeys(KeyShown.__struct_fields__)
    said |= {"prefix": "", "rules": ANYTHING}
    names = {f"{FILE}{key.name}": key.name for key in context.config().gateway_keys}
    return {
        id_: KeyShown(**{**said, "id": id_, "name": name, "read_only": True})
        for id_, name in names.items()
    }


def _check_ours(context: Context, actor: Actor, organisation: Organisation, key_id: str) -> None:
    """See that a key is not one of the configuration's. Raises: ReadOnly."""
    if (general := _configured(context, actor, organisation).get(key_id)) is not None:
        raise read_only(f"the key '{general.name}'")


_STATEMENTS = {
    "project": "SELECT id FROM project WHERE organisation_id = :of AND name = :name",
    "member": "SELECT a.id FROM member m JOIN account a ON a.id = m.account_id"
    " WHERE m.organisation_id = :of AND a.email = :name",
}


def _id_of(
    connection: Connection, organisation: Organisation, noun: str, name: str | None
) -> str | None:
    """Find a project or a member of the organisation. Raises: InvalidRequest."""
    if name is None:
        return None
    wanted = {"of": organisation.id, "name": name.lower() if noun == "member" else name}
    rows = connection.rows(_STATEMENTS[noun], wanted)
    if not rows:
        raise InvalidRequest(
            f"the organisation has no such {noun}",
            param=noun,
            hint=f"list its {noun}s to see which there are",
        )
    return str(rows[0]["id"])


HANDLERS = (list_keys, create_key, show_key, change_key, rotate_key, revoke_key)
