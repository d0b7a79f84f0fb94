"""`/organisations/{org}/built-in-providers`: who can be asked with no more than a token."""

from __future__ import annotations

from collections.abc import Iterator

from litestar import get
from msgspec import Struct

from dragoman.config import Config
from dragoman.config.secrets import origin_of
from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.organisations.desk import Desk
from dragoman.organisations.opened import Opened
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.provider_rows import list_stored
from dragoman.types.paging import Page, cut
from dragoman.types.provider import Api, Provider


class BuiltInShown(Struct, frozen=True):
    """A built-in provider. `token` says whether the organisation has one of its own for it.

    `rank` is its place in the catalog, which begins with those that most people look for.
    """

    name: str
    api: Api
    base_url: str
    default_model: str | None
    token: bool
    rank: int


@get("/organisations/{org:str}/built-in-providers", opt={"least": "viewer"}, sync_to_thread=True)
def list_built_in_providers(
    context: Context, desk: Desk, organisation: Organisation, page: Page
) -> Listed[BuiltInShown]:
    """List the built-in providers that operators enabled and that need only a token, by name."""
    with desk.read() as connection:
        stored = list_stored(connection, organisation.id)
    kept = {row.name for row in stored if row.definition is None}
    opened = Opened(organisation.id, organisation.quotas)
    after = page.after or ""
    found = sorted(
        (one for one in _simple(context.config()) if one.name > after and one.name in opened),
        key=lambda one: one.name,
    )
    ranks = {name: rank for rank, name in enumerate(context.config().providers)}
    part = cut(found[: page.limit + 1], page, lambda one: one.name)
    return listed(
        part,
        lambda one: BuiltInShown(
            one.name, one.api, one.base_url, one.default_model, one.name in kept, ranks[one.name]
        ),
    )


def _simple(config: Config) -> Iterator[Provider]:
    """Yield the built-in ones to which a token is all that is missing."""
    for provider in config.providers.values():
        simple = provider.built_in and provider.enabled and provider.adapter is None
        if simple and provider.credentials and origin_of(provider.base_url) is not None:
            yield provider


HANDLERS = (list_built_in_providers,)
