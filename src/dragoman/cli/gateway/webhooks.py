"""`dragoman webhooks`: who is told of budgets that are used up and providers that are down.

They are made in the console or by the API, which show the secret that they are signed with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.gateway.office import of_organisation, open_office
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.organisations.deliveries import Delivery, State

_STATES = ("waiting", "delivered", "failed")


@click.group(help=__doc__)
@shared
def webhooks() -> None:
    """See the module."""


@webhooks.command("list")
@of_organisation
@as_json
@shared
@click.pass_obj
def list_webhooks(session: Session, organisation: str, json: bool) -> None:
    """List webhooks: where they are, and what they are told."""
    from dragoman.organisations.webhooks import LIMIT
    from dragoman.organisations.webhooks import list_webhooks as find
    from dragoman.types.paging import Page

    with open_office(session) as office:
        of = office.organisation(organisation).id
        with office.desk.read() as connection:
            found = find(connection, of, Page(LIMIT)).items
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(
            console,
            [
                {
                    "name": one.name,
                    "url": one.url,
                    "events": one.events,
                    "enabled": one.enabled,
                    "problem": one.problem,
                }
                for one in found
            ],
        )
        return
    if not found:
        session.terminal.note("no webhooks: PUT /api/v1/organisations/{org}/webhooks/{name}")
    for one in found:
        state = "" if one.enabled else "  (off)"
        console.line(f"{one.name}  {one.url}  {', '.join(one.events)}{state}")
        if one.problem is not None:
            session.terminal.warn(f"{one.name}: {one.problem}")


@webhooks.command("deliveries")
@click.option("--webhook", metavar="NAME", help="Of this webhook alone.")
@click.option("--state", type=click.Choice(_STATES), help="Those alone.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@of_organisation
@as_json
@shared
@click.pass_obj
def list_deliveries(
    session: Session,
    webhook: str | None,
    state: State | None,
    limit: int,
    organisation: str,
    json: bool,
) -> None:
    """List what webhooks were told and are to be told, the latest first.

    \b
    dragoman webhooks deliveries --state failed
    """
    from dragoman.organisations.deliveries import list_deliveries as find
    from dragoman.organisations.webhooks import resolve_webhook
    from dragoman.types.paging import Page

    with open_office(session) as office:
        of = office.organisation(organisation).id
        with office.desk.read() as connection:
            if webhook is not None:
                resolve_webhook(connection, of, webhook)
            found = find(connection, of, Page(limit), webhook=webhook, state=state).items
    if json:
        from msgspec import to_builtins

        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, [to_builtins(one) for one in found])
        return
    if not found:
        session.terminal.note("nothing was to be told")
    _print(session, found)


def _print(session: Session, found: Sequence[Delivery]) -> None:
    for one in found:
        at = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        tries = f"{one.tries} {'try' if one.tries == 1 else 'tries'}"
        last = one.reason or ("" if one.status is None else str(one.status))
        session.terminal.out.line(
            f"{at}  {one.event:16} {one.webhook}  {one.state}  {tries}  {last}".rstrip()
        )
