"""`/organisations/{org}/webhooks`: who is told when a budget is used up or a provider is down.

A delivery is a POST of JSON: `id`, `event`, `at` and `data`; its header `dragoman-delivery` is the
id. `dragoman-signature` is `t=TIME,v1=HEX`: HMAC-SHA256, by the webhook's secret, over `TIME.BODY`.
`/organisations/{org}/deliveries` says what became of each.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import QueryParameter
from msgspec import Struct

from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.errors import DragomanError
from dragoman.organisations import deliveries, webhooks
from dragoman.organisations.actor import Actor
from dragoman.organisations.deliveries import Delivery, State
from dragoman.organisations.delivery import deliver, why_not, write_body
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.webhooks import EVENTS, Event, Webhook
from dragoman.types.identifier import new_id
from dragoman.types.paging import Page

log = logging.getLogger("dragoman.control")


class WebhookShown(Struct, frozen=True, kw_only=True):
    """A webhook, without its secret. Times are Unix seconds.

    One with a `problem` is told of nothing: its events cannot be read, and others mend it.
    """

    name: str
    url: str
    events: list[Event]
    enabled: bool
    created_at: float
    updated_at: float
    version: int
    problem: str | None = None


class WebhookPut(WebhookShown, frozen=True, kw_only=True):
    """A webhook with its `secret`, if that is a new one: nobody can read it again."""

    secret: str | None = None


class WebhookBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook as it is to be. `new_secret`: the old one signs no more."""

    url: str
    events: tuple[Event, ...] = EVENTS
    enabled: bool = True
    new_secret: bool = False
    version: int | None = None


class Tried(Struct, frozen=True, kw_only=True):
    """What became of a test delivery. `reason` is one line, where it was not taken."""

    delivered: bool
    reason: str | None = None


@get("/organisations/{org:str}/webhooks", opt={"least": "admin"}, sync_to_thread=True)
def list_webhooks(desk: Desk, organisation: Organisation, page: Page) -> Listed[WebhookShown]:
    """List the organisation's webhooks."""
    with desk.read() as connection:
        return listed(webhooks.list_webhooks(connection, organisation.id, page), show)


@get("/organisations/{org:str}/webhooks/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def show_webhook(desk: Desk, organisation: Organisation, name: str) -> WebhookShown:
    """Show a webhook."""
    with desk.read() as connection:
        return show(webhooks.resolve_webhook(connection, organisation.id, name))


@put("/organisations/{org:str}/webhooks/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_webhook(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: WebhookBody,
) -> WebhookPut:
    """Make a webhook, or change it. Its secret is shown when it is made."""
    made, secret = webhooks.put_webhook(
        desk,
        context.safe,
        actor,
        organisation.id,
        name,
        url=data.url,
        events=data.events,
        enabled=data.enabled,
        new_secret=data.new_secret,
        version=data.version,
    )
    shown = {field: getattr(show(made), field) for field in WebhookShown.__struct_fields__}
    return WebhookPut(**shown, secret=None if secret is None else secret.reveal())


@delete("/organisations/{org:str}/webhooks/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def delete_webhook(desk: Desk, actor: Actor, organisation: Organisation, name: str) -> None:
    """Delete a webhook."""
    webhooks.delete_webhook(desk, actor, organisation.id, name)


@post("/organisations/{org:str}/webhooks/{name:str}/test", opt={"least": "admin"}, status_code=200)
async def try_webhook(context: Context, desk: Desk, organisation: Organisation, name: str) -> Tried:
    """Deliver an event called `test`, now and once."""
    webhook = await asyncio.to_thread(_resolve, desk, organisation.id, name)
    try:
        id_ = new_id("dlv")
        body = write_body(id_, "test", desk.clock(), {"webhook": name})
        await deliver(context.transport, context.safe, webhook, id_, body)
    except DragomanError as error:
        log.warning("the webhook '%s' was not told of a test: %s", name, error.message)
        return Tried(delivered=False, reason=why_not(error, webhook))
    return Tried(delivered=True)


@get("/organisations/{org:str}/deliveries", opt={"least": "admin"}, sync_to_thread=True)
def list_deliveries(
    desk: Desk,
    organisation: Organisation,
    page: Page,
    webhook: str | None = None,
    wanted: Annotated[State | None, QueryParameter(name="state")] = None,
) -> Listed[Delivery]:
    """List what webhooks were told and are to be told, the latest first.

    What is `waiting` is tried at `due_at`. What was `delivered` or has `failed` is shown for two
    weeks.
    """
    with desk.read() as connection:
        found = deliveries.list_deliveries(
            connection, organisation.id, page, webhook=webhook, state=wanted
        )
        return listed(found, lambda one: one)


def _resolve(desk: Desk, organisation_id: str, name: str) -> Webhook:
    with desk.read() as connection:
        return webhooks.resolve_webhook(connection, organisation_id, name)


def show(webhook: Webhook) -> WebhookShown:
    """Show a webhook without its secret."""
    shown = {field: getattr(webhook, field) for field in WebhookShown.__struct_fields__}
    return WebhookShown(**{**shown, "events": list(webhook.events)})


HANDLERS = (
    list_webhooks,
    show_webhook,
    put_webhook,
    delete_webhook,
    try_webhook,
    list_deliveries,
)
