"""What handlers are given by name: `desk`, `actor`, `organisation`, `page` and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.di import Provide

from dragoman.control.authentication import Identity
from dragoman.control.context import Context
from dragoman.control.paging import read_page
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation


def give_context(request: Request[Any, Any, Any]) -> Context:
    """Give what the server has."""
    context: Context = request.app.state.context
    return context


def give_desk(request: Request[Any, Any, Any]) -> Desk:
    """Give the desk at which things are read and changed."""
    return give_context(request).desk


def give_identity(request: Request[Any, Any, Any]) -> Identity:
    """Give who asks, and with what; only where somebody has to say who they are."""
    identity: Identity = request.scope["state"]["identity"]
    return identity


def give_actor(request: Request[Any, Any, Any]) -> Actor:
    """Give who asks; only where somebody has to say who they are."""
    return give_identity(request).actor


def give_organisation(request: Request[Any, Any, Any]) -> Organisation:
    """Give the organisation of the path, in which who asks has a role."""
    organisation: Organisation = request.scope["state"]["organisation"]
    return organisation


DEPENDENCIES: Mapping[str, Provide] = {
    "context": Provide(give_context, sync_to_thread=False),
    "desk": Provide(give_desk, sync_to_thread=False),
    "identity": Provide(give_identity, sync_to_thread=False),
    "actor": Provide(give_actor, sync_to_thread=False),
    "organisation": Provide(give_organisation, sync_to_thread=False),
    "page": Provide(read_page, sync_to_thread=False),
}
