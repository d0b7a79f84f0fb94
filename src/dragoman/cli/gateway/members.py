"""`dragoman members`: who has which role in an organisation: list, invite, set, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.gateway.office import Office, of_organisation, open_office
from dragoman.cli.gateway.reaching import url_of
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.organisations.accounts import Account

ROLES = click.Choice(["viewer", "member", "admin", "owner"])


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def members() -> None:
    """List the members, unless a command says otherwise."""


@members.command("list")
@of_organisation
@as_json
@shared
@click.pass_obj
def list_all(session: Session, organisation: str, json: bool) -> None:
    """List the members of an organisation."""
    from dragoman.organisations.members import list_members
    from dragoman.types.paging import every

    with open_office(session) as office:
        of = office.organisation(organisation).id
        with office.desk.read() as connection:
            found = list(every(lambda page: list_members(connection, of, page)))
    console = session.terminal.out
    if json:
        from msgspec import to_builtins

        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [to_builtins(one) for one in found])
        return
    if not found:
        session.terminal.note(
            f"Nobody is a member of '{organisation}' yet: dragoman members invite owner"
        )
    for one in found:
        console.line(f"{one.email:40} {one.role}{'' if one.enabled else '  (disabled)'}")


@members.command("invite")
@click.argument("role", type=ROLES)
@of_organisation
@click.option("--email", metavar="ADDRESS", help="Whose account alone may accept it.")
@shared
@click.pass_obj
def invite(session: Session, role: str, organisation: str, email: str | None) -> None:
    """Make an invitation, valid once and for a week, and print its link: this once.

    \b
    dragoman members invite admin --organisation acme --email ada@example.com
    """
    from dragoman.config import load
    from dragoman.organisations.invitations import invite
    from dragoman.organisations.members import read_role

    server = load(file=session.config_file).server
    base = server.public_url or url_of(server, "set `public_url` under [server]")
    with open_office(session, create=True) as office:
        made = invite(
            office.desk,
            office.actor,
            office.organisation(organisation),
            read_role(role),
            email=email,
        )
    session.terminal.out.line(f"{base.rstrip('/')}/invitation#{made.token.reveal()}")


@members.command("set")
@click.argument("email")
@click.argument("role", type=ROLES)
@of_organisation
@shared
@click.pass_obj
def set_(session: Session, email: str, role: str, organisation: str) -> None:
    """Make an account a member, or give a member another role."""
    from dragoman.organisations.members import put_member, read_role

    with open_office(session) as office:
        of = office.organisation(organisation).id
        account = _account(office, email)
        put_member(office.desk, office.actor, of, account.id, read_role(role))


@members.command("remove")
@click.argument("email")
@of_organisation
@shared
@click.pass_obj
def remove(session: Session, email: str, organisation: str) -> None:
    """Remove a member; their own gateway keys and open invitations here end."""
    from dragoman.organisations.members import remove_member

    with open_office(session) as office:
        of = office.organisation(organisation).id
        remove_member(office.desk, office.actor, of, _account(office, email).id)


def _account(office: Office, email: str) -> Account:
    from dragoman.organisations.accounts import find_by_email
    from dragoman.organisations.failures import NotFound
    from dragoman.organisations.texts import read_email

    with office.desk.read() as connection:
        found = find_by_email(connection, read_email(email))
    if found is None:
        raise NotFound(
            "there is no account with this e-mail address",
            hint="invite them: dragoman members invite ROLE --email ADDRESS",
        )
    return found
