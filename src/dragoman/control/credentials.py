"""`/organisations/{org}/credentials`: the organisation's own tokens for built-in providers.

With one, the provider is asked with that token and no other key, in this organisation alone.
"""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, put
from litestar.params import Parameter
from msgspec import Struct
from msgspec.structs import replace

from dragoman.config import Config
from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.control.provider_shapes import TokenShown, show_token
from dragoman.organisations import providers
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import NotFound
from dragoman.organisations.opened import Opened
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.provider_rows import StoredProvider, get_stored, list_stored
from dragoman.organisations.safe import Safe
from dragoman.types.paging import Page, cut
from dragoman.types.provider import Provider

Version = Annotated[int | None, Parameter(description="The version that was seen")]


class CredentialShown(Struct, frozen=True):
    """That there is a token for a provider, and enough of it to recognise it by."""

    provider: str
    token: TokenShown | None
    created_at: float
    updated_at: float
    version: int


class CredentialBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token; with `version`, only if it is at that (0: not there yet)."""

    token: str
    version: int | None = None


@get("/organisations/{org:str}/credentials", opt={"least": "viewer"}, sync_to_thread=True)
def list_credentials(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, page: Page
) -> Listed[CredentialShown]:
    """List for which providers the organisation has tokens of its own, by name."""
    with desk.read() as connection:
        rows = list_stored(connection, organisation.id)
    after = page.after or ""
    found = [row for row in rows if row.definition is None and row.name > after]
    part = cut(found[: page.limit + 1], page, lambda row: row.name)
    return listed(part, lambda row: _show(context.safe, actor, row))


@get(
    "/organisations/{org:str}/credentials/{provider:str}",
    opt={"least": "viewer"},
    sync_to_thread=True,
)
def show_credential(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, provider: str
) -> CredentialShown:
    """Show that there is a token, and its last four characters."""
    with desk.read() as connection:
        row = get_stored(connection, organisation.id, provider, custom=False)
    return _show(context.safe, actor, row)


@put(
    "/organisations/{org:str}/credentials/{provider:str}",
    opt={"least": "admin"},
    sync_to_thread=True,
)
def put_credential(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    provider: str,
    data: CredentialBody,
) -> CredentialShown:
    """Keep a token of the organisation's own for a provider that it has not made itself."""
    known = _known(context.config(), organisation, provider)
    written = providers.put_credential(
        desk, context.safe, actor, organisation.id, known, data.token, version=data.version
    )
    return _show(context.safe, actor, written.provider)


@delete(
    "/organisations/{org:str}/credentials/{provider:str}",
    opt={"least": "admin"},
    sync_to_thread=True,
)
def delete_credential(
    desk: Desk, actor: Actor, organisation: Organisation, provider: str, version: Version = None
) -> None:
    """Forget a token of the organisation's own."""
    providers.delete_credential(desk, actor, organisation.id, provider, version=version)


def _known(config: Config, organisation: Organisation, name: str) -> Provider:
    """Find a provider that the organisation may use. Raises: NotFound."""
    if name not in config.providers or name not in Opened(organisation.id, organisation.quotas):
        raise NotFound(
            f"there is no provider named {name[:60]!r} for this organisation",
            hint="ask an operator of this gateway to enable it for the organisation"
            f" (dragoman organisations set {organisation.name} --operator-providers …), or set up a"
            " provider of your own",
        )
    return config.providers[name]


def _show(safe: Safe, actor: Actor, row: StoredProvider) -> CredentialShown:
    """Show that there is a token; where the gateway's own provider is only operators are told."""
    token = show_token(safe, row)
    if token is not None and not actor.operator:
        token = replace(token, origin=None)
    return CredentialShown(
        provider=row.name,
        token=token,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


HANDLERS = (list_credentials, show_credential, put_credential, delete_credential)
