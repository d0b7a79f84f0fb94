"""`dragoman organisations`: who has a part of the gateway to themselves: list, create, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.list_group import ListGroup
from dragoman.cli.office import open_office
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.organisations.organisations import Organisation

_QUOTAS = ("keys", "providers", "projects", "members")


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def organisations() -> None:
    """List the organisations, unless a command says otherwise."""


@organisations.command("list")
@as_json
@shared
@click.pass_obj
def list_all(session: Session, json: bool) -> None:
    """List the organisations, with their quotas."""
    from dragoman.organisations.organisations import list_organisations
    from dragoman.types.paging import Page

    found: list[Organisation] = []
    page = Page()
    with open_office(session) as office, office.desk.read() as connection:
        while True:
            part = list_organisations(connection, page)
            found += part.items
            if part.after is None:
                break
            page = Page(after=part.after)
    console = session.terminal.out
    if json:
        from msgspec import to_builtins

        from dragoman.cli.json_output import print_json

        print_json(console, [to_builtins(one) for one in found])
        return
    for one in found:
        console.line(f"{one.name:20} {one.title:30} {_quotas(one)}".rstrip())


@organisations.command("create")
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What people call it.")
@shared
@click.pass_obj
def create(session: Session, name: str, title: str | None) -> None:
    """Make an organisation.

    \b
    dragoman organisations create acme --title 'ACME Inc.'
    """
    from dragoman.organisations.organisations import create_organisation

    with open_office(session) as office:
        create_organisation(office.desk, office.actor, name, title or name)
    session.terminal.note(f"Made '{name}'. Invite its owner: dragoman members invite owner")


@organisations.command("set")
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What people call it.")
@click.option("--keys", metavar="N", help="So many gateway keys at most; 'none' for any number.")
@click.option("--providers", metavar="N", help="So many providers of its own.")
@click.option("--projects", metavar="N", help="So many projects.")
@click.option("--members", metavar="N", help="So many members.")
@click.option(
    "--operator-providers",
    metavar="NAMES",
    help="Of the configuration's providers these alone, by commas; 'none' for all.",
)
@shared
@click.pass_obj
def set_(
    session: Session,
    /,
    name: str,
    title: str | None,
    operator_providers: str | None,
    **quotas: str | None,
) -> None:
    """Change an organisation's title and quotas; what is not given stays.

    \b
    dragoman organisations set acme --keys 20 --operator-providers openai,groq
    """
    from msgspec.structs import replace

    from dragoman.organisations.organisations import update_organisation

    with open_office(session) as office:
        found = office.organisation(name)
        changes: dict[str, object] = {
            quota: _count(said, f"--{quota}") for quota, said in quotas.items() if said is not None
        }
        if operator_providers is not None:
            names = tuple(part.strip() for part in operator_providers.split(",") if part.strip())
            changes["operator_providers"] = None if names == ("none",) else names
        update_organisation(
            office.desk,
            office.actor,
            found,
            title=title,
            quotas=replace(found.quotas, **changes) if changes else None,
        )


@organisations.command("delete")
@click.argument("name")
@click.option("--confirm", metavar="NAME", required=True, help="Its name once more.")
@shared
@click.pass_obj
def delete(session: Session, name: str, confirm: str) -> None:
    """Delete an organisation and all that is set up in it; what was used stays in the records."""
    from dragoman.organisations.organisations import delete_organisation

    with open_office(session) as office:
        delete_organisation(office.desk, office.actor, office.organisation(name), confirm=confirm)


def _count(said: str, option: str) -> int | None:
    if said == "none":
        return None
    if not said.isascii() or not said.isdigit():
        raise WrongUsage(f"{option} takes a number", f"{option} 20, or {option} none")
    return int(said)


def _quotas(organisation: Organisation) -> str:
    quotas = organisation.quotas
    said = [
        f"{getattr(quotas, name)} {name}" for name in _QUOTAS if getattr(quotas, name) is not None
    ]
    if quotas.operator_providers is not None:
        said.append(f"of the operator's {', '.join(quotas.operator_providers) or 'none'}")
    return f"at most {', '.join(said)}" if said else ""
