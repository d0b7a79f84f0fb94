"""`/organisations/{org}/providers`: the organisation's own, and those of the configuration.

A provider is asked as `{name}/{model}` on every endpoint, with the organisation's gateway keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from litestar import delete, get, patch, post, put
from litestar.params import Parameter
from msgspec import UNSET, Struct, UnsetType

from dragoman.config import Config
from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.control.provider_shapes import (
    CalledUrls,
    ProviderBody,
    ProviderShown,
    said_in,
    show_configured,
    show_stored,
)
from dragoman.errors import DestinationDenied
from dragoman.organisations import providers
from dragoman.organisations.actor import Actor
from dragoman.organisations.definition import called_urls
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import NotFound, ReadOnly
from dragoman.organisations.opened import Opened
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.provider_rows import get_stored, list_stored
from dragoman.organisations.providers import ProviderDraft
from dragoman.transport.dial import Network, check_written
from dragoman.types.http import parse_url
from dragoman.types.paging import Page, cut
from dragoman.types.provider import Api, Provider

Version = Annotated[int | None, Parameter(description="The version that was seen")]


class ProviderChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is not there stays."""

    enabled: bool | UnsetType = UNSET
    token: str | UnsetType | None = UNSET
    version: int | None = None


class Draft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address, and the language that is spoken there."""

    base_url: str
    api: Api = "openai-completions"


@get("/organisations/{org:str}/providers", opt={"least": "viewer"}, sync_to_thread=True)
def list_providers(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, page: Page
) -> Listed[ProviderShown]:
    """List the organisation's providers and those of the configuration, by name."""
    with desk.read() as connection:
        rows = list_stored(connection, organisation.id)
    checked = context.checked
    shown = [
        show_stored(context.safe, row, checked=checked(organisation.id, row.name))
        for row in rows
        if row.definition is not None
    ]
    own = {one.name for one in shown}
    shown += [
        show_configured(provider, checked(None, provider.name), to_operator=actor.operator)
        for provider in _configured(context.config(), organisation)
        if provider.name not in own
    ]
    behind = [one for one in sorted(shown, key=lambda one: one.name) if one.name > _after(page)]
    return listed(cut(behind[: page.limit + 1], page, lambda one: one.name), lambda one: one)


@get("/organisations/{org:str}/providers/{name:str}", opt={"least": "viewer"}, sync_to_thread=True)
def show_provider(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, name: str
) -> ProviderShown:
    """Show a provider. Its token cannot be read back: only its last four characters are shown."""
    with desk.read() as connection:
        try:
            row = get_stored(connection, organisation.id, name, custom=True)
        except NotFound:
            for provider in _configured(context.config(), organisation):
                if provider.name == name:
                    seen = context.checked(None, name)
                    return show_configured(provider, seen, to_operator=actor.operator)
            raise
    return show_stored(context.safe, row, checked=context.checked(organisation.id, name))


@put("/organisations/{org:str}/providers/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_provider(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: ProviderBody,
) -> ProviderShown:
    """Make a provider of the organisation's own, or change all of its settings.

    A token belongs to the scheme, host and port that it was given for: where these change and no
    token is given, the one that was there is gone, and `warnings` says so.
    """
    draft = ProviderDraft(
        said=said_in(data), token=data.token, enabled=data.enabled, version=data.version
    )
    written = providers.put_provider(
        desk, context.safe, actor, organisation.id, name, draft, context.config()
    )
    warnings = (*written.warnings, *_unreachable(data.base_url, actor, context.network()))
    return show_stored(context.safe, written.provider, warnings)


@patch("/organisations/{org:str}/providers/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def change_provider(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: ProviderChange,
) -> ProviderShown:
    """Enable or disable a provider of the organisation's own, or give it another token."""
    with _told_where(context.config(), organisation, name):
        changed = providers.change_provider(
            desk,
            context.safe,
            actor,
            organisation.id,
            name,
            enabled=data.enabled,
            token=data.token,
            version=data.version,
        )
    return show_stored(context.safe, changed)


@delete(
    "/organisations/{org:str}/providers/{name:str}", opt={"least": "admin"}, sync_to_thread=True
)
def delete_provider(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    version: Version = None,
) -> None:
    """Delete a provider of the organisation's own, with its token."""
    with _told_where(context.config(), organisation, name):
        providers.delete_provider(desk, actor, organisation.id, name, version=version)


@post(
    "/organisations/{org:str}/provider-drafts/preview",
    opt={"least": "viewer"},
    sync_to_thread=True,
    status_code=200,
)
def preview_provider(actor: Actor, organisation: Organisation, data: Draft) -> CalledUrls:  # noqa: ARG001
    """Say which URLs a provider at this address would be asked at. Nothing is sent there."""
    return CalledUrls(**called_urls(data.base_url, data.api, actor.egress))


def _unreachable(base_url: str, actor: Actor, network: Network) -> Iterator[str]:
    """Warn of an address to which nobody of the organisation gets, as things are."""
    try:
        check_written(parse_url(base_url), actor.egress, network)
    except DestinationDenied as error:
        yield (
            f"requests to it will be refused: {error.message} (a private address needs the"
            " operator's `egress_allow`)"
        )


def _after(page: Page) -> str:
    return page.after or ""


def _configured(config: Config, organisation: Organisation) -> list[Provider]:
    """List the providers of the operator's configuration that the organisation may use."""
    opened = Opened(organisation.id, organisation.quotas)
    return [one for one in config.custom if one.name in opened]


@contextmanager
def _told_where(config: Config, organisation: Organisation, name: str) -> Iterator[None]:
    """Say of a provider that is not the organisation's where it is. Raises: ReadOnly."""
    try:
        yield
    except NotFound:
        if any(provider.name == name for provider in _configured(config, organisation)):
            raise ReadOnly(
                f"'{name}' is a provider of the gateway's configuration",
                hint="it is changed there, by an operator",
            ) from None
        raise


HANDLERS = (
    list_providers,
    show_provider,
    put_provider,
    change_provider,
    delete_provider,
    preview_provider,
)
