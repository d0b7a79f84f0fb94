"""The control plane as an application: a list of handlers, a guard, a shape of errors.

To add a resource, write `control/THINGS.py` beside this file, and add its `HANDLERS` to
`RESOURCES`:

    class ThingShown(Struct, frozen=True): ...                              # what is answered
    class ThingBody(Struct, frozen=True, forbid_unknown_fields=True): ...   # what is taken

    @put("/organisations/{org:str}/things/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
    def put_thing(
        desk: Desk, actor: Actor, organisation: Organisation, name: str, data: ThingBody
    ) -> ThingShown:
        "Make a thing, or change it."         # the docs and the OpenAPI document say this
        return show(things.put_thing(desk, actor, organisation.id, name, data.title))

    HANDLERS = (list_things, show_thing, put_thing, delete_thing)

`opt` says who may call it (`authentication.py`). What is given by name stands in
`dependencies.py`: `desk`, `actor`, `organisation` (that of the path; a foreign one is a 404 before
the handler), `page` for lists (`paging.py`), `context` for all that the server has. Handlers stay
thin: what holds in the command line too belongs into `organisations/` or `ledger/`. They raise
what these raise (`errors.py` answers it). Then `tests/control/cases/matrix.toml` wants a line for
each operation.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from litestar import Litestar
from litestar.exceptions.base_exceptions import LitestarDeprecationWarning
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.utils.sync import AsyncCallable

from dragoman.control import (
    accounts,
    allowances,
    audit,
    built_in,
    credentials,
    exports,
    gateway,
    guardrails,
    invitations,
    keys,
    members,
    oidc,
    organisations,
    projects,
    providers,
    requests,
    routes,
    sessions,
    tokens,
    trials,
    usage,
    webhooks,
)
from dragoman.control.authentication import check_rule, guard
from dragoman.control.context import Context
from dragoman.control.dependencies import DEPENDENCIES
from dragoman.control.description import make_config
from dragoman.control.errors import answer_error

PREFIX = "/api/v1"

RESOURCES: tuple[HTTPRouteHandler, ...] = (
    *accounts.HANDLERS,
    *allowances.HANDLERS,
    *audit.HANDLERS,
    *built_in.HANDLERS,
    *credentials.HANDLERS,
    *exports.HANDLERS,
    *gateway.HANDLERS,
    *guardrails.HANDLERS,
    *invitations.HANDLERS,
    *keys.HANDLERS,
    *members.HANDLERS,
    *oidc.HANDLERS,
    *organisations.HANDLERS,
    *projects.HANDLERS,
    *requests.HANDLERS,
    *providers.HANDLERS,
    *routes.HANDLERS,
    *sessions.HANDLERS,
    *tokens.HANDLERS,
    *webhooks.HANDLERS,
    *trials.HANDLERS,
    *usage.HANDLERS,
)


def make_app(context: Context, resources: Iterable[HTTPRouteHandler] = RESOURCES) -> Litestar:
    """Make the application. Raises: ValueError for a handler that does not say who may call it."""
    with warnings.catch_warnings():
        # Litestar 3 will want dependencies and bodies marked as such; pyproject.toml keeps to 2.
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        app = Litestar(
            list(resources),
            path=PREFIX,
            guards=[guard],
            dependencies=DEPENDENCIES,
            exception_handlers={Exception: answer_error},
            openapi_config=make_config(),
            logging_config=None,
        )
    app.state.context = context
    for handler, path in _described(app):
        check_rule(handler.opt, path)
        _unwrap(handler)
    return app


def _unwrap(handler: HTTPRouteHandler) -> None:
    """Have a handler run in one thread.

    Litestar <=2.25 wraps a function once for every handler of the same path: a thread that hands
    over to a thread. Expected: once. Where the answer is a Response, it fails.
    """
    function = handler.fn
    while isinstance(function, AsyncCallable) and isinstance(function.func, AsyncCallable):
        function = function.func
    handler._fn = function


def _described(app: Litestar) -> Iterable[tuple[HTTPRouteHandler, str]]:
    """Find every handler and its path. Those of Litestar's own pages are none: nobody is let in."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema():
                    yield handler, route.path
