"""`/organisations/{org}/routes`: names for several models, and what a request would do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from litestar import delete, get, post, put
from msgspec import Struct, to_builtins
from msgspec.structs import replace

from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.discretion import conceal
from dragoman.errors import DragomanError
from dragoman.explain import explain_resolution
from dragoman.organisations import routes
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.opened import Opened, OpenRoutes
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.routes import OwnRoute
from dragoman.registry import Registry
from dragoman.resolution import Resolution
from dragoman.routing.conditions import choose
from dragoman.types.paging import Page, Slice
from dragoman.types.request import ChatRequest, Tool
from dragoman.types.route import Route

_OURS = ("name", "origin", "place")


class RouteShown(Struct, frozen=True, kw_only=True):
    """A route. One with `read_only` comes from the gateway's configuration.

    `definition` is what `[routes.NAME]` takes. `problem` says what of it leads nowhere: all of it,
    or an entry that is passed over because what it names is gone. Another definition mends it.
    """

    name: str
    definition: Mapping[str, Any]
    read_only: bool
    created_at: float | None = None
    updated_at: float | None = None
    version: int | None = None
    problem: str | None = None


class RouteBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a route is to be; with `version`, only if it is at that (0: not there yet)."""

    definition: Mapping[str, Any]
    version: int | None = None


class Supposed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that somebody might make. `tokens` is the size of its prompt, `at` Unix time."""

    model: str
    stream: bool = False
    image: bool = False
    tools: bool = False
    tokens: int = 0
    headers: Mapping[str, str] = {}
    metadata: Mapping[str, str] = {}
    user: str | None = None
    at: float | None = None


class Place(Struct, frozen=True):
    """A deployment that would be asked, in its turn. `weight` is its share among neighbours."""

    ref: str
    provider: str
    model: str
    weight: float | None
    when: str


class Explained(Struct, frozen=True, kw_only=True):
    """Where a request would go: the readings of its model, and who would be asked, in order."""

    asked: str
    route: str
    steps: list[str]
    deployments: list[Place]
    shadow: str | None


@get("/organisations/{org:str}/routes", opt={"least": "viewer"}, sync_to_thread=True)
def list_routes(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, page: Page
) -> Listed[RouteShown]:
    """List routes: the configuration's on the first page, then the organisation's, by name."""
    with desk.read() as connection:
        found = routes.list_routes(connection, organisation.id, page)
    registry = _registry(context, desk, actor, organisation)
    shown = [_show(one, registry, actor) for one in found.items]
    if page.after is None:
        shown = [_show_operators(one) for one in _operators(context, organisation).values()] + shown
    return listed(Slice(shown, found.after), lambda one: one)


@get("/organisations/{org:str}/routes/{name:str}", opt={"least": "viewer"}, sync_to_thread=True)
def show_route(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, name: str
) -> RouteShown:
    """Show a route."""
    if (general := _operators(context, organisation).get(name)) is not None:
        return _show_operators(general)
    with desk.read() as connection:
        found = routes.resolve_route(connection, organisation.id, name)
    return _show(found, _registry(context, desk, actor, organisation), actor)


@put("/organisations/{org:str}/routes/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_route(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: RouteBody,
) -> RouteShown:
    """Make a route, or change it; it holds within a second."""
    made = routes.put_route(
        desk,
        actor,
        organisation.id,
        name,
        data.definition,
        operators=_operators(context, organisation),
        version=data.version,
    )
    return _show(made, _registry(context, desk, actor, organisation), actor)


@delete("/organisations/{org:str}/routes/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def delete_route(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, name: str
) -> None:
    """Delete a route."""
    operators = _operators(context, organisation)
    routes.delete_route(desk, actor, organisation.id, name, operators=operators)


@post(
    "/organisations/{org:str}/routes/explain",
    opt={"least": "viewer"},
    sync_to_thread=True,
    status_code=200,
)
def explain(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, data: Supposed
) -> Explained:
    """Say what a request would do. Nobody is asked."""
    try:
        found = _registry(context, desk, actor, organisation).resolve(data.model)
    except DragomanError as error:
        raise error if actor.operator else conceal(error, None) from None
    asked = _Asked(data)
    chosen = choose(found.deployments, asked)
    shadow = found.route.shadow
    return Explained(
        asked=found.asked,
        route=found.route.name,
        steps=list(explain_resolution(found, whole=actor.operator)),
        deployments=[
            Place(d.ref, d.provider.name, d.model, d.weight, d.when)
            for d in chosen
            if d.when != "image" or data.image
        ],
        shadow=None if shadow is None else shadow.ref,
    )


class _Asked:
    """A request that is supposed: see `dragoman.routing.conditions.Asked`."""

    def __init__(self, supposed: Supposed) -> None:
        self.stream = supposed.stream
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in supposed.headers.items()
        }
        self.now = time.time() if supposed.at is None else supposed.at
        self.estimate = supposed.tokens
        self.has_images = supposed.image
        self.request: ChatRequest | None = ChatRequest(
            model=supposed.model,
            messages=(),
            tools=(Tool("supposed"),) if supposed.tools else (),
            metadata=supposed.metadata,
            user=supposed.user,
        )


def _registry(context: Context, desk: Desk, actor: Actor, organisation: Organisation) -> Registry:
    """Find what the organisation's models lead to, by its routes as they are kept at the moment.

    Where a route of the configuration stands operators alone are told.
    """
    registry = context.registry(organisation.id)
    with desk.read() as connection:
        own = routes.read_routes(connection, organisation.id)
    operators = _operators(context, organisation)
    if not actor.operator:
        operators = {name: replace(route, place=None) for name, route in operators.items()}
    seen = replace(registry.config, routes={**operators, **own})
    return Registry(seen, discovered=registry.discovered)


def _operators(context: Context, organisation: Organisation) -> Mapping[str, Route]:
    """Find the configuration's routes, as far as they lead to what the organisation may use."""
    opened = Opened(organisation.id, organisation.quotas)
    return OpenRoutes(Registry(context.config()), opened).all()


def _show(one: OwnRoute, registry: Registry, actor: Actor) -> RouteShown:
    return RouteShown(
        name=one.name,
        definition=one.definition,
        read_only=False,
        created_at=one.created_at,
        updated_at=one.updated_at,
        version=one.version,
        problem=one.problem or _find_problem(one.name, registry, actor),
    )


def _find_problem(name: str, registry: Registry, actor: Actor) -> str | None:
    """Say what of a route leads nowhere at the moment, if anything does."""
    wrong: list[str] = []

    def find(ref: str) -> Resolution | None:
        try:
            return registry.resolve(ref)
        except DragomanError as error:
            wrong.append((error if actor.operator else conceal(error, None)).message)
            return None

    if (found := find(name)) is not None:
        wrong += [f"passed over: {why}" for why in found.passed_over]
        shadow = found.route.shadow
        for ref in (found.route.image_model, None if shadow is None else shadow.ref):
            if ref is not None:
                find(ref)
    return "; ".join(wrong) or None


def _show_operators(route: Route) -> RouteShown:
    said: dict[str, Any] = to_builtins(route)
    return RouteShown(
        name=route.name,
        definition={name: value for name, value in said.items() if name not in _OURS},
        read_only=True,
    )


HANDLERS = (list_routes, show_route, put_route, delete_route, explain)
