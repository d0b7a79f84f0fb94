"""Webhooks: where an organisation wants to be told that something has happened.

The secret with which deliveries are signed is made here, shown once, and kept sealed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from dragoman.config.secrets import origin_of
from dragoman.errors import DragomanError, Forbidden, InvalidRequest
from dragoman.organisations.failures import ChangedMeanwhile, Conflict, NotFound
from dragoman.organisations.sealing import Purpose
from dragoman.organisations.texts import check_name, shown
from dragoman.organisations.versions import check_version
from dragoman.store.json_column import read_json
from dragoman.transport.egress import check_url
from dragoman.types.credential import Secret
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.http import parse_url
from dragoman.types.paging import Page, Slice, cut
from dragoman.types.provider import EgressPolicy

if TYPE_CHECKING:
    from dragoman.organisations.actor import Actor
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.safe import Safe
    from dragoman.store.database import Connection

log = logging.getLogger("dragoman.server")

Event: TypeAlias = Literal["budget.warning", "budget.exhausted", "provider.down", "provider.up"]
EVENTS: tuple[Event, ...] = get_args(Event)

PREFIX = "whsec_"
LIMIT = 20
"""So many an organisation may have: each is asked for every event."""
URL_LIMIT = 2000
_COLUMNS = "organisation_id, name, url, secret, events, enabled, created_at, updated_at, version"


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook. `secret` is sealed. Times are Unix time.

    One with a `problem` is told of nothing: its `events` cannot be read.
    """

    organisation_id: str
    name: str
    url: str
    secret: str | None
    events: tuple[Event, ...]
    enabled: bool
    created_at: float
    updated_at: float
    version: int
    problem: str | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.organisation_id}, {self.name})"


def list_webhooks(connection: Connection, organisation_id: str, page: Page) -> Slice[Webhook]:
    """List the webhooks of an organisation by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM webhook WHERE organisation_id = :of"  # noqa: S608
        " AND name > :after ORDER BY name LIMIT :limit",
        {"of": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([_read(row) for row in rows], page, lambda one: one.name)


def list_listening(connection: Connection, organisation_id: str, event: str) -> list[Webhook]:
    """List the webhooks that want to hear of an event."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM webhook WHERE organisation_id = :of AND enabled = 1",  # noqa: S608
        {"of": organisation_id},
    )
    found = [_read(row) for row in rows]
    for one in found:
        if one.problem is not None:
            log.warning("webhook '%s' of %s: %s", one.name, organisation_id, one.problem)
    return [one for one in found if event in one.events]


def resolve_webhook(connection: Connection, organisation_id: str, name: str) -> Webhook:
    """Find a webhook by its name. Raises: NotFound."""
    found = _find(connection, organisation_id, name)
    if found is None:
        raise NotFound("there is no such webhook", hint="list the webhooks to see which there are")
    return found


def put_webhook(
    desk: Desk,
    safe: Safe,
    actor: Actor,
    organisation_id: str,
    name: str,
    *,
    url: str,
    events: Sequence[Event] = EVENTS,
    enabled: bool = True,
    new_secret: bool = False,
    version: int | None = None,
) -> tuple[Webhook, Secret | None]:
    """Make a webhook, or change it; gives its secret when it is a new one.

    Raises: InvalidRequest, Forbidden, Conflict, ChangedMeanwhile.
    """
    of = organisation_id
    check_name(name)
    _check_hand(actor, of)
    _check_url(url, egress_of(of))
    if not events:
        raise InvalidRequest(
            "it is not said of what events", param="events", hint=", ".join(EVENTS)
        )
    with desk.read() as connection:
        there = _find(connection, of, name) is not None
    secret = None if there and not new_secret else Secret(PREFIX + token_urlsafe(32))
    sealed = None if secret is None else safe.seal(secret.reveal(), purpose_of(of, name))
    with desk.change(actor, "put", "webhook", name, organisation_id=of) as change:
        connection = change.connection
        old = _find(connection, of, name)
        check_version(version, old.version if old else 0, f"the webhook {shown(name)}")
        if there != (old is not None):  # a new one would lack its secret, or void another's
            raise ChangedMeanwhile("it was made or deleted meanwhile", hint="ask again")
        before = None if old is None else _noted(old)
        after = _said(url, sorted(set(events)), enabled)
        values: dict[str, Any] = {
            "url": url,
            "secret": sealed or (old.secret if old else None),
            "events": msgspec.json.encode(after["events"]).decode(),
            "enabled": int(enabled),
        }
        if old is None:
            _check_room(connection, of)
            row = (of, name, *values.values(), change.now, change.now)
            columns = ("organisation_id", "name", *values, "created_at", "updated_at")
            connection.insert("webhook", columns, [row])
        elif secret is not None or before != after:
            connection.write(
                "UPDATE webhook SET url = :url, secret = :secret, events = :events,"
                " enabled = :enabled, updated_at = :now, version = version + 1"
                " WHERE organisation_id = :of AND name = :name",
                {**values, "now": change.now, "of": of, "name": name},
            )
        change.note(*_audited(before, after, new_secret=secret is not None))
        return resolve_webhook(connection, of, name), secret


def delete_webhook(desk: Desk, actor: Actor, organisation_id: str, name: str) -> None:
    """Delete a webhook, and what it was to be told. Raises: NotFound."""
    with desk.change(actor, "delete", "webhook", name, organisation_id=organisation_id) as change:
        old = resolve_webhook(change.connection, organisation_id, name)
        named = {"of": organisation_id, "name": name}
        for statement in (
            "DELETE FROM webhook WHERE organisation_id = :of AND name = :name",
            "DELETE FROM delivery WHERE organisation_id = :of AND webhook = :name",
        ):
            change.connection.write(statement, named)
        change.note(_without_secrets(_noted(old)), None)


def purpose_of(organisation_id: str, name: str) -> Purpose:
    """Say what a webhook's secret is sealed for."""
    return Purpose(organisation_id, "webhook", name)


def egress_of(organisation_id: str) -> EgressPolicy:
    """Say under which policy it is delivered: those of the operator's own are the operator's."""
    return "operator" if organisation_id == DEFAULT_ORGANISATION else "organisation"


def _check_hand(actor: Actor, organisation_id: str) -> None:
    """See that who asks may set what leads there. Raises: Forbidden."""
    if egress_of(organisation_id) == "operator" and not actor.operator:
        raise Forbidden(
            "webhooks of this organisation may lead inside: operators alone set them",
            hint="ask an operator of this gateway",
        )


def _check_room(connection: Connection, organisation_id: str) -> None:
    (row,) = connection.rows(
        "SELECT count(*) AS number FROM webhook WHERE organisation_id = :of",
        {"of": organisation_id},
    )
    if row["number"] >= LIMIT:
        raise Conflict(f"the organisation has {LIMIT} webhooks, and may have no more")


def _check_url(url: str, policy: EgressPolicy) -> None:
    if len(url) > URL_LIMIT:
        raise InvalidRequest("the URL is too long", param="url")
    if not url.startswith(("https://", "http://")):
        raise InvalidRequest("a webhook is an https:// URL", param="url")
    try:
        check_url(parse_url(url), policy)
    except (ValueError, DragomanError) as error:
        hint = getattr(error, "hint", None) or "like https://hooks.example.com/dragoman"
        raise InvalidRequest(str(error), param="url", hint=hint) from None


def _find(connection: Connection, organisation_id: str, name: str) -> Webhook | None:
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM webhook WHERE organisation_id = :of AND name = :name",  # noqa: S608
        {"of": organisation_id, "name": name},
    )
    return _read(rows[0]) if rows else None


def _read(row: Any) -> Webhook:
    found = dict(row)
    found["events"], unread = read_json(row["events"], tuple[Event, ...], ())
    found["enabled"] = bool(row["enabled"])
    if unread is not None:
        found["problem"] = f"it is told of nothing: its events cannot be read: {unread}"
    return Webhook(**found)


def _noted(webhook: Webhook) -> dict[str, Any]:
    said = _said(webhook.url, webhook.events, webhook.enabled)
    return said if webhook.problem is None else {**said, "problem": webhook.problem}


def _audited(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], *, new_secret: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Say what was there and what is now as the audit log may have it."""
    old, new = _without_secrets(before), _without_secrets(after)
    if before is not None and before["url"] != after["url"] and old["url"] == new["url"]:
        new["url"] += " (another)"
    return old, {**new, **({"secret": "new"} if new_secret else {})}


def _without_secrets(noted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Say the same for the audit log: of a URL its origin, the rest is what opens many a hook."""
    if noted is None:
        return {}
    origin = origin_of(noted["url"]) or ""
    whole = noted["url"].rstrip("/") == origin
    return {**noted, "url": origin if whole else f"{origin}/…"}


def _said(url: str, events: Sequence[Event], enabled: bool) -> dict[str, Any]:
    return {"url": url, "events": list(events), "enabled": enabled}
